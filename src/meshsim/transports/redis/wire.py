"""A client's end of a connection as redis-py holds it: a socket by shape, or a transport of an event loop.

Bytes go through unchanged, so that the library's own packing and parsing are what a service runs.
"""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError
from meshsim.kernel import state
from meshsim.kernel.patches.time import zero_wait_ns
from meshsim.network.connection import EOF, Connection
from meshsim.network.outcome import ConnectionReset, Outcome
from meshsim.transports.redis.errors import refused_by_loop, socket_error
from meshsim.transports.redis.exchange import Exchanges

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.task import Task
    from meshsim.network.fabric import Fabric

__all__ = ["MeshSocket", "MeshTransport", "dial", "dial_async", "fabric"]

_NS_PER_S = 1_000_000_000
# A pool asks each connection whether something waits, once a command: so many questions in a row are free.
_FREE_POLLS = 16


def fabric() -> Fabric:
    """Return the network of the current world.

    Raises:
        UsageError: no world is open.
    """
    found = getattr(state.kernel, "fabric", None)
    if found is None:
        msg = "no world is open; Redis is reached through the mesh only inside one"
        raise UsageError(msg)
    return found  # type: ignore[no-any-return]


def _to_ns(seconds: float | None) -> int | None:
    return None if seconds is None else max(0, round(seconds * _NS_PER_S))


def dial(
    task: Task, name: str, port: int, connect_timeout_s: float | None, timeout_s: float | None
) -> MeshSocket:
    """Connect from the calling task, which parks until the connection stands.

    Args:
        task: the calling task.
        name: a host's or a service's name.
        port: the port there.
        connect_timeout_s: how long to try; None is as long as the operating system does.
        timeout_s: how long each read may take then; None waits for ever.

    Raises:
        OSError: as `socket.connect` does.
        FenceError: nothing in the world has that name.
    """
    try:
        connection = fabric().connect(task.process.host, name, port, _to_ns(connect_timeout_s))
    except Outcome as outcome:
        error = socket_error(outcome, endless=connect_timeout_s is None)
    else:
        return MeshSocket(connection, timeout_s)
    raise error


class MeshSocket:
    """A connected stream socket, as far as redis-py uses one.

    Args:
        connection: the network's connection.
        timeout_s: as of `settimeout`.
    """

    def __init__(self, connection: Connection, timeout_s: float | None) -> None:
        self.connection = connection
        self._timeout_ns = _to_ns(timeout_s)
        self._timeout_s = timeout_s
        self._left = b""
        self._ended = False
        self._polls = 0
        self._exchanges = Exchanges(connection)

    # -- what the parsers call

    def sendall(self, data: Any) -> None:
        """Send bytes.

        Raises:
            BrokenPipeError: the connection is known to be broken.
        """
        if type(data) is not bytes:
            data = bytes(data)
        self._polls = 0
        try:
            self.connection.send(data, len(data))
        except ConnectionReset:
            broken = BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        else:
            self._exchanges.sent(data)
            return
        self._ended = True
        self._exchanges.failed(broken)
        raise broken

    def recv(self, size_bytes: int, flags: int = 0) -> bytes:
        """Return up to so many bytes, b"" when the peer has closed; with MSG_PEEK they stay.

        Raises:
            TimeoutError: nothing came in time.
            BlockingIOError: nothing is there and the timeout is 0.
            ConnectionResetError: the connection is broken; the next read finds its end.
        """
        data = self._left or self._receive()
        if flags:
            self._left = data
            return data[:size_bytes]
        if len(data) > size_bytes:
            self._left = data[size_bytes:]
            return data[:size_bytes]
        self._left = b""
        return data

    def recv_into(self, buffer: Any, size_bytes: int = 0) -> int:
        """Read into a buffer and return how many bytes came."""
        data = self._left or self._receive()
        size, room = len(data), size_bytes or len(buffer)
        if size > room:
            self._left, data, size = data[room:], data[:room], room
        else:
            self._left = b""
        buffer[:size] = data
        return size

    def _receive(self) -> bytes:
        if self._ended:
            return b""
        connection = self.connection
        if self._timeout_ns == 0 and not connection.readable:
            self.waits()
            if not connection.readable:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        try:
            data: Any = connection.receive(self._timeout_ns)
        except Outcome as outcome:
            self._ended = isinstance(outcome, ConnectionReset)
            error = socket_error(outcome)
        else:
            if data is EOF:
                self._exchanges.failed(ConnectionError("connection closed by server"))
                return b""
            self._exchanges.answered(data)
            return data  # type: ignore[no-any-return]
        self._exchanges.failed(error)
        raise error

    # -- whether something waits to be read

    def pending(self) -> int:
        """Return how many bytes were received and not yet read."""
        return len(self._left)

    @property
    def closed_by_peer(self) -> bool:
        """Whether the next read finds the end of the stream, or its breaking."""
        return not self._left and (self._ended or (self.connection.broken and not self._has_data()))

    def _has_data(self) -> bool:
        inbox = self.connection._inbox
        return bool(inbox) and type(inbox[0]) is bytes

    def waits(self, timeout_s: float | None = 0) -> bool:
        """Whether something can be read, within so many seconds; the `select` of this socket.

        Asking costs no virtual time; asking again and again without anything else does, or a loop that polls
        would stop the clock.
        """
        if self._left or self._ended or self.connection.readable:
            return True
        task, kernel = state.task, state.kernel
        if task is None or kernel is None:
            return False
        if timeout_s == 0:
            self._polls += 1
            if self._polls <= _FREE_POLLS:
                return False
            deadline: int | None = kernel.now + zero_wait_ns(task)
        else:
            deadline = None if timeout_s is None else kernel.now + (_to_ns(timeout_s) or 1)
        connection = self.connection
        connection._reader = task
        task.wait = connection
        try:
            while not connection.readable and kernel.park(deadline):
                pass
        finally:
            connection._reader = None
        return connection.readable

    # -- the rest of a socket

    def settimeout(self, timeout_s: float | None) -> None:
        """Set how long a read may take, in seconds; None waits for ever."""
        if timeout_s != self._timeout_s:
            self._timeout_s = timeout_s
            self._timeout_ns = _to_ns(timeout_s)

    def gettimeout(self) -> float | None:
        """Return how long a read may take."""
        return self._timeout_s

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001  a socket's own signature
        """Wait for ever, or not at all."""
        self.settimeout(None if flag else 0)

    def setsockopt(self, *_option: Any) -> None:
        """Do nothing: no option changes what the simulation does."""

    def getsockopt(self, *_option: Any) -> int:
        """Return 0."""
        return 0

    def getpeername(self) -> tuple[str, int]:
        """Return the server's address."""
        peer = self.connection.peer.process.host
        return fabric().names.address(peer), self.connection.port

    def getsockname(self) -> tuple[str, int]:
        """Return this end's address."""
        return fabric().names.address(self.connection.process.host), 0

    def fileno(self) -> int:
        """Return -1: there is no file."""
        return -1

    def shutdown(self, _how: int) -> None:
        """End the stream in order."""
        self.connection.close()

    def close(self) -> None:
        """Close in order."""
        self._ended = True
        self._exchanges.failed(ConnectionAbortedError("the client closed the connection"))
        self.connection.close()


class MeshTransport(asyncio.Transport):
    """A connection as asyncio's streams hold it; what arrives on the hub is handed to the loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol, connection: Connection
    ) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self.connection = connection
        self._exchanges = Exchanges(connection)
        self._closing = False
        protocol.connection_made(self)
        connection.on_message(self._on_hub)

    def _on_hub(self, item: object) -> None:
        if isinstance(item, bytes):
            self._exchanges.answered(item)
        _tell(self._loop, self._arrived, item)

    def _arrived(self, item: Any) -> None:
        if self._closing:
            return
        if isinstance(item, bytes):
            self._protocol.data_received(item)
        elif item is EOF:
            self._exchanges.failed(ConnectionError("connection closed by server"))
            if not self._protocol.eof_received():
                self.close()
        else:
            self._closing = True
            error = socket_error(item) if isinstance(item, Outcome) else item
            self._exchanges.failed(error)
            self._protocol.connection_lost(error)

    def write(self, data: Any) -> None:
        """Send bytes; on a broken connection they are lost, as asyncio's own transport has it."""
        data = bytes(data)
        if self._closing or not data:
            return
        try:
            self.connection.send(data, len(data))
        except ConnectionReset as outcome:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, socket_error(outcome))
        else:
            self._exchanges.sent(data)

    def close(self) -> None:
        """Close in order."""
        if not self._closing:
            self._closing = True
            self._exchanges.failed(ConnectionAbortedError("the client closed the connection"))
            self.connection.close()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """Break the connection."""
        if not self._closing:
            self._closing = True
            self.connection.abort()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def is_closing(self) -> bool:
        """Whether it was closed, or has broken."""
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the addresses; there is no socket."""
        if name == "peername":
            return fabric().names.address(self.connection.peer.process.host), self.connection.port
        return default

    def get_write_buffer_size(self) -> int:
        """Return 0: the network takes what it is given."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: the network takes what it is given."""

    def pause_reading(self) -> None:
        """Do nothing: what has arrived is in memory anyway."""

    def resume_reading(self) -> None:
        """Do nothing."""


def _tell(loop: asyncio.AbstractEventLoop, function: Callable[..., Any], *args: Any) -> None:
    """Have a loop call a function, from the hub; a closed one has nobody left who waits."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, *args)


async def dial_async(task: Task, name: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect from a coroutine, which waits for a future of its loop.

    Raises:
        OSError: as `asyncio.open_connection` does.
        FenceError: nothing in the world has that name.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Connection | Exception] = loop.create_future()
    attempt = fabric().dial(
        task.process.host, name, port, lambda outcome: _tell(loop, _settle, result, outcome)
    )
    try:
        outcome = await result
    except BaseException:
        attempt.cancel()
        raise
    if isinstance(outcome, Connection):
        reader = asyncio.StreamReader(limit=2**16, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        return reader, asyncio.StreamWriter(MeshTransport(loop, protocol, outcome), protocol, reader, loop)
    if isinstance(outcome, Outcome):
        raise refused_by_loop(socket_error(outcome, endless=True), (name, port))
    raise outcome


def _settle(result: asyncio.Future[Any], outcome: Connection | Exception) -> None:
    if not result.done():
        result.set_result(outcome)
    elif isinstance(outcome, Connection):
        outcome.close()  # it stood after its caller had given up
