"""The fence: what would leave the simulation raises at the call."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import subprocess
from asyncio import base_events
from multiprocessing import util
from typing import TYPE_CHECKING, Any

from meshsim.errors import FenceError
from meshsim.kernel import descriptors, state
from meshsim.kernel.patches.patch import Patch, existing

if TYPE_CHECKING:
    from collections.abc import Callable

# Set by the world: `--mesh-allow-network` lifts the fence for sockets, never for processes.
allow_network = False

# What answers for a task instead, while a world with simulated sockets is open (`transports/tcp`).
room: Any = None

real_socket_init = socket.socket.__init__
real_getaddrinfo = socket.getaddrinfo


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


class Asked:
    """A function of the system that a task asks the room of simulated sockets for.

    An object and not a function: some of them are class attributes (`selectors.SelectSelector._select`), where a
    function would become a method.

    Args:
        owner: the module that has it.
        name: its name there, and in the room.
        what: what a task without such a room is told that it did; None lets it have the real function.
    """

    def __init__(self, owner: Any, name: str, what: str | None = None) -> None:
        self.real: Callable[..., Any] = getattr(owner, name)
        self.what = what
        self.__name__ = self.__qualname__ = name
        self.__doc__ = self.real.__doc__
        self.__wrapped__ = self.real

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if state.current() is not None:
            if room is not None:
                return getattr(room, self.__name__)(*args, **kwargs)
            if self.what is not None and not allow_network:
                about = f" {args[0]!r}" if args else ""
                raise _fence(f"{self.what}{about}", _SOCKET_CURE)
        return self.real(*args, **kwargs)


class AskedByDescriptor(Asked):
    """A function of the system on a descriptor, which may be a simulated one."""

    def __call__(self, fd: Any, *args: Any, **kwargs: Any) -> Any:
        if room is not None and state.current() is not None:
            # `fcntl` takes what has a descriptor, too.
            number = fd if type(fd) is int or self.__name__ != "fcntl" else fd.fileno()
            if type(number) is int and number >= descriptors.LOWEST:
                return getattr(room, self.__name__)(number, *args, **kwargs)
        return self.real(fd, *args, **kwargs)


_NAMES = {
    "getaddrinfo": "looks up",
    "gethostbyname": "looks up",
    "gethostbyname_ex": "looks up",
    "gethostbyaddr": "looks up",
    "getnameinfo": "looks up",
    "socketpair": "opens a pair of real sockets",
    "getdefaulttimeout": None,
    "setdefaulttimeout": None,
}
_SOCKET_CALLS = {name: Asked(socket, name, what) for name, what in _NAMES.items() if hasattr(socket, name)}
_SELECT_CALLS = {name: Asked(select, name) for name in ("select", "poll", "epoll") if hasattr(select, name)}
_BY_DESCRIPTOR = [
    "read",
    "write",
    "close",
    "get_blocking",
    "set_blocking",
    "get_inheritable",
    "set_inheritable",
]
_OS_CALLS: dict[str, Any] = {name: AskedByDescriptor(os, name) for name in _BY_DESCRIPTOR}
_OS_CALLS["pipe"] = Asked(os, "pipe")
_DESCRIPTOR_CALLS = {name: AskedByDescriptor(socket, name) for name in ("close", "dup")}
_FCNTL_CALLS = {"fcntl": AskedByDescriptor(fcntl, "fcntl")}
if "epoll" in _SELECT_CALLS:
    vars(_SELECT_CALLS["epoll"])["fromfd"] = select.epoll.fromfd
# What the room itself calls when a task means something real.
real = {**_SOCKET_CALLS, **_SELECT_CALLS, **_OS_CALLS}
getaddrinfo = _SOCKET_CALLS["getaddrinfo"]
socketpair = _SOCKET_CALLS["socketpair"]


def _refusing(original: Callable[..., Any], what: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        if state.current() is not None:
            detail = f" {args[0]!r}" if args and isinstance(args[0], (str, bytes, list, tuple)) else ""
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


def _refusing_loop(name: str) -> Callable[..., Any]:
    real: Callable[..., Any] = getattr(base_events.BaseEventLoop, name)

    async def refuse(self: Any, protocol_factory: Any, *command: Any, **kwargs: Any) -> Any:
        # Before it makes pipes for the process: a fence of sockets would name the wrong thing.
        if state.current() is not None:
            raise _fence(
                f"starts a real process {command if name == 'subprocess_exec' else command[0]!r}",
                _PROCESS_CURE,
            )
        return await real(self, protocol_factory, *command, **kwargs)

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Refuse to a task what the loop's `{name}` does."
    return refuse


_LOOP_CALLS = {name: _refusing_loop(name) for name in ("subprocess_exec", "subprocess_shell")}

_PROCESS_CALLS = [
    "fork",
    "forkpty",
    "posix_spawn",
    "posix_spawnp",
    "system",
    "execv",
    "execve",
    "execvp",
    "execvpe",
    "popen",
    "spawnv",
    "spawnve",
    "spawnvp",
    "spawnvpe",
]
_REFUSING = {
    name: _refusing(getattr(os, name), f"calls os.{name}") for name in _PROCESS_CALLS if hasattr(os, name)
}
# How `multiprocessing` itself starts programs: its tracker of names, its server of forks.
_SPAWN = _refusing(util.spawnv_passfds, "starts a real process")


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    return [
        Patch(socket.socket, "__init__", socket_init),
        *existing(socket, _SOCKET_CALLS, rebind=True),
        *existing(socket, _DESCRIPTOR_CALLS),
        *existing(select, _SELECT_CALLS, rebind=True),
        *existing(os, _OS_CALLS),
        *existing(fcntl, _FCNTL_CALLS),
        Patch(subprocess.Popen, "__init__", popen),
        *existing(os, _REFUSING, rebind=True),
        *existing(base_events.BaseEventLoop, _LOOP_CALLS),
        *existing(util, {"spawnv_passfds": _SPAWN}),
    ]


__all__ = ["allow_network", "patches"]
