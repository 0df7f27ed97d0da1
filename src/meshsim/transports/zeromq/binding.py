"""What a socket has bound: listening, and the connections that came there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.transports.zeromq.handshake import Handshake, Ready
from meshsim.transports.zeromq.link import LinkPipe
from meshsim.transports.zeromq.numbers import Event
from meshsim.transports.zeromq.pipes import peer_properties

if TYPE_CHECKING:
    from meshsim.network.connection import Connection
    from meshsim.network.fabric import Listener
    from meshsim.transports.zeromq.addresses import Address
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["Binding"]


class Binding:
    """One bound endpoint and the connections that came to it.

    Args:
        socket: whose endpoint it is.
        address: what was bound, with the port that it got.
        port: the port listened on, which for ipc stands for the path.
    """

    # A peer of a bound endpoint has a connection, or is no peer.
    service = ""

    def __init__(self, socket: MeshSocket, address: Address, port: int) -> None:
        self.socket = socket
        self.address = address
        self.text = address.text
        self._port = port
        self._listener: Listener | None = None
        self._handshakes: dict[Connection, Handshake] = {}
        self.pipes: dict[LinkPipe, None] = {}

    def begin(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        socket = self.socket
        self._listener = socket.fabric.listen(socket.process.host, self._port, self._accepted)
        socket.room.reset_stale(socket.process.host, self._port)
        socket.tell(Event.LISTENING, socket.descriptor_number(), self.text)

    def _accepted(self, connection: Connection) -> None:
        socket = self.socket
        if socket.process.dead:
            return
        socket.tell(Event.ACCEPTED, socket.descriptor_number(), self.text)
        handshake = Handshake(socket, connection, self._ready, self._failed)
        self._handshakes[connection] = handshake
        handshake.begin()

    def _ready(self, connection: Connection, ready: Ready) -> None:
        del self._handshakes[connection]
        socket = self.socket
        pipe = LinkPipe(socket, self.text, self, local=False)
        self.pipes[pipe] = None
        address = socket.fabric.names.address(connection.peer.process.host)
        pipe.properties = peer_properties(ready.type_name, ready.routing_id, address)
        socket.tell(Event.HANDSHAKE_SUCCEEDED, 0, self.text)
        socket.room.remember(connection)
        socket.attach(pipe, ready.routing_id)
        pipe.plug(connection)

    def _failed(self, connection: Connection, _protocol: bool) -> None:  # noqa: FBT001 - the shape of a callback
        self._handshakes.pop(connection, None)
        self.socket.tell(Event.DISCONNECTED, self.socket.descriptor_number(), self.text)

    def lost(self, pipe: LinkPipe, *, protocol: bool) -> None:  # noqa: ARG002 - it is over either way
        """Let the socket read what has come, and forget the peer."""
        self.socket.tell(Event.DISCONNECTED, self.socket.descriptor_number(), self.text)
        self.pipes.pop(pipe, None)
        pipe.forget_unsent()
        if pipe.attached:
            pipe.peer_gone()
        else:
            pipe.end(0)

    def over(self, pipe: LinkPipe) -> None:
        """Forget a pipe."""
        self.pipes.pop(pipe, None)

    def end(self, linger_ms: int) -> None:
        """Listen no more, and end what came here."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self.socket.tell(Event.CLOSED, self.socket.descriptor_number(), self.text)
        for handshake in list(self._handshakes.values()):
            handshake.cancel()
        self._handshakes.clear()
        for pipe in list(self.pipes):
            pipe.end(linger_ms)
