"""ZMTP's handshake: a greeting each way, then READY with the socket's type and routing id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshsim.network.connection import EOF

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.network.connection import Connection
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["Handshake", "Ready"]

GREETING_BYTES: Final = 64
READY_BYTES: Final = 28
NS_PER_MS: Final = 1_000_000

# Who may talk to whom.
FITS: Final = {
    "REQ": ("REP", "ROUTER"),
    "REP": ("REQ", "DEALER"),
    "DEALER": ("REP", "DEALER", "ROUTER"),
    "ROUTER": ("REQ", "DEALER", "ROUTER"),
    "PUSH": ("PULL",),
    "PULL": ("PUSH",),
    "PUB": ("SUB", "XSUB"),
    "XPUB": ("SUB", "XSUB"),
    "SUB": ("PUB", "XPUB"),
    "XSUB": ("PUB", "XPUB"),
    "PAIR": ("PAIR",),
}
# Only these tell their routing id.
NAMED: Final = ("REQ", "DEALER", "ROUTER")


class Greeting:
    """The first 64 bytes: signature, version, mechanism."""

    __slots__ = ()


class Ready:
    """The last command of the handshake."""

    __slots__ = ("routing_id", "type_name")

    def __init__(self, type_name: str, routing_id: bytes) -> None:
        self.type_name = type_name
        self.routing_id = routing_id


class Handshake:
    """One handshake under way.

    Args:
        socket: whose it is.
        connection: just established.
        done: called with what the peer said of itself.
        failed: called with whether the protocol, and not the network, is why.
    """

    __slots__ = ("_connection", "_done", "_failed", "_socket", "_timer")

    def __init__(
        self,
        socket: MeshSocket,
        connection: Connection,
        done: Callable[[Connection, Ready], None],
        failed: Callable[[Connection, bool], None],
    ) -> None:
        self._socket = socket
        self._connection = connection
        self._done = done
        self._failed = failed
        within_ms = socket.options.handshake_ms
        self._timer = socket.call_in(within_ms * NS_PER_MS, self._late) if within_ms > 0 else None

    def begin(self) -> None:
        """Send the greeting; what comes back may be there already."""
        self._connection.send(Greeting(), GREETING_BYTES)
        self._connection.on_message(self._arrived)

    def cancel(self) -> None:
        """Give up without a word."""
        if self._timer is not None:
            self._timer.cancel()
        self._connection.on_message(_ignore)
        self._connection.close()

    def _late(self) -> None:
        self._fail(protocol=False)

    def _arrived(self, item: Any) -> None:
        socket = self._socket
        if socket.process.dead:
            return
        if type(item) is Greeting:
            routing_id = socket.options.routing_id if socket.type_name in NAMED else b""
            ready = Ready(socket.type_name, routing_id)
            self._connection.send(ready, READY_BYTES + len(ready.type_name) + len(routing_id))
        elif type(item) is Ready:
            most = socket.options.max_message_bytes
            # MAXMSGSIZE holds for the handshake's own commands as well: a small one lets nobody in.
            if item.type_name not in FITS[socket.type_name] or 0 <= most < READY_BYTES:
                self._fail(protocol=True)
                return
            if self._timer is not None:
                self._timer.cancel()
            self._connection.on_message(None)
            self._done(self._connection, item)
        else:
            self._fail(protocol=item is not EOF and not isinstance(item, Exception))

    def _fail(self, *, protocol: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._connection.on_message(_ignore)
        self._connection.close()
        self._failed(self._connection, protocol)


def _ignore(_item: object) -> None:
    """Stand where a connection that is given up has somebody to tell."""
