"""A client's end of a connection, raising what a socket raises.

Both client stacks (urllib3, httpcore) hold one of these where they held a socket. A blocking client parks in
`receive`; for asyncio `seam_httpx_async` takes the messages by callback instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError
from meshsim.kernel import state
from meshsim.network.connection import EOF
from meshsim.network.outcome import ConnectionReset, Outcome
from meshsim.transports.http.errors import socket_error

if TYPE_CHECKING:
    from meshsim.kernel.task import Task
    from meshsim.network.connection import Connection
    from meshsim.network.fabric import Fabric
    from meshsim.transports.http.codec import BodyChunk, RequestHead

NS_PER_S = 1_000_000_000


def to_ns(seconds: float | None) -> int | None:
    """Return a library's timeout in nanoseconds; None waits for ever."""
    return None if seconds is None else max(0, round(seconds * NS_PER_S))


def fabric() -> Fabric:
    """Return the network of the current world.

    Raises:
        UsageError: no world is open.
    """
    found = getattr(state.kernel, "fabric", None)
    if found is None:
        msg = "no world is open; HTTP goes through the mesh only inside one"
        raise UsageError(msg)
    return found  # type: ignore[no-any-return]


def dial(task: Task, name: str, port: int, timeout_s: float | None) -> Wire:
    """Connect from the calling task, which parks until the connection stands.

    Args:
        task: the calling task.
        name: a host's or a service's name.
        port: the port there.
        timeout_s: how long to try.

    Raises:
        OSError: as `socket.create_connection` does.
    """
    try:
        connection = fabric().connect(task.process.host, name, port, to_ns(timeout_s))
    except Outcome as outcome:
        error = socket_error(outcome, endless=timeout_s is None)
    else:
        return Wire(connection, timeout_s)
    raise error


class Wire:
    """What a socket is to an HTTP client, in whole messages.

    Attributes:
        connection: the network's connection.
        timeout_s: how long a read may take, as `settimeout` sets it.
    """

    __slots__ = ("_told", "connection", "timeout_s")

    def __init__(self, connection: Connection, timeout_s: float | None = None) -> None:
        self.connection = connection
        self.timeout_s = timeout_s
        self._told = False

    def settimeout(self, timeout_s: float | None) -> None:
        """Set how long a read may take, in seconds; None waits for ever."""
        self.timeout_s = timeout_s

    def send(self, message: RequestHead | BodyChunk) -> None:
        """Send a message.

        Raises:
            ConnectionResetError: the connection is known to be broken; the next read finds its end, because a
                socket tells its error once.
        """
        try:
            self.connection.send(message, message.size_bytes)
        except ConnectionReset as outcome:
            error = socket_error(outcome)
        else:
            return
        self._told = True
        raise error

    def receive(self) -> Any:
        """Return the next message, or None when the peer has closed.

        Raises:
            TimeoutError: nothing came in time.
            ConnectionResetError: the connection is broken.
        """
        if self._told:
            return None
        try:
            message = self.connection.receive(to_ns(self.timeout_s))
        except Outcome as outcome:
            error = socket_error(outcome)
        else:
            return None if message is EOF else message
        raise error

    @property
    def readable(self) -> bool:
        """Whether something waits to be read; on an idle connection that can only be its end."""
        return self.connection.readable

    def shutdown(self, _how: int) -> None:
        """End the connection in order; a half-closed one is not something that HTTP clients use."""
        self.connection.close()

    def close(self) -> None:
        """Close in order."""
        self.connection.close()
