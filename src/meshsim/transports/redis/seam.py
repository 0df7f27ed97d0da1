"""`redis.Redis` and its pools: a connection made by a task of a world is one of the mesh.

Replaced are the methods that open a socket and those that `select` on one. Everything above them is redis-py's
own: pools, retries, health checks, timeouts, Sentinel's managed connections, parsers.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import redis.connection as library
from redis import utils as library_utils
from redis._parsers import hiredis as hiredis_parser

from meshsim.kernel.patches.order import number, serial_hash
from meshsim.kernel.patches.patch import Patch, existing
from meshsim.kernel.state import current
from meshsim.transports.redis.addresses import of_unix_socket
from meshsim.transports.redis.wire import MeshSocket, dial

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["patches"]

_init: Callable[..., None] = library.AbstractConnection.__init__
_connect: Callable[..., Any] = library.Connection._connect
_connect_unix: Callable[..., Any] = library.UnixDomainSocketConnection._connect
_ssl_connection = getattr(library, "SSLConnection", None)
_connect_ssl: Callable[..., Any] | None = getattr(_ssl_connection, "_connect", None)
_can_read: Any = getattr(hiredis_parser, "_socket_can_read", None)
_read_lib_version: Any = getattr(library_utils, "get_lib_version", None)
_is_closed: Any = getattr(hiredis_parser, "_socket_is_closed", None)


def init(connection: Any, *args: Any, **kwargs: Any) -> None:
    """Make a connection that hashes by a serial number: a pool keeps those in use in a set, and closes them from it."""
    number(connection, "redis connection")
    _init(connection, *args, **kwargs)


def connect(connection: Any) -> Any:
    """Stand in for `Connection._connect`."""
    task = current()
    if task is None:
        return _connect(connection)
    return dial(
        task, connection.host, connection.port, connection.socket_connect_timeout, connection.socket_timeout
    )


def connect_ssl(connection: Any) -> Any:
    """Stand in for `SSLConnection._connect`: there is no handshake, and no certificate to check."""
    if current() is None and _connect_ssl is not None:
        return _connect_ssl(connection)
    return connect(connection)


def connect_unix(connection: Any) -> Any:
    """Stand in for `UnixDomainSocketConnection._connect`."""
    task = current()
    if task is None:
        return _connect_unix(connection)
    name, port = of_unix_socket(connection.path)
    return dial(
        task, name, port, getattr(connection, "socket_connect_timeout", None), connection.socket_timeout
    )


def can_read(sock: Any, timeout: float | None) -> Any:
    """Stand in for the parser's `poll` of a socket."""
    if isinstance(sock, MeshSocket):
        return sock.waits(timeout)
    return _can_read(sock, timeout)


def is_closed(sock: Any) -> Any:
    """Stand in for the parser's look for an end of the stream."""
    if isinstance(sock, MeshSocket):
        return sock.closed_by_peer
    return _is_closed(sock)


@functools.cache
def lib_version() -> str:
    """Return redis-py's version, which it reads from its package's metadata at each client: a millisecond."""
    version: str = _read_lib_version()
    return version


def patches() -> list[Patch]:
    """Return the patches of redis-py's blocking connections."""
    made = [
        Patch(library.AbstractConnection, "__init__", init),
        Patch(library.AbstractConnection, "__hash__", serial_hash),
        Patch(library.Connection, "_connect", connect),
        Patch(library.UnixDomainSocketConnection, "_connect", connect_unix),
        *existing(hiredis_parser, {"_socket_can_read": can_read, "_socket_is_closed": is_closed}),
        *existing(library_utils, {"get_lib_version": lib_version}),
    ]
    if _ssl_connection is not None and "_connect" in vars(_ssl_connection):
        made.append(Patch(_ssl_connection, "_connect", connect_ssl))
    return made
