"""Where programs touch sockets: the constructor of `socket.socket`, and the functions that the fence stands at."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Final

from meshsim.kernel.patches import sockets as fence
from meshsim.kernel.patches.patch import Patch
from meshsim.transports.tcp import resolver, select, system
from meshsim.transports.tcp.socket import new

_HOME: Final = {
    "getaddrinfo": resolver,
    "gethostbyname": resolver,
    "gethostbyname_ex": resolver,
    "gethostbyaddr": resolver,
    "getnameinfo": resolver,
    "getdefaulttimeout": resolver,
    "setdefaulttimeout": resolver,
    "select": select,
    "poll": select,
    "epoll": select,
    "adopt": select,
    "socketpair": system,
    "pipe": system,
    "read": system,
    "write": system,
    "close": system,
    "dup": system,
    "get_blocking": system,
    "set_blocking": system,
    "get_inheritable": system,
    "set_inheritable": system,
    "fcntl": system,
}
ROOM: Final = SimpleNamespace(**{name: getattr(home, name) for name, home in _HOME.items()})


def patches() -> list[Patch]:
    """Return the patches of sockets; the functions are patched by the fence, which asks the room."""
    return [Patch(socket.socket, "__new__", staticmethod(new)), Patch(fence, "room", ROOM)]
