"""`httpx.AsyncClient`: as `seam_httpx`, with messages that come by callback instead of by parking.

The task that runs a loop is never parked but by the loop itself: what the network brings is handed to the
loop with `call_soon_threadsafe`, and a coroutine waits for a future of its own loop. Cancelling a coroutine
therefore works as it always does, and httpcore then closes the connection.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import anyio
import httpcore
from httpcore._async.connection import AsyncHTTPConnection
from httpcore._async.http11 import AsyncHTTP11Connection, HTTPConnectionState
from httpcore._async.http_proxy import AsyncForwardHTTPConnection
from httpcore._backends.base import SOCKET_OPTION, AsyncNetworkBackend, AsyncNetworkStream
from httpcore._exceptions import ExceptionMapping, map_exceptions

from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.network.connection import EOF, Connection
from meshsim.network.outcome import ConnectionReset, ConnectTimeout, NameUnknown, Outcome
from meshsim.transports.http import wire
from meshsim.transports.http.errors import socket_error
from meshsim.transports.http.exchange import ClientExchange, begin, timeouts
from meshsim.transports.http.loops import tell
from meshsim.transports.http.seam_httpx import TABLE, TWIN, refuse_tunnel, twin_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from meshsim.transports.http.codec import BodyChunk, RequestHead

# What httpcore's anyio backend maps; anyio tells a broken connection by an error of its own.
CONNECT_ERRORS: ExceptionMapping = {TimeoutError: httpcore.ConnectTimeout, OSError: httpcore.ConnectError}
READ_ERRORS: ExceptionMapping = {
    TimeoutError: httpcore.ReadTimeout,
    anyio.BrokenResourceError: httpcore.ReadError,
}
WRITE_ERRORS: ExceptionMapping = {anyio.BrokenResourceError: httpcore.WriteError}

original_handle_async_request = httpcore.AsyncConnectionPool.handle_async_request
original_aclose = httpcore.AsyncConnectionPool.aclose


async def handle_async_request(
    pool: httpcore.AsyncConnectionPool, request: httpcore.Request
) -> httpcore.Response:
    """Stand in for `AsyncConnectionPool.handle_async_request`."""
    task = current()
    if task is None or TWIN in pool.__dict__:
        return await original_handle_async_request(pool, request)
    return await original_handle_async_request(twin_of(pool, task.process, _make_connection), request)


async def aclose(pool: httpcore.AsyncConnectionPool) -> None:
    """Stand in for `AsyncConnectionPool.aclose`: the process's twin is closed too."""
    task = current()
    if task is not None and TWIN not in pool.__dict__:
        twin = task.process.tables.get(TABLE, {}).get(pool)
        if twin is not None:
            await original_aclose(twin)
    await original_aclose(pool)


def _make_connection(pool: Any, origin: httpcore.Origin) -> Any:
    proxy = pool._proxy
    if proxy is None:
        return _mesh_connection(pool, origin)
    refuse_tunnel(proxy, origin)
    forward = AsyncForwardHTTPConnection(proxy.url.origin, origin, proxy_headers=proxy.headers)
    forward._connection = _mesh_connection(pool, proxy.url.origin)
    return forward


def _mesh_connection(pool: Any, origin: httpcore.Origin) -> MeshAsyncConnection:
    return MeshAsyncConnection(
        origin,
        ssl_context=pool._ssl_context,
        keepalive_expiry=pool._keepalive_expiry,
        retries=pool._retries,
        network_backend=MeshAsyncBackend(),
    )


class AsyncWire:
    """A client's end of a connection, read through futures of the running loop."""

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self.connection = connection
        self._loop = loop
        self._inbox: deque[object] = deque()
        self._waiter: asyncio.Future[None] | None = None
        connection.on_message(self._arrived)

    def _arrived(self, message: object) -> None:
        """Take a message, on the hub."""
        self._inbox.append(message)
        if self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            tell(self._loop, _wake, waiter)

    @property
    def readable(self) -> bool:
        """Whether something waits to be read."""
        return bool(self._inbox)

    def send(self, message: RequestHead | BodyChunk) -> None:
        """Send a message.

        Raises:
            BrokenResourceError: the connection is known to be broken.
        """
        try:
            self.connection.send(message, message.size_bytes)
        except ConnectionReset as outcome:
            error = socket_error(outcome)
        else:
            return
        raise anyio.BrokenResourceError from error

    async def receive(self, timeout_s: float | None) -> Any:
        """Return the next message, or None when the peer has closed.

        Raises:
            TimeoutError: nothing came in time.
            BrokenResourceError: the connection is broken.
        """
        if not self._inbox:
            with anyio.fail_after(timeout_s):
                while not self._inbox:
                    self._waiter = self._loop.create_future()
                    try:
                        await self._waiter
                    finally:
                        self._waiter = None
        item = self._inbox[0]
        if item is EOF:
            return None
        if isinstance(item, Outcome):
            raise anyio.BrokenResourceError from socket_error(item)
        return self._inbox.popleft()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class MeshAsyncStream(AsyncNetworkStream):
    """A wire as httpcore holds its streams; requests and responses go over the wire itself."""

    def __init__(self, mesh_wire: AsyncWire) -> None:
        self.wire = mesh_wire

    async def start_tls(self, *_: Any, **__: Any) -> AsyncNetworkStream:
        """Return itself: there is no handshake."""
        return self

    async def aclose(self) -> None:
        """Close in order."""
        self.wire.connection.close()

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection."""
        return self.wire.readable if info == "is_readable" else None


class MeshAsyncBackend(AsyncNetworkBackend):
    """Connects through the mesh."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,  # noqa: ARG002 - a host has one address
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002 - nothing that options could change
    ) -> AsyncNetworkStream:
        """Connect, from a coroutine of a task."""
        with map_exceptions(CONNECT_ERRORS):
            with anyio.fail_after(timeout):
                return MeshAsyncStream(await _dial(host, port))

    async def sleep(self, seconds: float) -> None:
        """Sleep between attempts to connect."""
        await asyncio.sleep(seconds)


async def _dial(name: str, port: int) -> AsyncWire:
    task = current()
    if task is None:
        msg = f"{name}:{port}: a connection of a mesh was used outside of it"
        raise OSError(msg)
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Connection | Exception] = loop.create_future()
    attempt = wire.fabric().dial(
        task.process.host, name, port, lambda outcome: tell(loop, _settle, result, outcome)
    )
    try:
        outcome = await result
    except BaseException:
        attempt.cancel()
        raise
    if isinstance(outcome, Connection):
        return AsyncWire(outcome, loop)
    raise _connect_error(outcome, name, port)


def _settle(result: asyncio.Future[Any], outcome: Connection | Exception) -> None:
    if not result.done():
        result.set_result(outcome)
    elif isinstance(outcome, Connection):
        # It stood after its caller had given up.
        outcome.close()


def _connect_error(outcome: Exception, name: str, port: int) -> Exception:
    """Return what anyio raises: it tries every address, and says that none answered."""
    if not isinstance(outcome, Outcome):
        return outcome
    error = socket_error(outcome, endless=isinstance(outcome, ConnectTimeout))
    if not isinstance(outcome, NameUnknown):
        error.strerror = f"Connect call failed {(name, port)}"
        cause, error = error, OSError("All connection attempts failed")
        error.__cause__ = cause
    return error


class MeshAsyncConnection(AsyncHTTPConnection):
    """httpcore's connection: connects with the pool's retries, and then speaks in messages."""

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Connect if need be, and exchange."""
        async with self._request_lock:
            if self._connection is None:
                attempt = begin(request, fresh=True)
                try:
                    stream = await self._connect(request)
                except BaseException as error:
                    self._connect_failed = True
                    attempt.failed(error)
                    raise
                self._connection = MeshAsyncHTTP11(self._origin, stream, self._keepalive_expiry)
                self._connection.exchange.attempt = attempt
        return await self._connection.handle_async_request(request)


class MeshAsyncHTTP11(AsyncHTTP11Connection):
    """httpcore's HTTP/1.1 connection with messages where it had h11 and bytes."""

    def __init__(self, origin: httpcore.Origin, stream: Any, keepalive_expiry: float | None) -> None:
        super().__init__(origin, stream, keepalive_expiry)
        self._wire: AsyncWire = stream.wire
        self.exchange = ClientExchange()

    async def _send_request_headers(self, request: httpcore.Request) -> None:
        self._send(self.exchange.begin(request, self._wire.connection.peer_host))

    async def _send_request_body(self, request: httpcore.Request) -> None:
        parts: Any = request.stream
        async for chunk in parts:
            self._send(self.exchange.more(chunk))
        self._send(self.exchange.last())

    def _send(self, message: RequestHead | BodyChunk | None) -> None:
        if message is not None:
            with map_exceptions(WRITE_ERRORS):
                self._wire.send(message)

    async def _receive_response_headers(self, request: httpcore.Request) -> Any:
        try:
            with map_exceptions(READ_ERRORS):
                head = await self._wire.receive(timeouts(request).get("read"))
            return self.exchange.head(head)
        except BaseException as error:
            self.exchange.attempt.failed(error)
            raise

    async def _receive_response_body(self, request: httpcore.Request) -> AsyncIterator[bytes]:
        exchange = self.exchange
        try:
            if exchange.data:
                yield exchange.data
            while not exchange.over:
                with map_exceptions(READ_ERRORS):
                    message = await self._wire.receive(timeouts(request).get("read"))
                data = exchange.chunk(message)
                if data:
                    yield data
        except Exception as error:
            exchange.attempt.failed(error)
            raise

    async def _response_closed(self) -> None:
        async with self._state_lock:
            if self.exchange.closed():
                self._state = HTTPConnectionState.IDLE
                if self._keepalive_expiry is not None:
                    self._expire_at = time.monotonic() + self._keepalive_expiry
            else:
                await self.aclose()


def patches() -> list[Patch]:
    """Return the patches of httpcore's asyncio pool."""
    pool = httpcore.AsyncConnectionPool
    return [Patch(pool, "handle_async_request", handle_async_request), Patch(pool, "aclose", aclose)]
