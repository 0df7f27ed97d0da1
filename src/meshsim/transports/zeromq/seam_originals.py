"""What pyzmq's names were before a world, and how its objects are tied to their simulated counterparts.

An object of a world holds its counterpart in `_mesh`; outside of one its class says None.
"""

from __future__ import annotations

import weakref
from typing import Any

import zmq

from meshsim.errors import FenceError
from meshsim.kernel.state import current

__all__ = ["REAL_CONTEXT", "REAL_SOCKET", "keep", "let_go", "mark_closed", "outside"]

REAL_SOCKET: dict[str, Any] = {
    name: getattr(zmq.Socket, name)
    for name in (
        "__init__",
        "close",
        "closed",
        "underlying",
        "set",
        "get",
        "bind",
        "connect",
        "unbind",
        "disconnect",
        "monitor",
        "join",
        "leave",
        "send",
        "recv",
        "recv_into",
        "send_multipart",
        "recv_multipart",
    )
}
REAL_CONTEXT: dict[str, Any] = {
    name: getattr(zmq.Context, name)
    for name in ("__init__", "__del__", "term", "set", "get", "closed", "underlying", "instance")
}
# Every wrapper of a world: when it ends, they let go of it.
_alive: weakref.WeakSet[Any] = weakref.WeakSet()


def keep(wrapper: Any, mesh: Any) -> None:
    """Tie an object of pyzmq's to its counterpart."""
    wrapper.__dict__["_mesh"] = mesh
    _alive.add(wrapper)


def let_go() -> None:
    """Have every object let go of the world that is over: to the real methods they are closed."""
    for wrapper in list(_alive):
        if wrapper.__dict__.pop("_mesh", None) is not None and isinstance(wrapper, zmq.Context):
            mark_closed(wrapper, True)  # noqa: FBT003 - a property's setter
    _alive.clear()


def mark_closed(context: Any, value: bool) -> None:  # noqa: FBT001 - a property's setter
    """Set what the real `Context.closed` says."""
    REAL_CONTEXT["closed"].__set__(context, value)


def outside(socket: Any, name: str) -> Any:
    """Return the real method of a socket that is not the mesh's.

    Raises:
        FenceError: a task of a world asks, which has no business with such a socket.
    """
    if current() is not None:
        raise FenceError(
            f"{socket!r} was made before the world or outside of it, and its {name}() would leave the simulation. "
            "Make sockets inside the service: contexts made before are taken over, sockets are not"
        )
    return REAL_SOCKET[name]
