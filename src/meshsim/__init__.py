"""meshsim runs a graph of real Python services in one process, on virtual time.

World        a scenario's hosts on a network, and the object that a test holds
errors       the error tree
core         units, selectors, the seed's streams, the tape of choices
scenario     YAML -> validated document
graph        document -> services, platform services, links; pure data
kernel       tasks on virtual time, and every boundary of the operating system
network      hosts, links, packets
transports   one room a protocol
platform     one room a platform service
services     adapters that boot a service on a host
faults       what breaks, and when
workloads    who calls
trace        what happened
checks       what must hold
report       how it is told
runner       a scenario as a run
plugin, cli  pytest's and the shell's side
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.errors import (
    BootError,
    DeadlockError,
    FenceError,
    LivelockError,
    MeshError,
    ReplayError,
    ScenarioError,
    StuckError,
    UnsettledError,
    UnsupportedOperation,
    UsageError,
    WatchdogError,
)

if TYPE_CHECKING:
    from meshsim.world import World

__all__ = [
    "BootError",
    "DeadlockError",
    "FenceError",
    "LivelockError",
    "MeshError",
    "ReplayError",
    "ScenarioError",
    "StuckError",
    "UnsettledError",
    "UnsupportedOperation",
    "UsageError",
    "WatchdogError",
    "World",
]


def __getattr__(name: str) -> Any:
    # The world imports everything; an idle pytest plugin must not.
    if name == "World":
        from meshsim.world import World  # noqa: PLC0415 - see above

        return World
    msg = f"module 'meshsim' has no attribute {name!r}"
    raise AttributeError(msg)
