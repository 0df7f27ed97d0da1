"""System calls on simulated descriptors, and what makes pairs of them: `socketpair`, `pipe`, `os.read`, ..."""

from __future__ import annotations

import errno
import fcntl as constants
import socket
from typing import Any

from meshsim.errors import UnsupportedOperation
from meshsim.kernel import descriptors, state
from meshsim.kernel.patches import sockets as fence
from meshsim.transports.tcp.datagram import Datagram
from meshsim.transports.tcp.errors import system_error
from meshsim.transports.tcp.local import LocalConnection
from meshsim.transports.tcp.pipe import Pipe
from meshsim.transports.tcp.socket import open_file
from meshsim.transports.tcp.stream import Stream


def socketpair(family: int | None = None, type: int = socket.SOCK_STREAM, proto: int = 0) -> tuple[Any, Any]:  # noqa: A002
    """Return two sockets that are connected with each other."""
    task = state.current()
    if task is None:
        raise system_error(errno.EBADF)
    family = socket.AF_UNIX if family is None else family
    if family != socket.AF_UNIX:
        raise system_error(errno.EOPNOTSUPP)
    process = task.process
    files = [open_file(process, family, type, proto) for _ in range(2)]
    one, other = files
    if isinstance(one, Stream) and isinstance(other, Stream):
        ends = LocalConnection.pair(process, process)
        one.established(ends[0])
        other.established(ends[1])
    elif isinstance(one, Datagram) and isinstance(other, Datagram):
        one.peer, other.peer = other, one
    table = descriptors.of(process)
    sockets = [socket.socket(family, type, proto, table.add(file)) for file in files]
    return sockets[0], sockets[1]


def pipe() -> tuple[int, int]:
    """Return the reading and the writing descriptor of a pipe: a simulated one in a service."""
    task, kernel = state.current(), state.kernel
    if task is None or kernel is None or task.process is kernel.home:
        # The test's own pipes lead to real programs and real threads.
        real: tuple[int, int] = fence.real["pipe"].real()
        return real
    ends = LocalConnection.pair(task.process, task.process)
    table = descriptors.of(task.process)
    files = [Pipe(task.process, end) for end in ends]
    return table.add(files[0]), table.add(files[1])


def _file(fd: int) -> Any:
    file = descriptors.find(fd)
    if file is None:
        raise system_error(errno.EBADF)
    return file


def read(fd: int, length: int, /) -> bytes:
    """Read from a simulated descriptor."""
    file = _file(fd)
    while True:
        data: bytes | None = file.read(length)
        if data is not None:
            return data
        if file.options.nonblocking:
            raise system_error(errno.EAGAIN)
        file.wait(None)


def write(fd: int, data: Any, /) -> int:
    """Write to a simulated descriptor."""
    file = _file(fd)
    whole = bytes(data)
    while True:
        sent: int = file.write(whole)
        if sent or not whole:
            return sent
        if file.options.nonblocking:
            raise system_error(errno.EAGAIN)
        file.wait(None)


def close(fd: int, /) -> None:
    """Close a simulated descriptor."""
    table = descriptors.owner(fd)
    if table is None:
        raise system_error(errno.EBADF)
    table.close(fd)


def dup(fd: int, /) -> int:
    """Return another descriptor of the same file."""
    file = _file(fd)
    task = state.current()
    if task is None:
        raise system_error(errno.EBADF)
    return descriptors.of(task.process).add(file)


def get_blocking(fd: int, /) -> bool:
    """Whether reading and writing by `os.read` and `os.write` wait."""
    return not _file(fd).options.nonblocking


def set_blocking(fd: int, blocking: bool, /) -> None:  # noqa: FBT001 - the real signature
    """Have reading and writing wait, or not."""
    _file(fd).options.nonblocking = not blocking


def get_inheritable(fd: int, /) -> bool:
    """Return False: there are no children."""
    _file(fd)
    return False


def set_inheritable(fd: int, inheritable: bool, /) -> None:  # noqa: FBT001 - the real signature
    """Accept, and do nothing."""
    del inheritable
    _file(fd)


def fcntl(fd: int, cmd: int, arg: Any = 0, /) -> int:
    """Answer what programs ask before they set a descriptor non-blocking or close-on-exec.

    Raises:
        UnsupportedOperation: another command.
    """
    file = _file(fd)
    nonblocking = 0o4000
    if cmd == constants.F_GETFL:
        return nonblocking if file.options.nonblocking else 0
    if cmd == constants.F_SETFL:
        file.options.nonblocking = bool(arg & nonblocking)
        return 0
    if cmd in {constants.F_GETFD, constants.F_SETFD}:
        return 0
    msg = f"fcntl command {cmd} is not simulated; F_GETFL, F_SETFL, F_GETFD and F_SETFD are"
    raise UnsupportedOperation(msg)
