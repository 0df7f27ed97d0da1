"""`httpx`: httpcore's real pools, connections of ours.

What is replaced is `handle_request` and `close` of `httpcore.ConnectionPool` (and of the asyncio pair, in
`seam_httpx_async`). Inside a task they act on a twin of the pool, a copy that belongs to the task's process
and makes mesh connections: limits, `PoolTimeout`, keep-alive expiry, connect retries and the mapping of
exceptions stay httpcore's and httpx' own code, and `ASGITransport`, `WSGITransport`, `MockTransport` are
not touched at all.

The road not taken is `httpx.HTTPTransport.handle_request`: respx replaces httpcore's method, and a seam above
it would hide the user's mocks.
"""

from __future__ import annotations

import copy
import time
import weakref
from typing import TYPE_CHECKING, Any

import httpcore
from httpcore._backends.base import SOCKET_OPTION, NetworkBackend, NetworkStream
from httpcore._exceptions import ExceptionMapping, map_exceptions
from httpcore._sync.connection import HTTPConnection
from httpcore._sync.http11 import HTTP11Connection, HTTPConnectionState
from httpcore._sync.http_proxy import ForwardHTTPConnection

from meshsim.errors import UnsupportedOperation
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.transports.http import wire
from meshsim.transports.http.exchange import ClientExchange, begin, timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from meshsim.kernel.process import Process
    from meshsim.transports.http.codec import BodyChunk, RequestHead

TABLE = "http.httpcore"
TWIN = "mesh_twin"
CONNECT_ERRORS: ExceptionMapping = {TimeoutError: httpcore.ConnectTimeout, OSError: httpcore.ConnectError}
READ_ERRORS: ExceptionMapping = {TimeoutError: httpcore.ReadTimeout, OSError: httpcore.ReadError}
WRITE_ERRORS: ExceptionMapping = {TimeoutError: httpcore.WriteTimeout, OSError: httpcore.WriteError}

original_handle_request = httpcore.ConnectionPool.handle_request
original_close = httpcore.ConnectionPool.close


def handle_request(pool: httpcore.ConnectionPool, request: httpcore.Request) -> httpcore.Response:
    """Stand in for `ConnectionPool.handle_request`."""
    task = current()
    if task is None or TWIN in pool.__dict__:
        return original_handle_request(pool, request)
    return original_handle_request(twin_of(pool, task.process, _make_connection), request)


def close(pool: httpcore.ConnectionPool) -> None:
    """Stand in for `ConnectionPool.close`: the process's twin is closed too."""
    task = current()
    if task is not None and TWIN not in pool.__dict__:
        twin = task.process.tables.get(TABLE, {}).get(pool)
        if twin is not None:
            original_close(twin)
    original_close(pool)


def twin_of(pool: Any, process: Process, make_connection: Callable[..., Any]) -> Any:
    """Return the copy of a pool that belongs to a process."""
    twins = process.tables.get(TABLE)
    if twins is None:
        twins = process.tables[TABLE] = weakref.WeakKeyDictionary()
    twin = twins.get(pool)
    if twin is None:
        twin = twins[pool] = copy.copy(pool)
        twin.__dict__[TWIN] = True
        twin._connections = []
        twin._requests = []
        twin._optional_thread_lock = type(pool._optional_thread_lock)()
        reference = weakref.ref(twin)
        twin.create_connection = lambda origin: make_connection(reference(), origin)
    return twin


def _make_connection(pool: Any, origin: httpcore.Origin) -> Any:
    proxy = pool._proxy
    if proxy is None:
        return _mesh_connection(pool, origin)
    refuse_tunnel(proxy, origin)
    forward = ForwardHTTPConnection(proxy.url.origin, origin, proxy_headers=proxy.headers)
    forward._connection = _mesh_connection(pool, proxy.url.origin)
    return forward


def _mesh_connection(pool: Any, origin: httpcore.Origin) -> MeshConnection:
    return MeshConnection(
        origin,
        ssl_context=pool._ssl_context,
        keepalive_expiry=pool._keepalive_expiry,
        retries=pool._retries,
        network_backend=MeshBackend(),
    )


def refuse_tunnel(proxy: Any, origin: httpcore.Origin) -> None:
    """Refuse what would need a tunnel through a proxy.

    Raises:
        UnsupportedOperation: always, unless plain http goes through an http proxy.
    """
    if origin.scheme == b"http" and proxy.url.scheme in (b"http", b"https"):
        return
    msg = (
        f"{origin} through the proxy {proxy.url.origin} needs a tunnel (CONNECT, SOCKS), which is not"
        " simulated; let NO_PROXY name the service, or call it by http"
    )
    raise UnsupportedOperation(msg)


class MeshStream(NetworkStream):
    """A wire as httpcore holds its streams; requests and responses go over the wire itself."""

    def __init__(self, mesh_wire: wire.Wire) -> None:
        self.wire = mesh_wire

    def start_tls(self, *_: Any, **__: Any) -> NetworkStream:
        """Return itself: there is no handshake."""
        return self

    def close(self) -> None:
        """Close in order."""
        self.wire.close()

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection."""
        return self.wire.readable if info == "is_readable" else None


class MeshBackend(NetworkBackend):
    """Connects through the mesh."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - a host has one address
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002 - nothing that options could change
    ) -> NetworkStream:
        """Connect, from a task."""
        task = current()
        if task is None:
            msg = f"{host}:{port}: a connection of a mesh was used outside of it"
            raise httpcore.ConnectError(msg)
        with map_exceptions(CONNECT_ERRORS):
            return MeshStream(wire.dial(task, host, port, timeout))


class MeshConnection(HTTPConnection):
    """httpcore's connection: connects with the pool's retries, and then speaks in messages."""

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Connect if need be, and exchange."""
        with self._request_lock:
            if self._connection is None:
                attempt = begin(request, fresh=True)
                try:
                    stream = self._connect(request)
                except BaseException as error:
                    self._connect_failed = True
                    attempt.failed(error)
                    raise
                self._connection = MeshHTTP11(self._origin, stream, self._keepalive_expiry)
                self._connection.exchange.attempt = attempt
        return self._connection.handle_request(request)


class MeshHTTP11(HTTP11Connection):
    """httpcore's HTTP/1.1 connection with messages where it had h11 and bytes."""

    def __init__(self, origin: httpcore.Origin, stream: Any, keepalive_expiry: float | None) -> None:
        super().__init__(origin, stream, keepalive_expiry)
        self._wire: wire.Wire = stream.wire
        self.exchange = ClientExchange()

    def _send_request_headers(self, request: httpcore.Request) -> None:
        self._send(self.exchange.begin(request, self._wire.connection.peer_host))

    def _send_request_body(self, request: httpcore.Request) -> None:
        parts: Any = request.stream
        for chunk in parts:
            self._send(self.exchange.more(chunk))
        self._send(self.exchange.last())

    def _send(self, message: RequestHead | BodyChunk | None) -> None:
        if message is not None:
            with map_exceptions(WRITE_ERRORS):
                self._wire.send(message)

    def _receive_response_headers(self, request: httpcore.Request) -> Any:
        self._wire.settimeout(timeouts(request).get("read"))
        try:
            with map_exceptions(READ_ERRORS):
                head = self._wire.receive()
            return self.exchange.head(head)
        except Exception as error:
            self.exchange.attempt.failed(error)
            raise

    def _receive_response_body(self, request: httpcore.Request) -> Iterator[bytes]:
        self._wire.settimeout(timeouts(request).get("read"))
        exchange = self.exchange
        try:
            if exchange.data:
                yield exchange.data
            while not exchange.over:
                with map_exceptions(READ_ERRORS):
                    message = self._wire.receive()
                data = exchange.chunk(message)
                if data:
                    yield data
        except Exception as error:
            exchange.attempt.failed(error)
            raise

    def _response_closed(self) -> None:
        with self._state_lock:
            if self.exchange.closed():
                self._state = HTTPConnectionState.IDLE
                if self._keepalive_expiry is not None:
                    self._expire_at = time.monotonic() + self._keepalive_expiry
            else:
                self.close()


def patches() -> list[Patch]:
    """Return the patches of httpcore's blocking pool."""
    pool = httpcore.ConnectionPool
    return [Patch(pool, "handle_request", handle_request), Patch(pool, "close", close)]
