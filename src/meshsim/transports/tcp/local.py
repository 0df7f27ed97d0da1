"""A stream that does not leave its machine: socket pairs, and sockets at a path.

It has the shape of `network.connection.Connection` without a network under it: what is sent has arrived.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from meshsim.network.connection import EOF
from meshsim.network.outcome import ConnectionReset

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.process import Process


class LocalConnection:
    """One end of a stream inside a machine."""

    __slots__ = (
        "_callback",
        "_early",
        "closed",
        "finished",
        "flow",
        "local_port",
        "peer",
        "process",
        "unread_bytes",
    )

    peer: LocalConnection

    def __init__(self, process: Process) -> None:
        self.process = process
        self.closed = False
        self.finished = False
        self.flow: Any = None
        self.unread_bytes = 0
        self.local_port = 0
        self._callback: Callable[[object], None] | None = None
        self._early: deque[object] = deque()

    @classmethod
    def pair(cls, one: Process, other: Process) -> tuple[LocalConnection, LocalConnection]:
        """Return both ends of a new stream."""
        ends = cls(one), cls(other)
        ends[0].peer, ends[1].peer = ends[1], ends[0]
        return ends

    def send(self, message: object, size_bytes: int) -> None:  # noqa: ARG002 - the shape of a connection
        """Give a message to the peer.

        Raises:
            ConnectionReset: the peer is closed.
        """
        if self.peer.closed:
            raise ConnectionReset("the peer is closed")
        self.peer._arrived(message)

    def _arrived(self, item: object) -> None:
        if self._callback is None:
            self._early.append(item)
        else:
            self._callback(item)

    def on_message(self, callback: Callable[[object], None] | None) -> None:
        """Have everything that arrives given to `callback`."""
        self._callback = callback
        while callback is not None and self._early:
            callback(self._early.popleft())

    def taken(self, size_bytes: int) -> None:
        """Note that so much was read: the peer may send more."""
        peer = self.peer
        peer.unread_bytes -= size_bytes
        if peer.flow is not None:
            peer.flow.window_opened()

    def finish(self) -> None:
        """Send EOF and go on receiving."""
        if not self.finished and not self.closed:
            self.finished = True
            if not self.process.dead:
                self.peer._arrived(EOF)

    def close(self) -> None:
        """Close in order."""
        self.finish()
        self.closed = True

    farewell = close

    def abort(self) -> None:
        """Break the stream."""
        if not self.closed:
            self.closed = True
            if not self.process.dead:
                self.peer._arrived(ConnectionReset("the peer closed with unread data"))
