"""Everything between the hosts: who can reach whom, how long it takes, and what is lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.kernel import state
from meshsim.network import packet as kinds
from meshsim.network.dial import Dial
from meshsim.network.link import Link, Links
from meshsim.network.names import Names
from meshsim.network.outcome import ConnectTimeout
from meshsim.network.packet import Packet
from meshsim.network.verdict import BREAK, DOUBLE, DROP, REFUSE

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.core.streams import Streams
    from meshsim.kernel.host import Host
    from meshsim.kernel.process import Process
    from meshsim.kernel.scheduler import Kernel
    from meshsim.network.connection import Connection
    from meshsim.network.rules import Rule

# What `Route.decide` answers instead of a delay.
LOST = -1
REFUSED = -2
BROKEN = -3

# A host talks to itself in this time, whatever its links say.
LOOPBACK_NS = 20_000
OnPacket = "Callable[[int, int, int, int, int], object]"


def _process_on(host: Host) -> Process | None:
    """Return the process of a host that calls, which may be a child of its first one; else the first one."""
    task = state.current()
    return task.process if task is not None and task.process.host is host else host.process


class Listener:
    """A port that is open on a host; `close()` shuts it."""

    __slots__ = ("full", "host", "on_connect", "port", "process")

    def __init__(self, host: Host, port: int, on_connect: Callable[[Connection], None]) -> None:
        self.host = host
        self.process = _process_on(host)
        self.port = port
        self.on_connect = on_connect
        # Whether connections that nobody has accepted fill its queue; kept by those that have one.
        self.full = False

    def close(self) -> None:
        """Refuse connections from now on."""
        if self.host.listeners.get(self.port) is self:
            del self.host.listeners[self.port]


class Route:
    """The way from one host to another, with the rules that concern it; kept until rules change."""

    __slots__ = (
        "_constant",
        "_copies",
        "_fabric",
        "_key",
        "_link",
        "_loss",
        "_random",
        "_source",
        "_target",
        "rules",
    )

    def __init__(self, fabric: Fabric, source: Host, target: Host, link: Link, rules: list[Rule]) -> None:
        self._fabric = fabric
        self._source = source
        self._target = target
        self._key = (source.index, target.index)
        self._link = link
        self._loss = link.loss_probability
        self._constant = link.constant_ns if link.bandwidth_bytes_s is None else None
        self._random = fabric.random
        self._copies = 0
        self.rules = rules

    def decide(self, kind: int, size_bytes: int, message: object, port: int) -> int:
        """Return how long a packet takes in nanoseconds, or LOST, REFUSED or BROKEN; and tell the trace."""
        if self.rules:
            fate = self._ask_rules(Packet(self._source, self._target, kind, size_bytes, message, port))
        else:
            fate = self._standing(size_bytes)
        on_packet = self._fabric.on_packet
        if on_packet is not None:
            on_packet(self._source.index, self._target.index, kind, size_bytes, fate)
        return fate

    def fates(self, kind: int, size_bytes: int, message: object, port: int) -> list[int]:
        """Return what becomes of a datagram and of each copy that rules make of it, as `decide` says it."""
        self._copies = 0
        found = [self.decide(kind, size_bytes, message, port)]
        if found[0] < 0:
            # What was lost on the way was not doubled on it: no copy slips through a partition.
            return found
        for _ in range(self._copies):
            fate = self._standing(size_bytes)
            found.append(fate)
            if self._fabric.on_packet is not None:
                self._fabric.on_packet(self._source.index, self._target.index, kind, size_bytes, fate)
        return found

    def _standing(self, size_bytes: int) -> int:
        if self._loss and self._random.random() < self._loss:
            return LOST
        if self._constant is not None:
            return self._constant
        link = self._link
        delay = link.constant_ns
        if delay is None:
            delay = link.sample(self._random)  # type: ignore[misc]  # a link has one of the two
        if link.bandwidth_bytes_s is not None:
            # The line outlives this route: what is on it does not vanish when a rule comes or goes.
            now, key, busy = self._fabric.kernel.now, self._key, self._fabric.busy_until_ns
            busy[key] = max(now, busy.get(key, now)) + int(size_bytes / link.bandwidth_bytes_s * 1e9)
            delay += busy[key] - now
        return delay

    def _ask_rules(self, packet: Packet) -> int:
        extra = 0
        instead: int | None = None
        for rule in self.rules:
            verdict = rule.on_packet(packet)
            if verdict is None:
                continue
            if verdict.action == DROP:
                return LOST
            if verdict.action == DOUBLE:
                self._copies += 1
                continue
            if verdict.action == REFUSE:
                return REFUSED
            if verdict.action == BREAK:
                return BROKEN
            if instead is None:
                instead = verdict.delay_ns
            extra += verdict.extra_ns
        if instead is not None:
            return instead + extra
        fate = self._standing(packet.size_bytes)
        return fate if fate < 0 else fate + extra


class Fabric:
    """The network of one world.

    Args:
        kernel: whose hosts it connects.
        streams: where latency and loss are drawn.
        links: the standing properties; changes need `changed()`.
    """

    def __init__(self, kernel: Kernel, streams: Streams, links: Links | None = None) -> None:
        self.kernel = kernel
        self.random: Any = streams.get("network")
        self.links = links or Links()
        self.names = Names()
        self.rules: list[Rule] = []
        self.on_packet: Callable[[int, int, int, int, int], object] | None = None
        # Until when each direction of a link with a bandwidth is taken by what was sent before.
        self.busy_until_ns: dict[tuple[int, int], int] = {}
        self._routes: dict[tuple[int, int], Route] = {}
        self.version = 0

    def route(self, source: Host, target: Host) -> Route:
        """Return the way from `source` to `target` as it is now."""
        key = (source.index, target.index)
        route = self._routes.get(key)
        if route is None:
            if source is target:
                link, rules = Link(constant_ns=LOOPBACK_NS), []
            else:
                link = self.links.find((source.name, source.service), (target.name, target.service))
                rules = [rule for rule in self.rules if rule.covers(source.name, target.name)]
            route = self._routes[key] = Route(self, source, target, link, rules)
        return route

    def changed(self) -> None:
        """Forget the routes: links or rules are no longer what they were."""
        self._routes.clear()
        self.version += 1

    def install(self, rule: Rule) -> None:
        """Add a rule behind those that stand."""
        self.rules.append(rule)
        self.changed()

    def remove(self, rule: Rule) -> None:
        """Take a rule away; traffic is then as it was before it."""
        if rule in self.rules:
            self.rules.remove(rule)
            self.changed()

    def listen(self, host: Host, port: int, on_connect: Callable[[Connection], None]) -> Listener:
        """Open a port of the process on `host`; `on_connect` runs on the hub, with the server's end.

        Raises:
            OSError: the port is open already, with the number that a real bind gives.
        """
        if port in host.listeners:
            raise OSError(98, f"Address already in use: {host.name}:{port}")
        listener = Listener(host, port, on_connect)
        host.listeners[port] = listener
        if listener.process is not None:
            listener.process.at_death.append(listener.close)
        return listener

    def dial(
        self,
        source: Host,
        name: str,
        port: int,
        done: Callable[[Connection | Exception], None],
        *,
        local_port: int = 0,
    ) -> Dial:
        """Begin to connect; `done` is called on the hub with the connection or with an Outcome.

        Raises:
            FenceError: the name means nothing here.
        """
        target, target_port = self.names.resolve(source, name, port)
        attempt = Dial(self, source, target, target_port, done, local_port=local_port)
        attempt.begin()
        return attempt

    def connect(self, source: Host, name: str, port: int, timeout_ns: int | None) -> Connection:
        """Connect from the calling task, which parks until the connection stands.

        Raises:
            ConnectRefused, ConnectTimeout: as the network has it.
            FenceError: the name means nothing here.
        """
        kernel = self.kernel
        task = state.task
        deadline = None if timeout_ns is None else kernel.now + timeout_ns
        result: list[Connection | Exception] = []

        def done(outcome: Connection | Exception) -> None:
            result.append(outcome)
            if task is not None:
                kernel.wake(task)

        attempt = self.dial(source, name, port, done)
        if task is not None:
            task.wait = attempt
        try:
            while not result:
                if not kernel.park(deadline) and not result:
                    msg = f"{source.name} -> {name}:{port}: no answer to the attempt to connect"
                    raise ConnectTimeout(msg)  # noqa: TRY301 - the attempt is cancelled whatever ended it
        except BaseException:
            attempt.cancel()
            raise
        outcome = result[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


__all__ = ["BROKEN", "LOST", "REFUSED", "Fabric", "Listener", "Route", "kinds"]
