"""What a socket type does with its pipes; the shape that all of them have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.transports.zeromq.errors import EINVAL, ENOTSUP, failure

if TYPE_CHECKING:
    from meshsim.transports.zeromq.patterns.queues import FairQueue
    from meshsim.transports.zeromq.pipes import Message, Pipe
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["Pattern"]


class Pattern:
    """One socket type: which peer a message goes to, and which one the next comes from.

    A message is sent in two steps, because libzmq decides at the first frame: `reserve` finds the peer, or says
    that the caller has to wait, and `commit` sends once the last frame is there.
    """

    __slots__ = ("socket",)

    # Where the socket's linger is not what everybody's is.
    linger_ms: int | None = None
    # Whether peers tell their routing id to this one.
    wants_names = False

    def __init__(self, socket: MeshSocket) -> None:
        self.socket = socket

    # -- pipes ------------------------------------------------------------------------------------------

    def attach(self, pipe: Pipe, routing_id: bytes | None) -> None:
        """Take up a pipe; `routing_id` is None while the peer has not been reached."""
        raise NotImplementedError

    def identified(self, pipe: Pipe, routing_id: bytes) -> None:
        """Learn the routing id of the peer behind a connected pipe."""

    def detach(self, pipe: Pipe) -> None:
        """Let go of a pipe."""
        raise NotImplementedError

    def read_activated(self, pipe: Pipe) -> None:
        """Learn that a pipe that was empty has something."""
        raise NotImplementedError

    def write_activated(self, pipe: Pipe) -> None:
        """Learn that a pipe that was full has room."""
        raise NotImplementedError

    def hiccuped(self, pipe: Pipe) -> None:
        """Learn that a connected pipe will have a new connection."""

    # -- messages ---------------------------------------------------------------------------------------

    def reserve(self, first: bytes, *, more: bool) -> bool:  # noqa: ARG002 - the shape of it
        """Decide where a message goes, by its first frame; False when the caller has to wait.

        Raises:
            ZMQError: it cannot be sent in this state, or at all.
        """
        raise failure(ENOTSUP)

    def commit(self, message: Message) -> None:
        """Send the message that `reserve` made way for."""
        raise NotImplementedError

    def take(self) -> Message | None:
        """Take the next message, or None when there is none.

        Raises:
            ZMQError: none can be received in this state, or at all.
        """
        raise failure(ENOTSUP)

    def sender(self) -> Pipe | None:
        """Return the pipe that the latest message came from, where the type keeps that."""
        queue: FairQueue | None = getattr(self, "queue", None)
        return None if queue is None else queue.last

    def readable(self) -> bool:
        """Whether `take` would give a message."""
        return False

    def writable(self) -> bool:
        """Whether `reserve` would make way."""
        return False

    def closed(self) -> None:
        """Learn that the socket is closed."""

    # -- options ----------------------------------------------------------------------------------------

    def set(self, option: int, value: int | bytes) -> bool:  # noqa: ARG002 - the shape of it
        """Set an option of this type alone; False when it is none of those."""
        return False

    def get(self, option: int) -> int | None:  # noqa: ARG002 - the shape of it
        """Return an option of this type alone; None when it is none of those."""
        return None


def flag(value: int | bytes) -> bool:
    """Return a value that has to be 0 or more.

    Raises:
        ZMQError: EINVAL, it is negative or no number.
    """
    if not isinstance(value, int) or value < 0:
        raise failure(EINVAL)
    return bool(value)
