"""PUSH, PULL and PAIR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.transports.zeromq.patterns.pattern import Pattern
from meshsim.transports.zeromq.patterns.queues import FairQueue, LoadBalancer
from meshsim.transports.zeromq.pipes import wire_bytes

if TYPE_CHECKING:
    from meshsim.transports.zeromq.pipes import Message, Pipe
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["Pair", "Pull", "Push"]


class Push(Pattern):
    """Gives each message to the next peer that has room; waits while none has."""

    __slots__ = ("_balancer", "_target")

    def __init__(self, socket: MeshSocket) -> None:
        super().__init__(socket)
        self._balancer = LoadBalancer()
        self._target: Pipe | None = None

    def attach(self, pipe: Pipe, routing_id: bytes | None) -> None:  # noqa: ARG002 - nobody is named here
        """Take up a pipe."""
        self._balancer.attach(pipe)

    def detach(self, pipe: Pipe) -> None:
        """Let go of a pipe."""
        self._balancer.detach(pipe)

    def read_activated(self, pipe: Pipe) -> None:
        """Throw away what a PULL cannot have sent."""
        pipe.inbox.clear()

    def write_activated(self, pipe: Pipe) -> None:
        """Count on a pipe again."""
        self._balancer.activated(pipe)

    def reserve(self, first: bytes, *, more: bool) -> bool:  # noqa: ARG002 - any message will do
        """Find a peer with room."""
        self._target = self._balancer.choose()
        return self._target is not None

    def commit(self, message: Message) -> None:
        """Send to the peer that was found, if it is still there."""
        target = self._target
        if target is not None and target.attached:
            target.write(message, wire_bytes(message))
            self._balancer.advance()

    def writable(self) -> bool:
        """Whether a peer has room."""
        return self._balancer.choose() is not None


class Pull(Pattern):
    """Takes messages from every peer in turn."""

    __slots__ = ("queue",)

    def __init__(self, socket: MeshSocket) -> None:
        super().__init__(socket)
        self.queue = FairQueue()

    def attach(self, pipe: Pipe, routing_id: bytes | None) -> None:  # noqa: ARG002 - nobody is named here
        """Take up a pipe."""
        self.queue.attach(pipe)

    def detach(self, pipe: Pipe) -> None:
        """Let go of a pipe."""
        self.queue.detach(pipe)

    def read_activated(self, pipe: Pipe) -> None:
        """Count on a pipe again."""
        self.queue.activated(pipe)

    def write_activated(self, pipe: Pipe) -> None:
        """Do nothing: nobody writes here."""

    def take(self) -> Message | None:
        """Take the next message."""
        return self.queue.take()

    def readable(self) -> bool:
        """Whether a peer has sent something."""
        return self.queue.ready()


class Pair(Pattern):
    """Has one peer; the others are turned away."""

    __slots__ = ("_pipe",)

    def __init__(self, socket: MeshSocket) -> None:
        super().__init__(socket)
        self._pipe: Pipe | None = None

    def attach(self, pipe: Pipe, routing_id: bytes | None) -> None:  # noqa: ARG002 - nobody is named here
        """Take up a pipe, if there is none yet."""
        if self._pipe is None:
            self._pipe = pipe
        else:
            pipe.end(0)

    def detach(self, pipe: Pipe) -> None:
        """Let go of the pipe."""
        if pipe is self._pipe:
            self._pipe = None

    def read_activated(self, pipe: Pipe) -> None:
        """Do nothing: there is no other pipe to choose."""

    def write_activated(self, pipe: Pipe) -> None:
        """Do nothing, as above."""

    def reserve(self, first: bytes, *, more: bool) -> bool:  # noqa: ARG002 - any message will do
        """Look whether the peer has room."""
        return self._pipe is not None and self._pipe.check_write()

    def commit(self, message: Message) -> None:
        """Send."""
        if self._pipe is not None:
            self._pipe.write(message, wire_bytes(message))

    def take(self) -> Message | None:
        """Take the peer's next message."""
        return None if self._pipe is None else self._pipe.read()

    def readable(self) -> bool:
        """Whether the peer has sent something."""
        return self._pipe is not None and self._pipe.check_read()

    def writable(self) -> bool:
        """Whether the peer has room."""
        return self._pipe is not None and self._pipe.check_write()
