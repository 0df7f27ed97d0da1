"""A world to break: two replicas of orders that ask an echo at cache, on the real kernel and network."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self

from meshsim.core.streams import Streams
from meshsim.core.tape import Tape
from meshsim.core.units import parse_duration
from meshsim.faults import Fault, Nemesis
from meshsim.graph import FaultSpec, build_fault
from meshsim.kernel.simulation import Simulation
from meshsim.network.fabric import Fabric
from meshsim.network.outcome import Outcome
from meshsim.scenario import load
from meshsim.trace import Recorder, Trace

MS = 1_000_000
SECOND = 1_000_000_000
PORT = 6379


def app(environ: Any, start: Any) -> list[bytes]:
    """Stand for a service's code; the hosts of these tests run loops of their own."""
    raise NotImplementedError


DOCUMENT = load(
    {
        "services": {"orders": {"wsgi": app, "replicas": 2}, "shop": {"wsgi": app}},
        "platform": {"cache": {"redis": {}}, "sentinel": {"redis_sentinel": {"master": "cache"}}},
        "links": {"orders -> cache": {}, "shop -> orders": {}},
    }
)


def spec_of(**words: Any) -> FaultSpec:
    """Make a fault from the words of a scenario."""
    return build_fault(DOCUMENT, words)


def echo(end: Any) -> None:
    """Send back whatever comes on a connection."""

    def answer(item: Any) -> None:
        if isinstance(item, int):
            end.send(item, 10)

    end.on_message(answer)


class EchoService:
    """What the nemesis asks of a service: how it comes back."""

    def __init__(self, world: FaultWorld, restart_ns: int | None) -> None:
        self.world = world
        self.spec = SimpleNamespace(restart_ns=restart_ns, path=__file__.rpartition("/")[0])

    def restart_later(self, host: Any) -> None:
        """Boot the host again after the supervisor's delay."""
        kernel = self.world.kernel
        kernel.call_at(kernel.now + (self.spec.restart_ns or 0), self.world.boot, host)


class Sentinel:
    """A platform service that notes what it is told."""

    def __init__(self) -> None:
        self.failovers: list[int] = []

    def failover(self, lose_ns: int) -> None:
        """Note it."""
        self.failovers.append(lose_ns)


class FaultWorld:
    """Kernel, network and recorder; hosts `orders/0`, `orders/1`, `shop/0` and `cache`."""

    def __init__(self, seed: int = 1, carrier: str = "greenlet", restart_ns: int | None = None) -> None:
        self.streams = Streams(seed, Tape())
        self.simulation = Simulation(self.streams, carrier_name=carrier)
        self.kernel: Any = self.simulation.kernel
        self.fabric = self.kernel.fabric = Fabric(self.kernel, self.streams)
        self.recorder = self.kernel.recorder = Recorder(lambda: self.kernel.now)
        self.trace = Trace(self.recorder)
        self.kernel.on_switch = self.recorder.switch
        self.fabric.on_packet = self.recorder.packet
        self.services: dict[str, Any] = {name: EchoService(self, restart_ns) for name in ("orders", "shop")}
        self.platforms: dict[str, Any] = {"sentinel": Sentinel()}
        self.nemesis = Nemesis(self)
        self.outcomes: list[tuple[str, int, str]] = []
        self.signalled: list[str] = []

    def __enter__(self) -> Self:
        self.simulation.enter()
        for name, service in (("orders/0", "orders"), ("orders/1", "orders"), ("shop/0", "shop")):
            self._add(name, service)
        self._add("cache", "cache")
        return self

    def __exit__(self, *_: object) -> None:
        self.simulation.leave()

    def _add(self, name: str, service: str) -> None:
        host = self.kernel.add_host(name, service)
        self.fabric.names.add(host, PORT)
        self.recorder.host(host.index, name)
        self.boot(host)

    def boot(self, host: Any) -> None:
        """Give a host a process: the echo for cache, a loop of questions for the others."""
        process = self.kernel.boot(host)
        if host.name == "cache":
            self.fabric.listen(host, PORT, echo)
        else:
            self.kernel.spawn(process, self.ask_on, host, name="MainThread")

    def ask_on(self, host: Any) -> None:
        """Ask cache every 10 ms, on one connection as long as it lasts."""
        connection, number = None, 0
        while True:
            number += 1
            try:
                if connection is None:
                    connection = self.fabric.connect(host, "cache", PORT, 20 * MS)
                self.ask(host, connection, number)
                self.outcomes.append((host.name, self.kernel.now, "ok"))
            except Outcome as error:
                self.outcomes.append((host.name, self.kernel.now, type(error).__name__))
                if connection is not None:
                    connection.abort()
                connection = None
            self.kernel.sleep(10 * MS)

    def ask(self, host: Any, connection: Any, number: int) -> None:
        """Ask once, and have the trace know."""
        call = self.recorder.call_sent("echo", host.name, "cache", "GET", target_host="cache")
        try:
            connection.send(number, 10)
            while connection.receive(20 * MS) != number:
                pass
        except Outcome as error:
            self.recorder.call_failed(call, type(error).__name__)
            raise
        self.recorder.call_replied(call, "ok")

    # -- what tests do ----------------------------------------------------------------------------------

    def fault(self, **words: Any) -> Fault:
        """Inject a fault, given in the words of a scenario; it counts from now."""
        return self.nemesis.inject(spec_of(**words))

    def run(self, duration: str) -> None:
        """Let virtual time pass."""
        self.kernel.sleep(parse_duration(duration))

    def seen(self, host: str, begin: str, end: str) -> set[str]:
        """Return which outcomes a host had between two moments."""
        low, high = parse_duration(begin), parse_duration(end)
        return {outcome for name, at, outcome in self.outcomes if name == host and low <= at < high}

    def events(self, kind: str) -> list[tuple[int, str, str]]:
        """Return when, where and what of the events of a kind; the time in milliseconds."""
        return [(event.at_ns // MS, event.host, event.text) for event in self.trace.events(kind)]
