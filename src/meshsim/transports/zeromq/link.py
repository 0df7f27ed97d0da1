"""A pipe over the network: the part of libzmq that runs on its I/O thread, here on the hub.

What leaves a socket goes to the connection at once while there is room on the way, and waits in the outbox
otherwise. A connection of the mesh takes everything, so the room on the way is counted here: what TCP's buffers
on both ends hold. The sender asks with a mark in the stream, the receiver answers once it has read that far.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol

from meshsim.network.connection import EOF
from meshsim.transports.zeromq.pipes import Message, Pipe

if TYPE_CHECKING:
    from meshsim.kernel.timer import Timer
    from meshsim.network.connection import Connection
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["LinkPipe"]

# What both buffers of a connection hold where nobody says otherwise: Linux lets them grow to megabytes.
BUFFER_BYTES: Final = 1 << 20
COMMAND_BYTES: Final = 8
NS_PER_MS: Final = 1_000_000


class Mark:
    """Asks to be told when everything before it has been read."""

    __slots__ = ("at_bytes",)

    def __init__(self, at_bytes: int) -> None:
        self.at_bytes = at_bytes


class Credit:
    """Says that everything before a mark has been read."""

    __slots__ = ("at_bytes",)

    def __init__(self, at_bytes: int) -> None:
        self.at_bytes = at_bytes


class Ping:
    """ZMTP's heartbeat; `ttl_ms` is how long the peer may go without another one."""

    __slots__ = ("ttl_ms",)

    def __init__(self, ttl_ms: int) -> None:
        self.ttl_ms = ttl_ms


class Pong:
    """The answer to a heartbeat."""

    __slots__ = ()


class Keeper(Protocol):
    """What makes pipes: a connector or a binding.

    Attributes:
        service: whom the endpoint names, as far as that is known.
    """

    service: str

    def lost(self, pipe: LinkPipe, *, protocol: bool) -> None:
        """Be told that a connection has ended; `protocol`: because the peer broke the rules."""

    def over(self, pipe: LinkPipe) -> None:
        """Be told that a pipe is done with for good."""


class LinkPipe(Pipe):
    """A pipe over a connection of the mesh.

    Args:
        socket: whose pipe it is.
        endpoint: bound or connected.
        keeper: what made the pipe, and is told on the hub when its connection has ended.
        local: whether this end connected.
    """

    __slots__ = (
        "_beat",
        "_heard_ns",
        "_keeper",
        "_linger",
        "_mark_bytes",
        "_room_bytes",
        "_sent_bytes",
        "_ttl",
        "connection",
        "held",
        "outbox",
        "window_bytes",
    )

    def __init__(self, socket: MeshSocket, endpoint: str, keeper: Keeper, *, local: bool) -> None:
        options = socket.options
        super().__init__(socket, endpoint, options.high_in, options.high_out, local=local)
        self._keeper = keeper
        self.connection: Connection | None = None
        self.outbox: deque[tuple[Message, int]] = deque(maxlen=1) if socket.conflates else deque()
        # What has come off the wire and found the inbox full.
        self.held: deque[Any] = deque()
        self._linger: Timer | None = None
        self._beat: Timer | None = None
        self._ttl: Timer | None = None
        self._heard_ns = 0
        self.window_bytes = options.buffer_bytes(BUFFER_BYTES)
        self._sent_bytes = self._mark_bytes = self._room_bytes = 0

    # -- the connection ---------------------------------------------------------------------------------

    def plug(self, connection: Connection) -> None:
        """Begin to use an established connection; what waits is sent."""
        self.connection = connection
        self._sent_bytes = 0
        self._mark_bytes = self.window_bytes // 2
        self._room_bytes = self.window_bytes
        self.held.clear()
        connection.on_message(self._arrived if self.attached else self._while_lingering)
        self._flush()
        if self.connection is not None:
            self._begin_heartbeat()

    def unplug(self) -> None:
        """Give the connection up without closing it."""
        self.connection = None
        self.held.clear()
        for timer in (self._beat, self._ttl):
            if timer is not None:
                timer.cancel()
        self._beat = self._ttl = None

    def _broken(self, *, protocol: bool = False) -> None:
        connection = self.connection
        if connection is None:
            return
        self.unplug()
        connection.on_message(_ignore)
        if protocol:
            connection.abort()
        else:
            connection.close()
        self._keeper.lost(self, protocol=protocol)

    def party(self) -> str:
        """Return who is at the other end; without a connection, whom the endpoint names."""
        return self._keeper.service if self.connection is None else self.connection.peer_host

    # -- writing ----------------------------------------------------------------------------------------

    def check_write(self) -> bool:
        """Whether there is room in the outbox."""
        if self.ending:
            self.out_active = False
            return False
        high = self.high_out
        if high and len(self.outbox) >= self.low_out:
            read = self.written - len(self.outbox)
            if self.written - read // self.low_out * self.low_out >= high:
                self.out_active = False
                return False
        return True

    def offer(self, message: Message, size_bytes: int) -> None:
        """Send a message if there is room for it; with an empty outbox and an open way there is."""
        connection = self.connection
        sent_bytes = self._sent_bytes
        if connection is None or self.outbox or sent_bytes >= self._room_bytes or self.ending:
            if self.check_write():
                self.write(message, size_bytes)
            return
        self.written += 1
        self._sent_bytes = sent_bytes = sent_bytes + size_bytes
        connection.send(message, size_bytes)
        if sent_bytes >= self._mark_bytes:
            self._ask()

    def write(self, message: Message, size_bytes: int) -> None:
        """Send a message, or queue it while there is no connection or no room on the way."""
        self.written += 1
        connection = self.connection
        if connection is None or self.outbox or self._sent_bytes >= self._room_bytes:
            if not self.ending:
                self.outbox.append((message, size_bytes))
            return
        self._sent_bytes += size_bytes
        connection.send(message, size_bytes)
        if self._sent_bytes >= self._mark_bytes:
            self._ask()

    def _ask(self) -> None:
        if self.connection is not None:
            self._mark_bytes = self._sent_bytes + self.window_bytes // 2
            self.connection.send(Mark(self._sent_bytes), COMMAND_BYTES)

    def _flush(self) -> None:
        outbox = self.outbox
        while outbox and self.connection is not None and self._sent_bytes < self._room_bytes:
            message, size_bytes = outbox.popleft()
            self._sent_bytes += size_bytes
            self.connection.send(message, size_bytes)
            if self._sent_bytes >= self._mark_bytes:
                self._ask()
        if not self.attached:
            self._finish_linger()
        elif not self.out_active and self.check_write():
            self.out_active = True
            self.socket.write_activated(self)

    def forget_unsent(self) -> None:
        """Drop what waits to be sent."""
        self.written = self.written - len(self.outbox)
        self.outbox.clear()

    # -- reading ----------------------------------------------------------------------------------------

    def _arrived(self, item: Any) -> None:
        socket = self.socket
        if socket.process.dead:
            return
        if self._beat is not None or self._ttl is not None:
            self._heard()
        if self.held:
            self.held.append(item)
        elif type(item) is tuple:
            inbox = self.inbox
            if len(inbox) >= self.low_in and self._full():
                self.held.append(item)
            elif socket.screened and not socket.accepts(item):
                self._broken(protocol=True)
            else:
                inbox.append(item)
                if not self.in_active:
                    self.in_active = True
                    queue = self.queue
                    if queue is None:
                        socket.read_activated(self)
                    else:
                        queue.activated(self)
                        socket.changed_events()
        else:
            self._command(item)

    def _full(self) -> bool:
        waiting = len(self.inbox)
        if waiting < self.low_in or not self.high_in:
            return False
        return self.taken + waiting - self.taken // self.low_in * self.low_in >= self.high_in

    def drained(self) -> None:
        """Take from the wire what the inbox has room for now."""
        held = self.held
        while held and not self._full():
            item = held.popleft()
            if type(item) is tuple:
                self.arrive(item)
            else:
                self._command(item)

    def _command(self, item: Any) -> None:
        kind = type(item)
        connection = self.connection
        if kind is Mark:
            if connection is not None:
                connection.send(Credit(item.at_bytes), COMMAND_BYTES)
        elif kind is Credit:
            self._room_bytes = item.at_bytes + self.window_bytes
            self._flush()
        elif kind is Ping:
            self._answer(item)
        elif item is EOF or isinstance(item, Exception):
            self._broken()
        elif kind is not Pong:
            self._broken(protocol=True)

    # -- heartbeats -------------------------------------------------------------------------------------

    def _begin_heartbeat(self) -> None:
        every_ms = self.socket.options.heartbeat_ms
        if every_ms > 0:
            self._beat = self.socket.call_in(every_ms * NS_PER_MS, self._tick)

    def _tick(self) -> None:
        connection, options = self.connection, self.socket.options
        if connection is None or self.socket.process.dead:
            return
        sent_ns = self.socket.kernel.now
        connection.send(Ping(options.heartbeat_ttl_ms), COMMAND_BYTES + 3)
        self.socket.call_in(options.heartbeat_timeout_ms * NS_PER_MS, self._check, connection, sent_ns)
        self._beat = self.socket.call_in(options.heartbeat_ms * NS_PER_MS, self._tick)

    def _check(self, connection: Connection, sent_ns: int) -> None:
        if self.connection is connection and self._heard_ns < sent_ns:
            self._broken()

    def _answer(self, ping: Ping) -> None:
        if self.connection is None:
            return
        if ping.ttl_ms:
            self._ttl = self.socket.call_in(ping.ttl_ms * NS_PER_MS, self._broken)
        self.connection.send(Pong(), COMMAND_BYTES)

    def _heard(self) -> None:
        self._heard_ns = self.socket.kernel.now
        if self._ttl is not None:
            self._ttl.cancel()
            self._ttl = None

    # -- ending -----------------------------------------------------------------------------------------

    def end(self, linger_ms: int) -> None:
        """Close once the outbox is empty, or the time is over."""
        self.socket.detach(self)
        self.ending = True
        self.inbox.clear()
        # Nobody reads any more: the way back must not fill up.
        self.high_in = 0
        self.held.clear()
        if self.connection is not None:
            self.connection.on_message(self._while_lingering)
        if linger_ms == 0 or not self.outbox:
            self._close()
            return
        self.socket.context.linger(self)
        if linger_ms > 0:
            self._linger = self.socket.call_in(linger_ms * NS_PER_MS, self._close)

    def _while_lingering(self, item: Any) -> None:
        if type(item) is not tuple and not self.socket.process.dead:
            self._command(item)

    def _finish_linger(self) -> None:
        if self.ending and not self.outbox:
            self._close()

    def _close(self) -> None:
        connection = self.connection
        if self._linger is not None:
            self._linger.cancel()
        self.outbox.clear()
        self.unplug()
        if connection is not None:
            connection.on_message(_ignore)
            connection.close()
        self._keeper.over(self)
        self.socket.context.lingered(self)


def _ignore(_item: object) -> None:
    """Stand where a connection that is given up has somebody to tell."""
