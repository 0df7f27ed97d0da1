"""Holds the faults of a world: starts them, heals them, and gives their verbs what they work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshsim.errors import UnsupportedOperation
from meshsim.faults.act import Setting
from meshsim.faults.calls import CALL_VERBS
from meshsim.faults.fault import Fault
from meshsim.faults.hosts import HOST_VERBS
from meshsim.faults.http import answer_by
from meshsim.faults.interception import Interceptions, Standing
from meshsim.faults.links import LINK_VERBS, LinkAct
from meshsim.faults.platform import PLATFORM_VERBS
from meshsim.faults.watch import Watches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from meshsim.faults.act import Act
    from meshsim.graph import FaultSpec
    from meshsim.kernel.host import Host
    from meshsim.kernel.scheduler import Kernel
    from meshsim.network.fabric import Fabric
    from meshsim.services.boot import Service
    from meshsim.trace import Recorder

__all__ = ["Nemesis"]

_ACTS: Final[dict[str, Callable[[Setting], Act]]] = {
    **dict.fromkeys(LINK_VERBS, LinkAct),
    **HOST_VERBS,
    **CALL_VERBS,
    **PLATFORM_VERBS,
}


class Nemesis:
    """What breaks a world.

    Args:
        world: what is broken. It needs `kernel`, `fabric`, `recorder` and `streams` when the first fault is
            injected, and for some verbs `services` and `platforms`.

    Attributes:
        faults: every fault that was injected, in that order.
        interceptions: what rooms ask before they answer a call.
        watches: who waits for calls.
    """

    def __init__(self, world: Any) -> None:
        self._world = world
        self.faults: list[Fault] = []
        self.interceptions = Interceptions()
        self.watches = Watches(world.recorder)
        self._labels: dict[str, int] = {}
        self._held: dict[Host, int] = {}

    # -- what a world and a run call --------------------------------------------------------------------

    def inject(self, spec: FaultSpec, started_ns: int | None = None) -> Fault:
        """Begin a fault, or wait for its moment.

        Args:
            spec: the fault.
            started_ns: the moment from which its own moments count; by default now.
        """
        fault = self._make(spec)
        self.faults.append(fault)
        fault.arm(self.kernel.now if started_ns is None else started_ns)
        return fault

    def start(self, specs: Iterable[FaultSpec], started_ns: int | None = None) -> list[Fault]:
        """Begin a plan: every fault of a scenario, in its order."""
        return [self.inject(spec, started_ns) for spec in specs]

    def heal_all(self) -> None:
        """End every fault now and for good."""
        for fault in self.faults:
            if not fault.healed:
                fault.heal()

    def _make(self, spec: FaultSpec) -> Fault:
        # A label by what the fault is, not by its number: one fault more leaves the others' draws alone.
        label = f"faults:{spec.verb} {' '.join(str(target) for target in spec.targets)}"
        count = self._labels[label] = self._labels.get(label, 0) + 1
        if count > 1:
            label = f"{label}#{count}"
        streams = self._world.streams
        setting = Setting(self, spec, streams.get(label), streams.get(f"{label}/each"))
        return Fault(setting, _ACTS[spec.verb](setting))

    # -- what verbs use ---------------------------------------------------------------------------------

    @property
    def kernel(self) -> Kernel:
        """Tasks and the clock."""
        kernel: Kernel = self._world.kernel
        return kernel

    @property
    def fabric(self) -> Fabric:
        """The network."""
        fabric: Fabric = self._world.fabric
        return fabric

    @property
    def recorder(self) -> Recorder:
        """The trace's writer."""
        recorder: Recorder = self._world.recorder
        return recorder

    @property
    def services(self) -> Mapping[str, Service]:
        """The services by name."""
        services: Mapping[str, Service] = self._world.services
        return services

    @property
    def platforms(self) -> Mapping[str, Any]:
        """The platform services by name."""
        platforms: Mapping[str, Any] = self._world.platforms
        return platforms

    def path_of(self, host: Host) -> str:
        """Return the folder of the code that a host runs, or nothing for a platform service."""
        service = self.services.get(host.service)
        return service.spec.path if service is not None else ""

    def restart_platform(self, host: Host) -> None:
        """Have a platform service boot one of its hosts again.

        Raises:
            UnsupportedOperation: it cannot.
        """
        # A platform service may have more hosts than one: a Sentinel's are its own and the replicas.
        owners = [found for found in self.platforms.values() if host in getattr(found, "hosts", ())]
        restart = getattr(owners[0], "restart", None) if owners else None
        if restart is None:
            msg = (
                f"{host.name} cannot be restarted: its platform service has no restart; crash or partition it"
            )
            raise UnsupportedOperation(msg)
        self.kernel.call_at(self.kernel.now, restart, host)

    def intercept(self, standing: Standing) -> None:
        """Add a fault at calls; rooms see it from the next call on."""
        answer_by(self.kernel, self.interceptions)
        self.interceptions.standing.append(standing)

    def hold(self, host: Host) -> None:
        """Stop a host for one more fault; called on the hub."""
        self._held[host] = self._held.get(host, 0) + 1
        self.kernel.pause(host)

    def release(self, host: Host) -> None:
        """Let a host go on when no fault holds it any more; called on the hub."""
        held = self._held.pop(host, 0) - 1
        if held > 0:
            self._held[host] = held
        else:
            self.kernel.resume(host)
