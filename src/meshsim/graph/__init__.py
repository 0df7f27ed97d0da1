"""The graph of a scenario as pure data: all that it says, nothing that happens.

What there is, in the order of a scenario file:

    service    what runs on the hosts
    platform   what the services find already running
    link       what lies between two parties, and which link counts for a pair
    fault      when, what and at whom
    workload   who calls what, how often
    expect     what must hold
    graph      all of it together
    build      a validated document -> the graph
"""

from __future__ import annotations

from meshsim.graph.build import build, build_fault
from meshsim.graph.expect import ExpectSpec
from meshsim.graph.fault import FaultSpec, When
from meshsim.graph.graph import Graph
from meshsim.graph.link import LinkSpec
from meshsim.graph.platform import PlatformSpec, ReplySpec, ResponseSpec
from meshsim.graph.service import ServiceSpec
from meshsim.graph.workload import WorkloadSpec
from meshsim.scenario.rates import Rate
from meshsim.scenario.references import Reference
from meshsim.scenario.triggers import Trigger

__all__ = [
    "ExpectSpec",
    "FaultSpec",
    "Graph",
    "LinkSpec",
    "PlatformSpec",
    "Rate",
    "Reference",
    "ReplySpec",
    "ResponseSpec",
    "ServiceSpec",
    "Trigger",
    "When",
    "WorkloadSpec",
    "build",
    "build_fault",
]
