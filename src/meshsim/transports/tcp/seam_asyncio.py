"""asyncio on simulated sockets is asyncio's own; only looking names up takes no thread.

A loop asks a pool of threads for an address, because a real resolver blocks. The world's names do not, and a
pool costs more than the rest of a connection: two tasks, their wakes and, at the end, their joins.
"""

from __future__ import annotations

import socket
from asyncio import base_events
from typing import Any

from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current

original_getaddrinfo = base_events.BaseEventLoop.getaddrinfo
original_getnameinfo = base_events.BaseEventLoop.getnameinfo


async def getaddrinfo(
    self: Any,
    host: Any,
    port: Any,
    *,
    family: int = 0,
    type: int = 0,  # noqa: A002 - its name in the real signature
    proto: int = 0,
    flags: int = 0,
) -> Any:
    """Look a name up at once; the replacement of `loop.getaddrinfo`."""
    if current() is None:
        return await original_getaddrinfo(
            self, host, port, family=family, type=type, proto=proto, flags=flags
        )
    return socket.getaddrinfo(host, port, family, type, proto, flags)


async def getnameinfo(self: Any, sockaddr: Any, flags: int = 0) -> Any:
    """Look an address up at once; the replacement of `loop.getnameinfo`."""
    if current() is None:
        return await original_getnameinfo(self, sockaddr, flags)
    return socket.getnameinfo(sockaddr, flags)


def patches() -> list[Patch]:
    """Return the patches of asyncio."""
    loop = base_events.BaseEventLoop
    return [Patch(loop, "getaddrinfo", getaddrinfo), Patch(loop, "getnameinfo", getnameinfo)]
