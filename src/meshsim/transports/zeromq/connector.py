"""What a socket has connected: dialling, and dialling again."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from meshsim.network.connection import Connection
from meshsim.transports.zeromq.handshake import Handshake, Ready
from meshsim.transports.zeromq.link import LinkPipe
from meshsim.transports.zeromq.numbers import Event
from meshsim.transports.zeromq.pipes import peer_properties

if TYPE_CHECKING:
    from meshsim.kernel.timer import Timer
    from meshsim.network.dial import Dial
    from meshsim.transports.zeromq.addresses import Address
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["Connector"]

NS_PER_MS: Final = 1_000_000
# Sockets that begin anew on a new connection: they tell their subscriptions again.
SUBSCRIBERS: Final = ("SUB", "XSUB")


class Connector:
    """One connected endpoint: dials until it succeeds, and again when the connection is lost.

    Args:
        socket: whose endpoint it is.
        address: where to.
        text: the address as the program gave it.
        port: the port to dial, which for ipc stands for the path.

    Attributes:
        service: whom the address names.
    """

    def __init__(self, socket: MeshSocket, address: Address, text: str, port: int) -> None:
        self.socket = socket
        self.address = address
        self.text = text
        self._port = port
        self._name = "localhost" if address.protocol == "ipc" else address.name
        names, host = socket.fabric.names, socket.process.host
        known = names.hosts_of(self._name, port)
        self.service = known[0].service if known else host.service
        self._dial: Dial | None = None
        self._timer: Timer | None = None
        self._handshake: Handshake | None = None
        self._interval_ms = -1
        self._stopped = False
        self._was_up = False
        self.pipe: LinkPipe | None = None

    def begin(self) -> None:
        """Make the pipe, unless it is wanted only with a connection, and dial."""
        if not self.socket.options.immediate:
            self._make_pipe()
        self._try()

    def _make_pipe(self) -> LinkPipe:
        self.pipe = LinkPipe(self.socket, self.text, self, local=True)
        self.socket.attach(self.pipe, None)
        return self.pipe

    # -- dialling ---------------------------------------------------------------------------------------

    def _try(self) -> None:
        socket = self.socket
        if self._stopped or socket.process.dead:
            return
        self._timer = None
        within_ms = socket.options.connect_timeout_ms
        if within_ms > 0:
            self._timer = socket.call_in(within_ms * NS_PER_MS, self._too_late)
        self._dial = socket.fabric.dial(socket.process.host, self._name, self._port, self._dialed)
        socket.tell(Event.CONNECT_DELAYED, errno.EINPROGRESS, self.text)

    def _too_late(self) -> None:
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None
            self._again()

    def _dialed(self, outcome: Connection | Exception) -> None:
        self._dial = None
        socket = self.socket
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if socket.process.dead:
            return
        if isinstance(outcome, Connection):
            socket.tell(Event.CONNECTED, socket.descriptor_number(), self.text)
            self._handshake = Handshake(socket, outcome, self._ready, self._failed)
            self._handshake.begin()
        else:
            socket.tell(Event.CLOSED, socket.descriptor_number(), self.text)
            self._again()

    def _again(self) -> None:
        """Dial once more after a while, as long as libzmq takes."""
        options = self.socket.options
        base_ms = options.reconnect_ms
        if self._stopped:
            return
        if base_ms <= 0:
            self._give_up()
            return
        interval_ms = self._next_interval(base_ms, options.reconnect_max_ms)
        self._timer = self.socket.call_in(interval_ms * NS_PER_MS, self._try)
        self.socket.tell(Event.CONNECT_RETRIED, interval_ms, self.text)

    def _next_interval(self, base_ms: int, most_ms: int) -> int:
        if most_ms > 0:
            candidate = base_ms if self._interval_ms == -1 else self._interval_ms * 2
            self._interval_ms = min(candidate, most_ms)
            return self._interval_ms
        return base_ms + int(self.socket.stream.random() * base_ms)

    # -- the connection ---------------------------------------------------------------------------------

    def _ready(self, connection: Connection, ready: Ready) -> None:
        socket = self.socket
        self._handshake = None
        self._interval_ms = -1
        pipe = self.pipe or self._make_pipe()
        address = socket.fabric.names.address(connection.peer.process.host)
        pipe.properties = peer_properties(ready.type_name, ready.routing_id, address)
        socket.tell(Event.HANDSHAKE_SUCCEEDED, 0, self.text)
        if pipe.attached and not self._was_up:
            socket.pattern.identified(pipe, ready.routing_id)
        self._was_up = True
        pipe.plug(connection)

    def _failed(self, _connection: Connection, protocol: bool) -> None:  # noqa: FBT001 - the shape of a callback
        self._handshake = None
        self.socket.tell(Event.DISCONNECTED, self.socket.descriptor_number(), self.text)
        if protocol:
            self._give_up()
        else:
            self._again()

    def lost(self, pipe: LinkPipe, *, protocol: bool) -> None:
        """Dial again, keeping what waits; a peer that broke the rules is not tried again."""
        socket = self.socket
        socket.tell(Event.DISCONNECTED, socket.descriptor_number(), self.text)
        if protocol:
            self._give_up()
            return
        if socket.options.immediate and pipe.attached:
            self.pipe = None
            self._was_up = False
            socket.detach(pipe)
        elif socket.type_name in SUBSCRIBERS and pipe.attached:
            pipe.forget_unsent()
            socket.pattern.hiccuped(pipe)
        self._again()

    def over(self, _pipe: LinkPipe) -> None:
        """Stop: the pipe has been closed for good."""
        self.stop()

    def _give_up(self) -> None:
        pipe, self.pipe = self.pipe, None
        self.stop()
        if pipe is not None:
            pipe.ending = True
            if pipe.attached:
                pipe.peer_gone()
            else:
                pipe.end(0)
        self.socket.endpoints.forget(self)

    def stop(self) -> None:
        """Dial no more."""
        self._stopped = True
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._handshake is not None:
            self._handshake.cancel()
            self._handshake = None

    def end(self, linger_ms: int) -> None:
        """Disconnect, once what is queued has been sent or the time is over."""
        pipe = self.pipe
        if pipe is None:
            self.stop()
        else:
            pipe.end(linger_ms)
