"""Wires everything: a scenario becomes hosts on a network, and the one object that a test holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from meshsim import clients
from meshsim.core.selector import parse_selector
from meshsim.core.streams import Streams
from meshsim.core.tape import Tape
from meshsim.core.units import parse_duration
from meshsim.errors import UnsupportedOperation, UsageError
from meshsim.faults.nemesis import Nemesis
from meshsim.graph import Graph, build, build_fault
from meshsim.kernel.patches import sockets
from meshsim.kernel.simulation import Simulation
from meshsim.logs import Logs
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
    import logging
    from collections.abc import Callable, Iterable, Mapping
    from os import PathLike
    from types import TracebackType

    import requests
    from httpx import AsyncClient, Client
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

    from meshsim.faults.fault import Fault
    from meshsim.handles import HostHandle, OnHost, Started
    from meshsim.kernel.host import Host
    from meshsim.kernel.process import Process
    from meshsim.kernel.scheduler import Kernel
    from meshsim.scenario import Document
    from meshsim.transports.http.stubs import Route

# Services boot before time 0, so that a scenario's moments count from a mesh that is up.
BOOT_NS = 1_000_000_000
NANOSECONDS = 1_000_000_000


class World:
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
        self.fabric = Fabric(kernel, self.streams, _links(graph))
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

    # -- the mesh ---------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds of virtual time since everything was up."""
        return (self.kernel.now - self.started_ns) / NANOSECONDS

    @property
    def hash(self) -> str:
        """The hash over everything that happened so far."""
        return self.recorder.hash

    @property
    def logs(self) -> list[tuple[str, logging.LogRecord]]:
        """(host, record) of every log record so far."""
        return self._logs.records

    @property
    def random(self) -> Any:
        """A stream of the seed for the test's own draws."""
        return self.streams.get("workload")

    def run_for(self, duration: str | float) -> None:
        """Let virtual time pass: `"10s"`, or a number of seconds."""
        self.kernel.sleep(to_ns(duration))

    def run_until(
        self, predicate: Callable[[], object], timeout: str | float = "60s", every: str | float = "10ms"
    ) -> None:
        """Let virtual time pass until `predicate()` is true.

        Raises:
            TimeoutError: it was not true within `timeout` of virtual time.
        """
        kernel = self.kernel
        deadline = kernel.now + to_ns(timeout)
        while not predicate():
            if kernel.now >= deadline:
                name = getattr(predicate, "__name__", repr(predicate))
                msg = f"{name} was not true within {timeout} of virtual time"
                raise TimeoutError(msg)
            kernel.sleep(to_ns(every))

    def start(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Started:
        """Start a call on the host `test` and go on; the result has `.result()` and `.done`."""
        from meshsim.handles import Started  # noqa: PLC0415 - handles import the world's types

        return Started(self, function, args, kwargs)

    def host(self, name: str) -> HostHandle:
        """Return a host to crash, restart, pause, look into."""
        from meshsim.handles import HostHandle  # noqa: PLC0415 - handles import the world's types

        return HostHandle(self, name)

    def on(self, name: str) -> OnHost:
        """Return a context in which the test's code runs as a host."""
        from meshsim.handles import HostHandle, OnHost  # noqa: PLC0415 - handles import the world's types

        return OnHost(self, HostHandle(self, name).machine)

    # -- clients on the host `test` ---------------------------------------------------------------------

    def http(self, name: str) -> requests.Session:
        """Return a requests session whose relative URLs lead to a service."""
        return clients.http(self, name)

    def httpx(self, name: str, **options: Any) -> Client:
        """Return an httpx client of a service."""
        return clients.httpx_client(self, name, **options)

    def httpx_async(self, name: str, **options: Any) -> AsyncClient:
        """Return an asyncio httpx client of a service."""
        return clients.httpx_async_client(self, name, **options)

    def redis(self, name: str, **options: Any) -> Redis:
        """Return a redis-py client of a Redis of the platform."""
        return clients.redis_client(self, name, **options)

    def redis_async(self, name: str, **options: Any) -> AsyncRedis:
        """Return an asyncio redis-py client of a Redis of the platform."""
        return clients.redis_async_client(self, name, **options)

    def client(self, name: str) -> Any:
        """Return the client that a service's adapter gives: a PySOA client, a requests session, ..."""
        return clients.client(self, name)

    # -- faults -----------------------------------------------------------------------------------------

    def fault(self, spec: Mapping[str, object] | None = None, /, **words: object) -> Fault:
        """Inject a fault: a scenario's mapping, or its words as keywords (`for_="3s"`); starts now.

        Raises:
            ScenarioError: the words do not make a fault.
        """
        return self.nemesis.inject(build_fault(self.document, {**(spec or {}), **words}))

    def partition(self, *parties: str, for_: str | None = None, oneway: bool = False) -> Fault:
        """Cut two parties off from each other; also a context manager, with `.heal()` and `.fired`."""
        words: dict[str, object] = {"partition": {"to": list(parties), "oneway": oneway}}
        if for_ is not None:
            words["for"] = for_
        return self.fault(words)

    def stub(self, selector: str, **answer: Any) -> Route:
        """Answer calls instead of the service: `reply=`, `error=` or `side_effect=`; returns a route.

        Args:
            selector: which calls, as `"mail POST /v1/messages"` or `"storefront -> stock"`.
            answer: see `meshsim.transports.http.stubs.stub`, or what the service's adapter has.

        Raises:
            UsageError: nobody is called that, or the words make no answer.
            UnsupportedOperation: the service speaks a protocol that has no stubs.
        """
        parsed = parse_selector(selector)
        name = parsed.target.name
        service = self.services.get(name)
        if service is None and name not in self.platforms:
            msg = (
                f"{selector!r}: no service {name!r}; there are {', '.join([*self.services, *self.platforms])}"
            )
            raise UsageError(msg)
        if service is not None and hasattr(service.adapter, "stub"):
            route: Route = service.adapter.stub(self, parsed, **answer)
            return route
        if (service is None and self.platforms[name].word != "external") or (
            service and service.port is None
        ):
            msg = f"{selector!r}: {name} does not answer HTTP; a stub has nothing to stand before"
            raise UnsupportedOperation(msg)
        from meshsim.transports.http.stubs import stub  # noqa: PLC0415 - a world without HTTP has none of it

        return stub(parsed, **answer)

    def settle(self, duration: str | float = "30s") -> None:
        """End every fault and let virtual time pass until the mesh is quiet, for at most `duration`."""
        self.nemesis.heal_all()
        self.run_for(duration)


def to_ns(duration: str | float) -> int:
    """Return a duration in nanoseconds: a text with its unit, or seconds."""
    return parse_duration(duration) if isinstance(duration, str) else round(duration * NANOSECONDS)


def _links(graph: Graph) -> Links:
    links = Links()
    for spec in graph.links:
        latency = spec.latency
        link = Link(
            sample=None if latency is None else latency.sample,
            constant_ns=Link().constant_ns if latency is None else latency.constant_ns,
            loss_probability=spec.loss_probability or 0.0,
            bandwidth_bytes_s=spec.bandwidth_bytes_s,
        )
        links.add(str(spec.consumer), str(spec.provider), link)
    return links


__all__ = ["World", "clients", "to_ns"]
