"""Bare hosts on a network, driven by the test: no room, no service, no scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from meshsim.core.streams import Streams
from meshsim.kernel.simulation import Simulation
from meshsim.network.fabric import Fabric
from meshsim.network.link import Link, Links
from meshsim.network.outcome import Outcome

if TYPE_CHECKING:
    from meshsim.kernel.host import Host
    from meshsim.network.connection import Connection
    from meshsim.network.rules import Rule

MS = 1_000_000
SECOND = 1_000_000_000
PORT = 80


class SmallNetwork:
    """Hosts `a/0` and `b/0`, and whatever others a test adds.

    Attributes:
        packets: (source, target, kind, size in bytes, fate) of each packet, in the order of their decisions.
    """

    def __init__(
        self, *hosts: str, link: Link | None = None, links: Links | None = None, seed: int = 7
    ) -> None:
        self.streams = Streams(seed)
        self.simulation = Simulation(self.streams)
        self.kernel: Any = self.simulation.kernel
        self.fabric = Fabric(self.kernel, self.streams, links or Links(link))
        self.packets: list[tuple[str, str, int, int, int]] = []
        self._names: list[str] = ["test"]
        for name in hosts or ("a/0", "b/0"):
            self.add(name)

    def __enter__(self) -> Self:
        self.fabric.on_packet = self._note
        self.simulation.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.simulation.leave()

    def _note(self, source: int, target: int, kind: int, size_bytes: int, fate: int) -> None:
        self.packets.append((self._names[source], self._names[target], kind, size_bytes, fate))

    @property
    def now(self) -> int:
        """The virtual time in nanoseconds."""
        return int(self.kernel.now)

    def add(self, name: str) -> Host:
        """Add a host that lives."""
        host: Host = self.kernel.add_host(name, name.partition("/")[0])
        self.fabric.names.add(host, PORT)
        self._names.append(name)
        self.kernel.boot(host)
        return host

    def host(self, name: str) -> Host:
        """Return the host of a name."""
        host: Host = self.kernel.hosts[name]
        return host

    def crash(self, name: str) -> None:
        """End the process of a host at once."""
        process = self.host(name).process
        assert process is not None
        self.kernel.kill(process, -9)

    def sleep(self, duration_ns: int) -> None:
        """Let virtual time pass."""
        self.kernel.sleep(duration_ns)

    def connect(
        self, source: str = "a/0", target: str = "b", timeout_ns: int | None = None
    ) -> tuple[Connection, Connection]:
        """Open a listener if there is none, connect to it, and return the client's and the server's end."""
        accepted: list[Connection] = []
        host = self.fabric.names.hosts_of(target)[0]
        if PORT not in host.listeners:
            self.fabric.listen(host, PORT, lambda end: None)
        listener: Any = host.listeners[PORT]
        listener.on_connect = accepted.append
        client = self.fabric.connect(self.host(source), target, PORT, timeout_ns)
        return client, accepted[0]

    def refusal(self, source: str, target: str, timeout_ns: int | None = None) -> tuple[str, int]:
        """Connect in vain; return the outcome's class and after how long it came."""
        began = self.now
        try:
            self.fabric.connect(self.host(source), target, PORT, timeout_ns)
        except Outcome as error:
            return type(error).__name__, self.now - began
        return "connected", self.now - began

    def with_rule(self, rule: Rule) -> Rule:
        """Install a rule and return it."""
        self.fabric.install(rule)
        return rule


def named(*names: str) -> Any:
    """Return the predicate of a rule that means these hosts."""
    return lambda name: name in names


def everything(end: Connection) -> list[object]:
    """Collect all that arrives at an end from now on: messages, EOF, errors."""
    arrived: list[object] = []
    end.on_message(arrived.append)
    return arrived
