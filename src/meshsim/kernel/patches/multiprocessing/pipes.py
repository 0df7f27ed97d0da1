"""Pipes between the processes of a host, under the real `multiprocessing.connection.Connection`.

A pipe is two ends on descriptors (`kernel/descriptors.py`); each end may be on several tables, and who reads
gets the end of file when the last writing descriptor is closed, as in Unix. A process that ends in whatever way
has its descriptors closed by its system.
"""

from __future__ import annotations

import errno
import os
import select
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, Final

from meshsim.kernel import descriptors, state
from meshsim.kernel.lock import nanoseconds
from meshsim.kernel.patches.time import CHEAP_WAITS, zero_wait_ns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsim.kernel.process import Process

Connection: Any = connection.Connection
real_pipe = connection.Pipe
real_wait = connection.wait
real_init = Connection.__init__
real_send = Connection._send
real_recv = Connection._recv

# What Linux gives a pipe and a pair of sockets.
PIPE_BYTES: Final = 65_536
PAIR_BYTES: Final = 212_992
CLOSES: Final = "pipes"


class Channel:
    """Bytes on their way in one direction."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.data = bytearray()
        self.reader: End | None = None
        self.writer: End | None = None


class End(descriptors.File):
    """One end of a pipe: reads from one channel, writes to another, or both."""

    __slots__ = ("_incoming", "_outgoing", "_reset")

    def __init__(self, incoming: Channel | None, outgoing: Channel | None) -> None:
        super().__init__()
        self._incoming = incoming
        self._outgoing = outgoing
        # That the peer closed without having read everything, which a pair of sockets tells.
        self._reset = False
        if incoming is not None:
            incoming.reader = self
        if outgoing is not None:
            outgoing.writer = self

    def poll(self) -> int:
        """Return what the end is ready for."""
        mask = 0
        if self._incoming is not None:
            if self._incoming.data or self._reset:
                mask |= select.POLLIN
            if self._incoming.writer is None:
                mask |= select.POLLIN | select.POLLHUP
        if self._outgoing is not None:
            if self._outgoing.reader is None:
                mask |= select.POLLERR
            elif len(self._outgoing.data) < self._outgoing.capacity:
                mask |= select.POLLOUT
        return mask

    def read(self, size: int) -> bytes:
        """Take up to `size` bytes, parking until there are some; none is the end of file.

        Raises:
            OSError: (EBADF) it is the writing end; (ECONNRESET) the peer went without reading everything.
        """
        channel = self._incoming
        if channel is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        while not channel.data:
            if self._reset:
                self._reset = False
                raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
            if channel.writer is None:
                return b""
            self.wait(None)
        taken = bytes(channel.data[:size])
        del channel.data[:size]
        if channel.writer is not None:
            channel.writer.changed()
        return taken

    def write(self, data: Any) -> int:
        """Add what there is room for, parking until there is some; returns how much that was.

        Raises:
            OSError: (EBADF) it is the reading end; (EPIPE) nobody can read it any more.
        """
        channel = self._outgoing
        if channel is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        while channel.reader is not None:
            room = channel.capacity - len(channel.data)
            if room > 0 or not len(data):
                written = bytes(data[:room])
                channel.data += written
                channel.reader.changed()
                return len(written)
            self.wait(None)
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def release(self) -> None:
        """Tell the other end: nobody is left on this one."""
        incoming, outgoing = self._incoming, self._outgoing
        if incoming is not None:
            incoming.reader = None
            if incoming.writer is not None:
                incoming.writer._reset = outgoing is not None and bool(incoming.data)
                incoming.writer.changed()
        if outgoing is not None:
            outgoing.writer = None
            if outgoing.reader is not None:
                outgoing.reader.changed()


def add(process: Process, end: End) -> int:
    """Return a new descriptor of an end in a process, which is closed when the process ends."""
    table = descriptors.of(process)
    if CLOSES not in process.tables:
        process.tables[CLOSES] = True
        process.at_death.append(lambda: _close_all(table))
    return table.add(end)


def _close_all(table: descriptors.Descriptors) -> None:
    for fd, file in list(table.files.items()):
        if isinstance(file, End):
            table.close(fd)


def make_pipe(duplex: bool = True) -> tuple[Any, Any]:  # noqa: FBT001, FBT002 - as the real one
    """Return two connected ends; the replacement of `multiprocessing.connection.Pipe`."""
    task = state.current()
    if task is None:
        return real_pipe(duplex)
    process = task.process
    if duplex:
        one, other = Channel(PAIR_BYTES), Channel(PAIR_BYTES)
        ends = End(one, other), End(other, one)
        return Connection(add(process, ends[0])), Connection(add(process, ends[1]))
    channel = Channel(PIPE_BYTES)
    reader, writer = End(channel, None), End(None, channel)
    return (
        Connection(add(process, reader), writable=False),
        Connection(add(process, writer), readable=False),
    )


# -- what a Connection does with its descriptor -----------------------------------------------------------


class _Closer:
    """Closes a descriptor, if it is still the one that it was: in a later world its number may be another's."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.file = descriptors.find(handle)

    def __call__(self) -> None:
        table = descriptors.owner(self.handle)
        if table is not None and table.files.get(self.handle) is self.file:
            table.close(self.handle)


def init(self: Any, handle: Any, readable: bool = True, writable: bool = True) -> None:  # noqa: FBT001, FBT002 - as the real one
    """Remember the file beside its number; the replacement of `Connection.__init__`."""
    real_init(self, handle, readable, writable)
    if _simulated(self._handle):
        # On the object, because it may be closed by the collector when the world is gone.
        self._close = _Closer(self._handle)


def _file(self: Any) -> Any:
    """Return the file under a connection, or None for a real one; a task of a dead process gets no further."""
    closer = vars(self).get("_close")
    if closer is None:
        return None
    task, kernel = state.current(), state.kernel
    if task is not None and task.killed and kernel is not None:
        kernel.park()
    return descriptors.find(closer.handle)


def _simulated(handle: int) -> bool:
    return handle >= descriptors.LOWEST


def send(self: Any, buf: Any, *write: Any) -> None:
    """Write all of `buf`; the replacement of `Connection._send`."""
    file = _file(self)
    if isinstance(file, End):
        real_send(self, buf, lambda _, data: file.write(data))
    else:
        real_send(self, buf, *(write or ((os.write,) if file else ())))


def recv(self: Any, size: int, *read: Any) -> Any:
    """Read `size` bytes; the replacement of `Connection._recv`."""
    file = _file(self)
    if isinstance(file, End):
        return real_recv(self, size, lambda _, count: file.read(count))
    return real_recv(self, size, *(read or ((os.read,) if file else ())))


def _number(thing: Any) -> int:
    return int(thing if isinstance(thing, int) else thing.fileno())


def wait(object_list: Iterable[Any], timeout: float | None = None) -> list[Any]:
    """Park until something can be read or has ended; the replacement of `multiprocessing.connection.wait`.

    Connections, the sentinels of processes and simulated sockets may be mixed. A real descriptor is taken and
    never ready, as on a simulated event loop.
    """
    objects = list(object_list)
    task, kernel = state.current(), state.kernel
    numbers = [_number(thing) for thing in objects]
    if task is None or kernel is None or not any(_simulated(number) for number in numbers):
        return real_wait(objects, timeout)
    pollset = descriptors.Pollset()
    try:
        for thing, number in zip(objects, numbers, strict=True):
            file = descriptors.find(number)
            if number in pollset.interests:
                msg = f"{thing!r} (FD {number}) is already registered"
                raise KeyError(msg)
            if file is not None:
                pollset.add(number, file, select.POLLIN)
        ready = _ready(pollset, timeout)
    finally:
        pollset.clear()
    return [thing for thing, number in zip(objects, numbers, strict=True) if number in ready]


def _ready(pollset: descriptors.Pollset, timeout: float | None) -> set[int]:
    task, kernel = state.task, state.kernel
    ready = {fd for fd, _ in pollset.ready()}
    if ready or task is None or kernel is None:
        return ready
    if timeout is not None and timeout <= 0:
        # A loop that only looks pays for it, or it looks for ever.
        task.zero_waits += 1
        if task.zero_waits > CHEAP_WAITS:
            kernel.sleep(zero_wait_ns(task))
        return {fd for fd, _ in pollset.ready()}
    task.zero_waits = 0
    deadline = None if timeout is None else kernel.now + nanoseconds(timeout)
    pollset.woken = False
    while not ready:
        if not pollset.wait(deadline, "connections"):
            return {fd for fd, _ in pollset.ready()}
        ready = {fd for fd, _ in pollset.ready()}
    return ready
