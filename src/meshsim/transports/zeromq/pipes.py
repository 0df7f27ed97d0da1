"""The queue between a socket and one of its peers, as the socket sees it.

A message is a tuple of its frames: whole, because libzmq makes multipart messages visible whole as well. Marks
count as libzmq's do: a writer that found a pipe full learns of room only when the reader has taken `lwm`
messages more, half of the high water mark.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from meshsim.transports.zeromq.patterns.queues import FairQueue
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["InprocPipe", "Message", "Pipe", "wire_bytes"]

Message = tuple[bytes, ...]
NEVER: Final = 1 << 62
# ZMTP: one byte of flags and one of length before a frame, or nine where it is longer than 255 bytes.
SHORT_BYTES: Final = 255
SHORT_HEADER_BYTES: Final = 2
LONG_HEADER_BYTES: Final = 9


def wire_bytes(message: Message) -> int:
    """Return what a message measures as ZMTP frames."""
    size = 0
    for frame in message:
        length = len(frame)
        size += length + (SHORT_HEADER_BYTES if length <= SHORT_BYTES else LONG_HEADER_BYTES)
    return size


def low_mark(high: int) -> int:
    """Return after how many reads a writer is told, for a high water mark."""
    return (high + 1) // 2 if high else NEVER


class Pipe:
    """What is common to pipes over the network and within a context: the side that reads.

    Attributes:
        socket: whose pipe it is.
        inbox: whole messages that have arrived.
        in_active: whether the fair queue counts on it; out_active: whether the load balancer does.
        ending: the peer is gone, and only what is in the inbox is left.
        attached: whether the socket's pattern knows it.
        routing_id: what a ROUTER calls the peer.
        endpoint: the address that was bound or connected, for `disconnect` and for monitors.
        properties: of the peer, as `Frame.get` gives them.
        queue: the fair queue that reads it, if one does.
    """

    __slots__ = (
        "attached",
        "balance_at",
        "ending",
        "endpoint",
        "fair_at",
        "high_in",
        "high_out",
        "in_active",
        "inbox",
        "local",
        "low_in",
        "low_out",
        "out_active",
        "properties",
        "queue",
        "routing_id",
        "socket",
        "taken",
        "written",
    )

    def __init__(
        self, socket: MeshSocket, endpoint: str, high_in: int, high_out: int, *, local: bool
    ) -> None:
        self.socket = socket
        self.endpoint = endpoint
        self.local = local
        conflate = socket.conflates
        self.inbox: deque[Message] = deque(maxlen=1) if conflate else deque()
        self.high_in = 0 if conflate else high_in
        self.high_out = 0 if conflate else high_out
        self.low_in = low_mark(self.high_in)
        self.low_out = low_mark(self.high_out)
        self.written = 0
        self.taken = 0
        self.in_active = True
        self.out_active = True
        self.ending = False
        self.attached = False
        self.queue: FairQueue | None = None
        self.fair_at = -1
        self.balance_at = -1
        self.routing_id = b""
        self.properties: dict[str, str] = {}

    # -- reading ----------------------------------------------------------------------------------------

    def read(self) -> Message | None:
        """Take the oldest message; None puts the pipe to sleep until one arrives."""
        inbox = self.inbox
        if inbox:
            message = inbox.popleft()
            self.taken = taken = self.taken + 1
            if not taken % self.low_in:
                self.drained()
            return message
        self.sleep()
        return None

    def check_read(self) -> bool:
        """Whether there is something to read; otherwise the pipe sleeps."""
        if self.inbox:
            return True
        self.sleep()
        return False

    def sleep(self) -> None:
        """Note that the pipe was found empty; one whose peer is gone is done with."""
        self.in_active = False
        if self.ending:
            self.socket.detach(self)

    def arrive(self, message: Message) -> None:
        """Put a message into the inbox, and tell the socket if nobody had counted on it."""
        self.inbox.append(message)
        if not self.in_active:
            self.in_active = True
            self.socket.read_activated(self)

    def peer_gone(self) -> None:
        """Note that nothing more comes; what has arrived can still be read."""
        self.ending = True
        if not self.inbox:
            self.socket.detach(self)

    # -- what the kinds do differently ------------------------------------------------------------------

    def party(self) -> str:
        """Return the host at the other end, or the service that is meant."""
        raise NotImplementedError

    def drained(self) -> None:
        """Tell the writing side that there is room."""
        raise NotImplementedError

    def check_write(self) -> bool:
        """Whether there is room for one more message."""
        raise NotImplementedError

    def write(self, message: Message, size_bytes: int) -> None:
        """Send a message; `check_write` said that there is room."""
        raise NotImplementedError

    def offer(self, message: Message, size_bytes: int) -> None:
        """Send a message if there is room for it."""
        if self.check_write():
            self.write(message, size_bytes)

    def end(self, linger_ms: int) -> None:
        """Let go of the peer, after what is queued has been sent or `linger_ms` have passed (-1: for ever)."""
        raise NotImplementedError


class InprocPipe(Pipe):
    """A pipe to a socket of the same context; no network, no time."""

    __slots__ = ("acknowledged", "outbox", "peer")

    def __init__(
        self, socket: MeshSocket, endpoint: str, high_in: int, high_out: int, *, local: bool
    ) -> None:
        super().__init__(socket, endpoint, high_in, high_out, local=local)
        self.peer: InprocPipe | None = None
        # What was written before anybody had bound the name.
        self.outbox: deque[Message] = deque()
        self.acknowledged = 0

    def join(self, peer: InprocPipe) -> None:
        """Become the other end of a pipe, both ways; each end's marks are the sums of both sockets'."""
        for one, other in ((self, peer), (peer, self)):
            one.peer = other
            one.properties = {"Socket-Type": other.socket.type_name}
        for one, other in ((self, peer), (peer, self)):
            one.high_out = _sum(one.high_out, other.high_in)
            one.low_out = low_mark(one.high_out)
            other.high_in, other.low_in = one.high_out, one.low_out
            while one.outbox:
                other.inbox.append(one.outbox.popleft())

    def party(self) -> str:
        """Return our own host: names within a context are known nowhere else."""
        return self.socket.process.host.name

    def check_write(self) -> bool:
        """Whether there is room."""
        if self.ending:
            self.out_active = False
            return False
        if self.high_out and self.written - self.acknowledged >= self.high_out:
            self.out_active = False
            return False
        return True

    def write(self, message: Message, size_bytes: int) -> None:  # noqa: ARG002 - no wire, no size
        """Put the message into the peer's inbox."""
        self.written += 1
        if self.peer is None:
            self.outbox.append(message)
        elif not self.ending:
            self.peer.arrive(message)

    def drained(self) -> None:
        """Let the peer write again."""
        peer = self.peer
        if peer is not None:
            peer.acknowledged = self.taken
            if not peer.out_active and not peer.ending:
                peer.out_active = True
                peer.socket.write_activated(peer)

    def end(self, linger_ms: int) -> None:  # noqa: ARG002 - what was sent is there already
        """Let go of the peer, who can still read what was written."""
        self.ending = True
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.peer = None
            peer.peer_gone()
        self.socket.detach(self)


def _sum(one: int, other: int) -> int:
    return one + other if one and other else 0


def peer_properties(socket_type: str, routing_id: bytes, address: str) -> dict[str, str]:
    """Return what `Frame.get` tells of a peer on the network."""
    name = routing_id.decode("latin-1")
    return {"Socket-Type": socket_type, "Identity": name, "Routing-Id": name, "Peer-Address": address}
