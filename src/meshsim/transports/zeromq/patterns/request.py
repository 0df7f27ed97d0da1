"""REQ and REP: a dealer and a router that take turns."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from meshsim.transports.zeromq.errors import EFSM, failure
from meshsim.transports.zeromq.exchange import Asking
from meshsim.transports.zeromq.numbers import Option
from meshsim.transports.zeromq.patterns.pattern import flag
from meshsim.transports.zeromq.patterns.routing import Dealer, Router
from meshsim.transports.zeromq.pipes import wire_bytes

if TYPE_CHECKING:
    from meshsim.transports.zeromq.pipes import Message, Pipe
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["Rep", "Req"]

ID_BYTES = 4


class Req(Dealer):
    """Sends a request, then receives its reply.

    Relaxed, a request may be sent although the last one was not answered; correlated, a reply is told from one
    to an older request by a number before the delimiter.
    """

    __slots__ = ("_asking", "_correlates", "_number", "_peer", "_strict", "_waits")

    def __init__(self, socket: MeshSocket) -> None:
        super().__init__(socket)
        self._waits = False
        self._strict = True
        self._correlates = False
        self._number = socket.stream.getrandbits(32)
        self._peer: Pipe | None = None
        self._asking = Asking(socket)

    def detach(self, pipe: Pipe) -> None:
        """Let go of a pipe; a reply may then come from anybody."""
        super().detach(pipe)
        if pipe is self._peer:
            self._peer = None

    def reserve(self, first: bytes, *, more: bool) -> bool:
        """Find a peer with room, and forget replies that nobody waits for."""
        if self._waits:
            if self._strict:
                raise failure(EFSM)
            self._waits = False
            self._asking.end("given up for another request")
        if not super().reserve(first, more=more):
            return False
        self._peer = self._target
        while self.queue.take() is not None:
            pass
        return True

    def commit(self, message: Message) -> None:
        """Send a request behind its delimiter."""
        envelope: Message = (b"",)
        if self._correlates:
            self._number = (self._number + 1) & 0xFFFF_FFFF
            envelope = (struct.pack("=I", self._number), b"")
        request = envelope + message
        if self._target is not None:
            self._asking.begin(self._target, message)
        super().commit(request)
        self._waits = True

    def take(self) -> Message | None:
        """Take the reply; what is no reply to the latest request is thrown away."""
        if not self._waits:
            raise failure(EFSM)
        while True:
            message = self.queue.take()
            if message is None:
                return None
            if self._peer is not None and self.queue.last is not self._peer:
                continue
            if self._correlates:
                if len(message) < ID_BYTES - 1 or message[0] != struct.pack("=I", self._number):
                    continue
                message = message[1:]
            if len(message) > 1 and not message[0]:
                self._waits = False
                self._asking.end()
                return message[1:]

    def closed(self) -> None:
        """Give up the request that waits for its reply."""
        self._asking.end("closed before the reply")

    def readable(self) -> bool:
        """Whether something came, while a reply is waited for."""
        return self._waits and self.queue.ready()

    def writable(self) -> bool:
        """Whether a request can be sent now."""
        return not (self._waits and self._strict) and self.balancer.choose() is not None

    def set(self, option: int, value: int | bytes) -> bool:
        """Set an option of REQ."""
        if option == Option.REQ_CORRELATE:
            self._correlates = flag(value)
        elif option == Option.REQ_RELAXED:
            self._strict = not flag(value)
        else:
            return super().set(option, value)
        return True

    @staticmethod
    def well_formed(message: Message) -> bool:
        """Whether a peer may send this to a REQ: a delimiter, or a number and a delimiter, before the rest."""
        if len(message) > 1 and not message[0]:
            return True
        return len(message) > ID_BYTES - 2 and len(message[0]) == ID_BYTES and not message[1]


class Rep(Router):
    """Receives a request, then sends its reply."""

    __slots__ = ("_envelope", "_peer", "_replies")

    def __init__(self, socket: MeshSocket) -> None:
        super().__init__(socket)
        self._replies = False
        self._envelope: Message = ()
        self._peer: Pipe | None = None

    def take(self) -> Message | None:
        """Take the next request, and keep its envelope for the reply."""
        if self._replies:
            raise failure(EFSM)
        queue = self.queue
        while True:
            message = queue.take()
            if message is None:
                return None
            if not message[0] and len(message) > 1:
                at = 0
            else:
                # Everything up to the first empty frame is the way back; without one it is no request.
                at = message.index(b"") if b"" in message else len(message)
                if at >= len(message) - 1:
                    continue
            self._envelope = message[: at + 1]
            self._peer = queue.last
            self._replies = True
            return message[at + 1 :]

    def reserve(self, first: bytes, *, more: bool) -> bool:  # noqa: ARG002 - there is one way to send it
        """Check that a request waits for its reply, read to its end."""
        if not self._replies or self.socket.rest:
            raise failure(EFSM)
        return True

    def commit(self, message: Message) -> None:
        """Send the reply to whoever asked, if that one is still there."""
        self._replies = False
        peer, self._peer = self._peer, None
        if peer is not None and peer.attached and peer.check_write():
            reply = self._envelope + message
            peer.write(reply, wire_bytes(reply))

    def readable(self) -> bool:
        """Whether there is a request, while none is being answered."""
        return not self._replies and self.queue.ready()

    def writable(self) -> bool:
        """Whether a reply is due."""
        return self._replies
