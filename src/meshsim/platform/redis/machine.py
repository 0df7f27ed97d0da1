"""A host that runs one of our servers on the hub: it listens, and hands bytes to and fro.

The server has no task of its own: its answer to a message is worked out when the message arrives. A paused host
keeps what arrives, and its timers, until it goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from meshsim.network.connection import EOF
from meshsim.network.outcome import ConnectionReset

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.host import Host
    from meshsim.kernel.process import Process
    from meshsim.kernel.timer import Timer
    from meshsim.network.connection import Connection
    from meshsim.world import World

__all__ = ["Machine"]

_FIRST_PEER_PORT = 40_000
# A paused host looks this often whether it goes on.
_LOOK_EVERY_NS = 1_000_000


class _Server(Protocol):
    def open(
        self, peer: str, on_reply: Callable[[bytes], None], on_close: Callable[[], None] | None = None
    ) -> Any: ...


class Machine:
    """One host with one server.

    Args:
        world: the world it is in.
        name: the host's name.
        service: the name that the host answers to.
        port: where the server listens.
    """

    def __init__(self, world: World, name: str, service: str, port: int) -> None:
        self.world = world
        self.port = port
        self.host: Host = world.add_host(name, service, port)
        self._peers = 0
        kernel, host = world.kernel, self.host
        # The host's wall clock, in nanoseconds since 1970: a closure, because every command asks for it.
        self.clock: Callable[[], int] = lambda: kernel.epoch_ns + kernel.now + host.clock_offset_ns

    def boot(self) -> Process:
        """Give the host a new process; `serve` then opens its port."""
        process = self.world.kernel.boot(self.host)
        self._peers = 0
        return process

    def serve(self, server: _Server) -> None:
        """Accept connections for a server."""
        self.world.fabric.listen(self.host, self.port, lambda connection: self._accept(server, connection))

    def call_at(self, when_ns: int, function: Callable[[], None]) -> Timer:
        """Have the server called at a moment of its clock, while its process lives and is not paused."""
        kernel = self.world.kernel
        return kernel.call_at(
            when_ns - kernel.epoch_ns - self.host.clock_offset_ns, self._run, self.host.process, function
        )

    def _run(self, process: Process | None, function: Callable[..., None], *args: Any) -> None:
        if process is None or process.dead:
            return
        if self.host.paused:
            kernel = self.world.kernel
            kernel.call_at(kernel.now + _LOOK_EVERY_NS, self._run, process, function, *args)
            return
        function(*args)

    def _accept(self, server: _Server, connection: Connection) -> None:
        self._peers += 1
        address = self.world.fabric.names.address(connection.peer.process.host)
        Client(self, server, connection, f"{address}:{_FIRST_PEER_PORT + self._peers}")


class Client:
    """One connection of a client to a machine."""

    __slots__ = ("_connection", "_held", "_host", "_machine", "_session", "name")

    def __init__(self, machine: Machine, server: _Server, connection: Connection, peer: str) -> None:
        self._machine = machine
        self._host = machine.host
        self._connection = connection
        self._held: list[object] = []
        self._session = server.open(peer, self._send, connection.close)
        self._session.caller = connection.peer_host
        connection.on_message(self._take)

    def _take(self, item: Any) -> None:
        if self._held or self._host.paused:
            self._held.append(item)
            if len(self._held) == 1:
                self._look_later()
        elif type(item) is bytes:
            self._session.feed(item)
        else:
            self._session.close()
            if item is EOF:
                self._connection.close()

    def _look_later(self) -> None:
        kernel = self._machine.world.kernel
        kernel.call_at(kernel.now + _LOOK_EVERY_NS, self._look, self._host.process)

    def _look(self, process: Process | None) -> None:
        if process is None or process.dead:
            return
        if self._host.paused:
            self._look_later()
            return
        held, self._held = self._held, []
        for item in held:
            self._take(item)

    def _send(self, data: bytes) -> None:
        try:
            self._connection.send(data, len(data))
        except ConnectionReset:
            self._session.close()
