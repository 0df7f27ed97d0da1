"""What of HTTP is here: who speaks it, what of it, and where it is not as on a real wire.

The documentation's table is made from this file; a test holds that what stands here as missing is refused,
and that each replaced name is one of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DIFFERENCES", "MISSING", "OPERATIONS", "Difference", "Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that programs do.

    Attributes:
        side: `client` or `server`.
        library: whose it is.
        name: what programs call.
        caught_at: the names that are replaced for it.
    """

    side: str
    library: str
    name: str
    caught_at: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the mesh is not as a real wire: what, how, and why it is left so."""

    what: str
    how: str
    why: str


_URLLIB3 = ("HTTPConnectionPool.urlopen",)
_HTTPCORE = ("ConnectionPool.handle_request", "ConnectionPool.close")
_HTTPCORE_ASYNC = ("AsyncConnectionPool.handle_async_request", "AsyncConnectionPool.aclose")
_WERKZEUG = tuple(
    f"BaseWSGIServer.{name}"
    for name in ("__init__", "serve_forever", "shutdown", "server_close", "log_startup")
)
_WSGIREF = tuple(
    f"WSGIServer.{name}"
    for name in ("__init__", "serve_forever", "handle_request", "shutdown", "server_close")
)

OPERATIONS: tuple[Operation, ...] = (
    Operation("client", "requests", "Session, adapters, Retry, streaming, proxies for http", _URLLIB3),
    Operation("client", "urllib3", "PoolManager, HTTPConnectionPool, ProxyManager for http", _URLLIB3),
    Operation("client", "httpx", "Client, HTTPTransport, Limits, Timeout, streaming", _HTTPCORE),
    Operation("client", "httpx", "AsyncClient, AsyncHTTPTransport, on asyncio", _HTTPCORE_ASYNC),
    Operation("server", "wsgi", "the adapter: Flask, Django and every other WSGI application", ()),
    Operation("server", "asgi", "the adapter: FastAPI, Starlette and every other ASGI 3 application", ()),
    Operation(
        "server", "flask", "app.run(), flask run", (*_WERKZEUG, "werkzeug._reloader.run_with_reloader")
    ),
    Operation("server", "werkzeug", "run_simple(), make_server()", _WERKZEUG),
    Operation("server", "wsgiref", "make_server(), Django's runserver --noreload", _WSGIREF),
    Operation("server", "uvicorn", "uvicorn.run(), Server.serve()", ("Server.startup", "Server.shutdown")),
)

MISSING: dict[str, str] = {
    "https or SOCKS through a proxy": "a tunnel (CONNECT) carries bytes, and the wire here carries messages",
    "WSGIServer.handle_request()": "nobody serves one request at a time but tests of servers",
    "WebSockets": "an ASGI server answers them as it answers any GET that it does not know",
    "HTTP/2": "every connection is HTTP/1.1; a client that allows both never notices",
    "httpx on trio": "the mesh has event loops of asyncio",
}

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "https", "has no handshake, and every certificate is good", "TLS would cost CPU and tell no fault"
    ),
    Difference(
        "100-continue",
        "a client that waits for it is never told to go on, and sends after its own patience",
        "neither requests nor httpx wait for it",
    ),
    Difference(
        "Content-Length and Transfer-Encoding",
        "a message keeps what its head says; what an application writes beyond its length is cut",
        "the client would take it for the next response",
    ),
    Difference(
        "idle connections",
        "a server keeps them until it ends; uvicorn really closes them after 5 s, gunicorn after 2 s",
        "no word of a scenario says otherwise yet",
    ),
    Difference(
        "Werkzeug's reloader and debugger",
        "the reloader runs the server itself and never restarts it",
        "a host's sources do not change",
    ),
    Difference(
        "a client's port",
        "REMOTE_PORT and scope['client'][1] are always 40000",
        "a host's connections have no ports of their own",
    ),
)
