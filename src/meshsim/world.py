"""Wires everything: a scenario becomes hosts on a network, and the one object that a test holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from meshsim.core.streams import Streams
from meshsim.core.tape import Tape
from meshsim.errors import UsageError
from meshsim.faults.nemesis import Nemesis
from meshsim.graph import Graph, build
from meshsim.kernel.patches import sockets
from meshsim.kernel.simulation import Simulation
from meshsim.logs import Logs
from meshsim.mesh import Mesh, to_ns
from meshsim.network.fabric import Fabric
from meshsim.network.link import Link, Links
from meshsim.platform.registry import load_platform
from meshsim.scenario import load
from meshsim.services.boot import Service, wait_until_up
from meshsim.services.registry import load_adapter
from meshsim.trace import Recorder, Trace
from meshsim.transports.registry import seams
from meshsim.workloads.setup import run_setup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from types import TracebackType

    from meshsim.graph import LinkSpec
    from meshsim.kernel.host import Host
    from meshsim.kernel.process import Process
    from meshsim.kernel.scheduler import Kernel
    from meshsim.scenario import Document

# Services boot before time 0, so that a scenario's moments count from a mesh that is up.
BOOT_NS = 1_000_000_000


class World(Mesh):
    """A graph of services on a simulated network, on virtual time.

    Made by `World.from_file`, or in code: `World(seed=1).service("a", wsgi=app).platform("cache", redis={})`.
    Used as a context manager; inside it this object is the mesh.

    Args:
        seed: where every choice comes from.
        policy: `random`, `fifo` or `pct`: which ready task runs next.
        carrier: `greenlet` or `thread`: what tasks run on.
        tape: a recorded run to follow.
        allow_network: lifts the fence for real sockets.
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        policy: str = "random",
        carrier: str = "greenlet",
        tape: Tape | None = None,
        allow_network: bool = False,
        watchdog_s: float | None = 20.0,
    ) -> None:
        self._in_code: dict[str, Any] = {}
        self._loaded: Document | None = None
        self._graph: Graph | None = None
        self._seed = seed
        self._policy = policy
        self._carrier = carrier
        self._watchdog_s = watchdog_s
        self._allow_network = allow_network
        self.tape = tape if tape is not None else Tape()
        self.services: dict[str, Service] = {}
        self.platforms: dict[str, Any] = {}
        self.opened = False

    # -- making -----------------------------------------------------------------------------------------

    @classmethod
    def from_file(
        cls,
        source: str | PathLike[str] | Mapping[str, object],
        case: str | None = None,
        seed: int | None = None,
        overrides: Iterable[str] = (),
        **options: Any,
    ) -> Self:
        """Make the world of a scenario.

        Args:
            source: a file, a folder that holds `scenario.mesh.yaml`, or a dict of the same form.
            case: one of the scenario's cases.
            seed: instead of the scenario's own.
            overrides: `services.orders.concurrency=16` texts.
            options: as of the constructor.

        Raises:
            ScenarioError: with every mistake and its place.
        """
        return cls.from_document(load(source, case, overrides), seed, **options)

    @classmethod
    def from_document(cls, document: Document, seed: int | None = None, **options: Any) -> Self:
        """Make the world of a scenario that was loaded before."""
        world = cls(seed, **options)
        world._loaded = document
        return world

    def service(self, name: str, **options: Any) -> Self:
        """Add a service in code: one adapter word (`wsgi=app`) and the scenario's other words."""
        self._section("services")[name] = options
        return self

    def platform(self, name: str, **word: Any) -> Self:
        """Add a platform service in code: one word, as `redis={}`."""
        self._section("platform")[name] = word
        return self

    def link(self, consumer: str, provider: str, **options: Any) -> Self:
        """Set a link in code: `link("a", "b", latency="1ms", loss="0.1%")`; `"*"` is everybody."""
        self._section("links")[f"{consumer} -> {provider}"] = options
        return self

    def _section(self, name: str) -> dict[str, Any]:
        if self._loaded is not None:
            msg = f"{name} cannot be added to a world that comes from a scenario; add them there"
            raise UsageError(msg)
        section: dict[str, Any] = self._in_code.setdefault(name, {})
        return section

    @property
    def document(self) -> Document:
        """The scenario, validated."""
        if self._loaded is None:
            self._loaded = load(self._in_code)
        return self._loaded

    @property
    def graph(self) -> Graph:
        """What the scenario says, as data."""
        if self._graph is None:
            self._graph = build(self.document)
        return self._graph

    @property
    def seed(self) -> int:
        """The seed of this run."""
        return self.graph.seed if self._seed is None else self._seed

    # -- opening and closing ----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Enter the simulation and boot everything; time 0 is when all of it is up."""
        graph = self.graph
        self.streams = Streams(self.seed, self.tape)
        self.simulation = Simulation(
            self.streams,
            policy_name=self._policy,
            carrier_name=self._carrier,
            watchdog_s=self._watchdog_s,
            epoch_ns=graph.epoch_ns,
            now_ns=-BOOT_NS,
        )
        kernel = self.kernel
        self.fabric = Fabric(kernel, self.streams, _GraphLinks(graph))
        self.recorder = Recorder(lambda: kernel.now)
        self.trace = Trace(self.recorder)
        self.nemesis = Nemesis(self)
        kernel.fabric, kernel.recorder, kernel.world = self.fabric, self.recorder, self
        kernel.on_switch = self.recorder.switch
        kernel.on_unhandled = self.unhandled
        self.fabric.on_packet = self.recorder.packet
        self._register(kernel.hosts["test"], None)
        sockets.allow_network = self._allow_network
        self.simulation.enter(seams())
        self.simulation.give_modules(kernel.home, [graph.folder], ())
        self.opened = True
        self._logs = Logs(self)
        self._logs.enter()
        try:
            self._boot(graph)
        except BaseException:
            self.close()
            raise

    def _boot(self, graph: Graph) -> None:
        for provided in graph.platform:
            self.platforms[provided.name] = load_platform(self, provided)
        for spec in graph.services:
            service = self.services[spec.name] = Service(self, spec, load_adapter(spec.adapter))
            service.add_hosts()
        for platform in self.platforms.values():
            platform.boot()
        for service in self.services.values():
            for host in service.hosts:
                service.start(host)
        wait_until_up(self, list(self.services.values()))
        run_setup(self)
        kernel = self.kernel
        if kernel.now < 0:
            kernel.sleep(-kernel.now)
        self.started_ns = kernel.now

    def close(self) -> None:
        """End every task and give every patched name back."""
        if self.opened:
            self.opened = False
            self._logs.leave()
            self.simulation.leave()

    # -- what rooms and plugins use ---------------------------------------------------------------------

    @property
    def kernel(self) -> Kernel:
        """The tasks and the clock."""
        return self.simulation.kernel

    def add_host(self, name: str, service: str, port: int | None) -> Host:
        """Add a machine to the world and to its network."""
        return self._register(self.kernel.add_host(name, service), port)

    def _register(self, host: Host, port: int | None) -> Host:
        self.fabric.names.add(host, port)
        self.recorder.host(host.index, host.name)
        return host

    def unhandled(self, process: Process, where: str, error: BaseException | None) -> None:
        """Note an error that nobody handled: it ended a thread, a handler or a process."""
        text = f"{type(error).__name__}: {error}" if error is not None else "unknown error"
        self.recorder.event("unhandled", process.host.name, f"{where}: {text}", error=type(error).__name__)


def _link(spec: LinkSpec) -> Link:
    """Return a scenario's link as the network has it."""
    latency = spec.latency
    return Link(
        sample=None if latency is None else latency.sample,
        constant_ns=Link().constant_ns if latency is None else latency.constant_ns,
        loss_probability=spec.loss_probability or 0.0,
        bandwidth_bytes_s=spec.bandwidth_bytes_s,
    )


class _GraphLinks(Links):
    """The links of a scenario: each value from the most exact link that states it, in both directions."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._graph = graph

    def find(self, source: tuple[str, str], target: tuple[str, str]) -> Link:
        """Return the link between two hosts, each given as (name, service)."""
        there = self._graph.link(source[0], target[0])
        back = self._graph.link(target[0], source[0])
        if there is None or (back is not None and back.rank > there.rank):
            there = back
        return Link() if there is None else _link(there)


__all__ = ["World", "to_ns"]
