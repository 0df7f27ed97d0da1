"""The fence: what would leave the simulation raises at the call."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING, Any

from meshsim.errors import FenceError
from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch, existing

if TYPE_CHECKING:
    from collections.abc import Callable

# Set by the world: `--mesh-allow-network` lifts the fence for sockets, never for processes.
allow_network = False

real_socket_init = socket.socket.__init__
real_getaddrinfo = socket.getaddrinfo
real_socketpair = socket.socketpair


def _fence(what: str, allow: str) -> FenceError:
    task = state.task
    who = task.host if task is not None else "test"
    return FenceError(f"{who} {what}, which would leave the simulation. {allow}")


_SOCKET_CURE = (
    "Speak to it through a client library that meshsim knows and name it in the scenario:\n"
    "    platform:\n      NAME: {external: {host: HOST}}\n"
    "or allow real sockets: --mesh-allow-network (ini: mesh_allow_network = true)"
)
_PROCESS_CURE = (
    "Run the program as a service of the world:\n"
    '    services:\n      NAME: {python: "package.module:function"}\n'
    'or replace the call: mesh.host("HOST").patch("package.module.subprocess.run", fake)'
)


def socket_init(self: Any, *args: Any, **kwargs: Any) -> None:
    """Refuse a real socket to a task."""
    if not allow_network and state.current() is not None and kwargs.get("fileno") is None:
        raise _fence("opens a real socket", _SOCKET_CURE)
    real_socket_init(self, *args, **kwargs)


def socketpair(*args: Any, **kwargs: Any) -> Any:
    """Refuse a pair of real sockets to a task."""
    if not allow_network and state.current() is not None:
        raise _fence("opens a pair of real sockets", _SOCKET_CURE)
    return real_socketpair(*args, **kwargs)


def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
    """Refuse to look a name up for a task."""
    if not allow_network and state.current() is not None:
        raise _fence(f"looks up {host!r} port {port!r}", _SOCKET_CURE)
    return real_getaddrinfo(host, port, *args, **kwargs)


def _refusing(original: Callable[..., Any], what: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        if state.current() is not None:
            detail = f" {args[0]!r}" if args and isinstance(args[0], (str, list, tuple)) else ""
            raise _fence(f"{what}{detail}", _PROCESS_CURE)
        return original(*args, **kwargs)

    refuse.__name__ = refuse.__qualname__ = original.__name__
    refuse.__doc__ = f"Refuse to a task what `{original.__name__}` does."
    return refuse


_real_popen = subprocess.Popen.__init__


def popen(self: Any, args: Any, *rest: Any, **kwargs: Any) -> None:
    """Refuse a real process to a task."""
    if state.current() is not None:
        # Popen's finalizer looks at this; the object was never whole.
        self._child_created = False
        raise _fence(f"starts a real process {args!r}", _PROCESS_CURE)
    _real_popen(self, args, *rest, **kwargs)


_PROCESS_CALLS = ["fork", "forkpty", "posix_spawn", "posix_spawnp", "system", "execv", "execve", "execvp", "execvpe", "popen", "spawnv", "spawnve", "spawnvp", "spawnvpe"]
_REFUSING = {
    name: _refusing(getattr(os, name), f"calls os.{name}") for name in _PROCESS_CALLS if hasattr(os, name)
}


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    return [
        Patch(socket.socket, "__init__", socket_init),
        *existing(socket, {"getaddrinfo": getaddrinfo, "socketpair": socketpair}, rebind=True),
        Patch(subprocess.Popen, "__init__", popen),
        *existing(os, _REFUSING, rebind=True),
    ]


__all__ = ["allow_network", "patches"]
