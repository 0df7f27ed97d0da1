"""All of a scenario together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsim.graph.link import LinkSpec, resolve

if TYPE_CHECKING:
    from meshsim.core.selector import Selector
    from meshsim.graph.expect import ExpectSpec
    from meshsim.graph.fault import FaultSpec
    from meshsim.graph.platform import PlatformSpec
    from meshsim.graph.service import ServiceSpec
    from meshsim.graph.workload import WorkloadSpec
    from meshsim.scenario.references import Reference

__all__ = ["Graph"]


@dataclass(frozen=True, slots=True)
class Graph:
    """What a world is made from.

    `folder` is the absolute folder of the scenario, `file` its file as the user gave it (empty for a dict).
    `duration_ns` is None when the run ends with its workloads; `settle_ns` is None when nothing is settled.
    `case` is the overlay in force, `cases` are the names of all. `routes` are the pairs of consumer and
    provider that links name.
    """

    name: str
    file: str
    folder: str
    case: str | None
    cases: tuple[str, ...]
    seed: int
    seeds: int
    epoch_ns: int
    duration_ns: int | None
    settle_ns: int | None
    setup: tuple[Reference, ...]
    xfail: str | None
    marks: tuple[str, ...]
    services: tuple[ServiceSpec, ...]
    platform: tuple[PlatformSpec, ...]
    links: tuple[LinkSpec, ...]
    faults: tuple[FaultSpec, ...]
    workload: tuple[WorkloadSpec, ...]
    expect: tuple[ExpectSpec, ...]

    def service(self, name: str) -> ServiceSpec | None:
        """Return the service called `name`, or None."""
        return next((service for service in self.services if service.name == name), None)

    def platform_service(self, name: str) -> PlatformSpec | None:
        """Return the platform service called `name`, or None."""
        return next((service for service in self.platform if service.name == name), None)

    def link(self, consumer: str, provider: str) -> LinkSpec | None:
        """Return what lies between two hosts, from the most exact link that states each value."""
        return resolve(self.links, consumer, provider)

    def providers_of(self, consumer: str) -> tuple[str, ...]:
        """Return the names that the links say `consumer` calls, in their order: a client's routing."""
        return tuple(
            dict.fromkeys(
                link.provider.name
                for link in self.links
                if link.provider.name != "*" and link.consumer.matches(consumer)
            )
        )

    def hosts_of(self, selector: Selector) -> tuple[str, ...]:
        """Return the hosts that a selector's target means; a platform service is a host of its own name."""
        hosts = [host for service in self.services for host in service.hosts()]
        return selector.target.hosts([*hosts, *(service.name for service in self.platform)])
