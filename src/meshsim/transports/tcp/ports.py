"""Which ports and paths of a machine are taken, and by whom."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Final

from meshsim.errors import UsageError
from meshsim.kernel import state
from meshsim.transports.tcp.errors import system_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.process import Process
    from meshsim.network.dial import Dial
    from meshsim.network.fabric import Fabric

STREAM: Final = "tcp.ports"
DATAGRAM: Final = "udp.ports"
PATHS: Final = "unix.paths"
# Linux' range for ports that nobody asked for (net.ipv4.ip_local_port_range).
FIRST_EPHEMERAL: Final = 32_768
EPHEMERAL: Final = 28_232
SUN_PATH_MAX: Final = 107


def fabric() -> Fabric:
    """Return the network of the current world.

    Raises:
        UsageError: no world is open.
    """
    found = getattr(state.kernel, "fabric", None)
    if found is None:
        msg = "no world is open; a simulated socket is one of the world that it was made in"
        raise UsageError(msg)
    return found  # type: ignore[no-any-return]  # it hangs on the kernel without a type


def _table(process: Process, kind: str) -> dict[Any, Any]:
    found: dict[Any, Any] = process.tables.setdefault(kind, {})
    return found


def ephemeral(process: Process, kind: str = STREAM) -> int:
    """Return the next port that nobody asked for; in every run the same."""
    taken, listeners = _table(process, kind), process.host.listeners
    for _ in range(EPHEMERAL):
        port = FIRST_EPHEMERAL + (process.count(kind) - 1) % EPHEMERAL
        if port not in taken and (kind != STREAM or port not in listeners):
            return port
    raise system_error(errno.EADDRINUSE)


def take(process: Process, kind: str, port: int, holder: Any) -> int:
    """Have a socket hold a port; 0 is any that is free.

    Raises:
        OSError: EADDRINUSE, another socket holds it.
    """
    if not port:
        port = ephemeral(process, kind)
    table = _table(process, kind)
    if port in table or (kind == STREAM and port in process.host.listeners):
        raise system_error(errno.EADDRINUSE)
    table[port] = holder
    return port


def give_back(process: Process, port: int, holder: Any, kind: str = STREAM) -> None:
    """Free a port, if it is this socket that holds it."""
    table = _table(process, kind)
    if table.get(port) is holder:
        del table[port]


def dial(process: Process, host: str, port: int, done: Callable[[Any], None], local_port: int) -> Dial | None:
    """Begin to connect.

    Raises:
        FenceError: nothing in the world has that name or address.
    """
    return fabric().dial(process.host, host, port, done, local_port=local_port)


# -- paths ----------------------------------------------------------------------------------------------


class UnixListener:
    """A path that is listened on; no file lies there, for the file system is the real one."""

    __slots__ = ("full", "on_connect", "path", "process")

    def __init__(self, process: Process, path: str | bytes, on_connect: Callable[[Any], None]) -> None:
        self.process = process
        self.path = path
        self.on_connect = on_connect
        self.full = False

    def close(self) -> None:
        """Refuse connections from now on."""
        table = _table(self.process, PATHS)
        if table.get(_key(self.path)) is self:
            table[_key(self.path)] = None


def checked_path(address: Any) -> str | bytes:
    """Return an address of AF_UNIX.

    Raises:
        TypeError, OSError: as the real methods do.
    """
    if isinstance(address, os.PathLike) or not isinstance(address, (str, bytes, bytearray)):
        msg = f"a bytes-like object is required, not '{type(address).__name__}'"
        raise TypeError(msg)
    if len(os.fsencode(address if isinstance(address, str) else bytes(address))) > SUN_PATH_MAX:
        msg = "AF_UNIX path too long"
        raise OSError(msg)
    return address if isinstance(address, str) else bytes(address)


def _key(path: str | bytes) -> bytes:
    return os.fsencode(path)


def take_path(process: Process, address: Any, holder: Any) -> str | bytes:
    """Have a socket hold a path.

    Raises:
        OSError: EADDRINUSE, another socket holds it.
    """
    path = checked_path(address)
    table = _table(process, PATHS)
    if _key(path) in table:
        raise system_error(errno.EADDRINUSE)
    table[_key(path)] = holder
    return path


def listen_path(process: Process, path: str | bytes, on_connect: Callable[[Any], None]) -> UnixListener:
    """Listen on a path that the socket holds."""
    listener = UnixListener(process, path, on_connect)
    _table(process, PATHS)[_key(path)] = listener
    return listener


def path_holder(process: Process, address: Any) -> Any:
    """Return what holds a path on a process's machine.

    Raises:
        OSError: ENOENT, nothing does.
    """
    key = _key(checked_path(address))
    table = _table(process, PATHS)
    if key not in table:
        raise system_error(errno.ENOENT)
    return table[key]


def path_listener(process: Process, address: Any) -> UnixListener:
    """Return who listens on a path.

    Raises:
        OSError: ENOENT, ECONNREFUSED, or EAGAIN where too many wait.
    """
    holder = path_holder(process, address)
    if not isinstance(holder, UnixListener):
        raise system_error(errno.ECONNREFUSED)
    if holder.full:
        raise system_error(errno.EAGAIN)
    return holder


def give_back_path(process: Process, holder: Any) -> None:
    """Forget the path of a socket that is closed; the real file would stay, and be removed by its program."""
    path = holder.local
    if isinstance(path, (str, bytes)) and path:
        table = _table(process, PATHS)
        found = table.get(_key(path))
        if found is None or found is holder or isinstance(found, UnixListener):
            table.pop(_key(path), None)


__all__ = ["DATAGRAM", "STREAM", "UnixListener", "dial", "ephemeral", "fabric", "give_back", "take"]
