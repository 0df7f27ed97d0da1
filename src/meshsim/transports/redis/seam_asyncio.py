"""`redis.asyncio`: as `seam`, with asyncio's own stream reader and writer on a transport of the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis.asyncio.connection as library

from meshsim.kernel.patches.order import number, serial_hash
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.transports.redis.addresses import of_unix_socket
from meshsim.transports.redis.wire import dial_async

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["patches"]

# The library's own: `asyncio.timeout`, or its stand-in for Pythons without one.
async_timeout: Any = vars(library)["async_timeout"]

_init: Callable[..., None] = library.AbstractConnection.__init__
_connect: Callable[..., Any] = library.Connection._connect
_connect_unix: Callable[..., Any] = library.UnixDomainSocketConnection._connect


def init(connection: Any, *args: Any, **kwargs: Any) -> None:
    """Make a connection that hashes by a serial number: a pool keeps those in use in a set, and closes them from it."""
    number(connection, "redis connection")
    _init(connection, *args, **kwargs)


async def connect(connection: Any) -> None:
    """Stand in for `Connection._connect`, encrypted or not."""
    task = current()
    if task is None:
        await _connect(connection)
        return
    async with async_timeout(connection.socket_connect_timeout):
        streams = await dial_async(task, connection.host, connection.port)
    connection._reader, connection._writer = streams


async def connect_unix(connection: Any) -> None:
    """Stand in for `UnixDomainSocketConnection._connect`."""
    task = current()
    if task is None:
        await _connect_unix(connection)
        return
    name, port = of_unix_socket(connection.path)
    async with async_timeout(connection.socket_connect_timeout):
        streams = await dial_async(task, name, port)
    connection._reader, connection._writer = streams
    await connection.on_connect()


def patches() -> list[Patch]:
    """Return the patches of redis-py's asyncio connections."""
    return [
        Patch(library.AbstractConnection, "__init__", init),
        Patch(library.AbstractConnection, "__hash__", serial_hash),
        Patch(library.Connection, "_connect", connect),
        Patch(library.UnixDomainSocketConnection, "_connect", connect_unix),
    ]
