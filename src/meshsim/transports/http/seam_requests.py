"""`requests`, and everything else that stands on urllib3: real pools, real retries, connections of ours.

What is replaced is `urllib3.connectionpool.HTTPConnectionPool.urlopen`. Inside a task it runs the original
method on a twin of the pool: a copy that belongs to the task's process and makes `MeshConnection`s. Pool
sizes, blocking, `Retry`, timeouts per phase, proxies, decoding and every exception with its causes are then
urllib3's own code, for `requests` as for anything else that uses urllib3.

The road not taken is `HTTPAdapter.send`. A user's `@responses.activate` replaces just that, and sends what it
lets pass to the `send` that it saw when `responses` was first imported, which may be before the world: a seam
there would be gone round. From below it, mocks are asked first and ours is never hidden.
"""

from __future__ import annotations

import copy
import ssl
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from urllib3 import connectionpool
from urllib3._collections import HTTPHeaderDict
from urllib3.connection import HTTPConnection, HTTPSConnection, _get_default_user_agent
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.response import HTTPResponse
from urllib3.util import SKIP_HEADER
from urllib3.util.request import body_to_chunks
from urllib3.util.ssl_ import resolve_cert_reqs

from meshsim.errors import UnsupportedOperation
from meshsim.kernel import api
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.transports.http import calls, wire
from meshsim.transports.http.codec import BodyChunk, RequestHead
from meshsim.transports.http.places import Places
from meshsim.transports.http.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsim.kernel.process import Process
    from meshsim.transports.http.codec import Headers

TABLE = "http.urllib3"
TWIN = "mesh_twin"
original_urlopen = connectionpool.HTTPConnectionPool.urlopen
original_make_request = connectionpool.HTTPConnectionPool._make_request


def urlopen(pool: connectionpool.HTTPConnectionPool, *args: Any, **kwargs: Any) -> Any:
    """Stand in for `HTTPConnectionPool.urlopen`: in a task, on the twin that the task's process has."""
    if TWIN not in pool.__dict__:
        task = current()
        if task is not None:
            pool = _twin(pool, task.process)
    return original_urlopen(pool, *args, **kwargs)


def _twin(pool: connectionpool.HTTPConnectionPool, process: Process) -> connectionpool.HTTPConnectionPool:
    twins = process.tables.get(TABLE)
    if twins is None:
        # Weak, so that a pool which `Session.close()` drops takes its connections along, as it does outside.
        twins = process.tables[TABLE] = weakref.WeakKeyDictionary()
    twin: connectionpool.HTTPConnectionPool | None = twins.get(pool)
    if twin is None:
        twin = twins[pool] = _make_twin(pool)
    elif pool.pool is None:
        twin.close()
    return twin


def _make_twin(pool: connectionpool.HTTPConnectionPool) -> connectionpool.HTTPConnectionPool:
    twin = copy.copy(pool)
    twin.__dict__[TWIN] = True
    twin.ConnectionCls = MeshHTTPSConnection if pool.scheme == "https" else MeshConnection
    twin._make_request = partial(_make_request, weakref.ref(twin))  # type: ignore[method-assign]
    if pool.pool is None:
        return twin
    places: Any = Places(pool.pool.maxsize)
    twin.pool = places
    weakref.finalize(twin, connectionpool._close_pool_connections, places).atexit = False
    return twin


def _make_request(twin: Any, conn: MeshConnection, method: str, url: str, **kwargs: Any) -> Any:
    """Make one attempt, and have the trace know how it ends."""
    pool, task = twin(), current()
    if task is None:
        return original_make_request(pool, conn, method, url, **kwargs)
    body = kwargs["body"]
    conn.mesh_given = _pairs(kwargs["headers"])
    attempt = conn.mesh_attempt = calls.begin(
        task.process,
        wire.fabric().names.service_of(pool.host, pool.port),
        method,
        url,
        headers=conn.mesh_given,
        body=body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else None,
        deadline_ns=_deadline_ns(kwargs["timeout"], fresh=conn.sock is None),
        attempt=1 + len(kwargs["retries"].history),
    )
    try:
        return original_make_request(pool, conn, method, url, **kwargs)
    except BaseException as error:
        attempt.failed(error)
        raise


def _deadline_ns(timeout: Any, *, fresh: bool) -> int | None:
    """Return when the caller gives up, or None for never."""
    connect, read = timeout.connect_timeout, timeout.read_timeout
    if not isinstance(read, (int, float)):
        return None
    seconds = read + connect if fresh and isinstance(connect, (int, float)) else read
    return api.now() + round(seconds * wire.NS_PER_S)


class MeshConnection(HTTPConnection):
    """urllib3's connection with the simulated network where its socket was.

    `sock` holds a `Wire`, so that what urllib3 says of connections (closed, dropped) stays its own code.
    """

    mesh_scheme: ClassVar[str] = "http"
    mesh_attempt = calls.Attempt(None)
    mesh_given: Headers | None = None
    sock: Any

    def _new_conn(self) -> Any:
        task = current()
        if task is None:
            msg = f"{self.host}:{self.port}: a connection of a mesh was used outside of it"
            raise NewConnectionError(self, msg)
        try:
            made = wire.dial(task, self._dns_host, self.port, self.timeout)
        except TimeoutError as error:
            text = f"Connection to {self.host} timed out. (connect timeout={self.timeout})"
            raise ConnectTimeoutError(self, text) from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error
        return made

    def _tunnel(self) -> None:
        msg = (
            f"{self._tunnel_host}:{self._tunnel_port} through the proxy {self.host}:{self.port} needs"
            " a tunnel (CONNECT), which is not simulated; let NO_PROXY name the service, or call it by http"
        )
        raise UnsupportedOperation(msg)

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands, as far as this end knows."""
        return self.sock is not None and not self.sock.readable

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        chunked: bool = False,
        preload_content: bool = True,
        decode_content: bool = True,
        enforce_content_length: bool = True,
    ) -> None:
        """Send a request; the arguments are those of urllib3."""
        self._mesh_options = (method, url, preload_content, decode_content, enforce_content_length)
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self.timeout)
        framed = body_to_chunks(body, method=method, blocksize=self.blocksize)
        # The pool has read them already; going over requests' own kind of dict again costs 5 us.
        given, self.mesh_given = self.mesh_given, None
        lines = self._mesh_headers(
            url, _pairs(headers or {}) if given is None else given, framed, chunked=chunked
        )
        chunks: Any = framed.chunks
        # urllib3 gives a tuple for a body that it has whole, and an iterator for one that is still to come.
        streams = chunks is not None and not isinstance(chunks, tuple)
        whole = b"" if streams or chunks is None else b"".join(chunks)
        head = RequestHead(method, url, lines, whole, more=streams, scheme=self.mesh_scheme)
        head.call = self.mesh_attempt.call
        self.mesh_attempt.connected(self.sock.connection.peer_host)
        self.sock.send(head)
        if streams:
            for chunk in chunks:
                if chunk:
                    self.sock.send(BodyChunk(chunk.encode() if isinstance(chunk, str) else bytes(chunk)))
            self.sock.send(BodyChunk(b"", more=False))

    def _mesh_headers(self, url: str, headers: Headers, framed: Any, *, chunked: bool) -> Headers:
        """Return the header lines in the order in which urllib3 puts them."""
        given = {name.lower() for name, _ in headers}
        lines: Headers = []
        if "host" not in given:
            lines.append(("Host", self._mesh_host(url)))
        if "accept-encoding" not in given:
            lines.append(("Accept-Encoding", "identity"))
        if "transfer-encoding" not in given:
            if chunked:
                lines.append(("Transfer-Encoding", "chunked"))
            elif "content-length" not in given:
                if framed.content_length is not None:
                    lines.append(("Content-Length", str(framed.content_length)))
                elif framed.chunks is not None:
                    lines.append(("Transfer-Encoding", "chunked"))
        if "user-agent" not in given:
            lines.append(("User-Agent", _get_default_user_agent()))
        lines.extend([line for line in headers if line[1] != SKIP_HEADER])
        return lines

    def _mesh_host(self, url: str) -> str:
        if not url.startswith("/"):
            # Absolute, because it goes to a proxy.
            return url.partition("://")[2].partition("/")[0]
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == self.default_port else f"{host}:{self.port}"

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """Wait for the response to the request that was sent last."""
        method, url, preload_content, decode_content, enforce_content_length = self._mesh_options
        sock = self.sock
        sock.settimeout(self.timeout)
        reply = Reply.wait(sock, method, self.mesh_attempt)
        if reply.will_close:
            # The reply keeps the connection until its body was read, as a socket's file does.
            self.close()
        return HTTPResponse(
            body=reply,
            headers=HTTPHeaderDict(reply.header_lines),
            status=reply.status,
            version=reply.version,
            version_string="HTTP/1.1",
            reason=reply.reason,
            preload_content=preload_content,
            decode_content=decode_content,
            original_response=reply,
            enforce_content_length=enforce_content_length,
            request_method=method,
            request_url=url,
            sock_shutdown=sock.shutdown,
        )


class MeshHTTPSConnection(MeshConnection, HTTPSConnection):
    """The same for https: there is no handshake, and a certificate is believed to be good."""

    mesh_scheme = "https"

    def connect(self) -> None:
        """Connect; whether the certificate would have been looked at is noted as urllib3 notes it."""
        MeshConnection.connect(self)
        self.is_verified = resolve_cert_reqs(self.cert_reqs) == ssl.CERT_REQUIRED


def _pairs(headers: Mapping[Any, Any]) -> Headers:
    """Return headers as names and values of text; users also give bytes and numbers."""
    pairs = list(headers.items())
    for name, value in pairs:
        if type(name) is not str or type(value) is not str:
            return [(_text(one), _text(other)) for one, other in pairs]
    return pairs


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def patches() -> list[Patch]:
    """Return the patches of urllib3."""
    return [Patch(connectionpool.HTTPConnectionPool, "urlopen", urlopen)]
