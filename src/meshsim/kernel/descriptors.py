"""File descriptors of simulated processes, and whoever waits until one is ready.

The numbers are far above those that the operating system gives: the process's pid times 65,536 and a small
number that is used again when it is free, so that a number tells on whose table it lies. What lies there is a
`File`; rooms make theirs out of it (`transports/tcp`). The kernel's own event loop selector needs to know
only what is here: which descriptors there are, what they are ready for, and who is told when that changes.
"""

from __future__ import annotations

import errno
import os
import select
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from meshsim.kernel import state
from meshsim.kernel.process import FIRST_PID

if TYPE_CHECKING:
    from meshsim.kernel.process import Process
    from meshsim.kernel.task import Task

TABLE: Final = "descriptors"
BITS: Final = 16
# The first three are what every process is given: they are the runner's own.
FIRST: Final = 3
LIMIT: Final = 1 << BITS
LOWEST: Final = FIRST_PID << BITS
# Told of to everybody who asks, whatever was asked for.
ALWAYS: Final = select.POLLERR | select.POLLHUP


class File:
    """What a descriptor stands for; several descriptors may stand for one file.

    Attributes:
        references: how many descriptors there are.
    """

    __slots__ = ("_blocked", "_interests", "references")

    def __init__(self) -> None:
        self.references = 0
        self._blocked: list[Task] = []
        self._interests: list[Interest] = []

    def poll(self) -> int:
        """Return what the file is ready for, as a mask of `select.POLL...` bits."""
        raise NotImplementedError

    def release(self) -> None:
        """Do what closing the last descriptor does; must not park."""
        raise NotImplementedError

    @property
    def awaited(self) -> bool:
        """Whether a task is blocked until the file changes."""
        return bool(self._blocked)

    def orphaned(self) -> None:
        """Do what the end of its process does, when that ended in order; a crashed one says nothing."""

    def changed(self) -> None:
        """Tell everybody who waits to look again."""
        if self._blocked:
            kernel = state.kernel
            if kernel is not None:
                for task in self._blocked:
                    kernel.wake(task)
        if self._interests:
            for interest in tuple(self._interests):
                interest.changed()

    def wait(self, deadline_ns: int | None) -> bool:
        """Park the calling task until something changes; False when the deadline passed.

        Raises:
            OSError: (EBADF) the world that the file belonged to is closed, or a foreign thread waits.
        """
        task, kernel = state.current(), state.kernel
        if task is None or kernel is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        task.wait = self
        task.zero_waits = 0
        self._blocked.append(task)
        try:
            return kernel.park(deadline_ns)
        finally:
            self._blocked.remove(task)


class Interest:
    """That somebody who polls wants to know of a descriptor."""

    __slots__ = ("fd", "file", "mask", "pollset")

    def __init__(self, pollset: Pollset, fd: int, file: File, mask: int) -> None:
        self.pollset = pollset
        self.fd = fd
        self.file = file
        self.mask = mask

    def changed(self) -> None:
        """Note that the file may be ready, and wake who waits for that."""
        pollset = self.pollset
        pollset.dirty[self.fd] = self
        if pollset.waiting is not None and self.file.poll() & (self.mask | ALWAYS):
            pollset.wake()


class Pollset:
    """Descriptors that are looked at together.

    What may be ready is remembered when it changes, so that looking costs as much as there is to be seen and
    not as much as there is: a server with a thousand idle connections wakes for one of them.
    """

    __slots__ = ("dirty", "interests", "waiting", "woken")

    def __init__(self) -> None:
        self.interests: dict[int, Interest] = {}
        self.dirty: dict[int, Interest] = {}
        self.waiting: list[Task] | None = None
        self.woken = False

    def add(self, fd: int, file: File, mask: int) -> None:
        """Begin to look at a descriptor."""
        interest = self.interests[fd] = self.dirty[fd] = Interest(self, fd, file, mask)
        file._interests.append(interest)
        interest.changed()

    def change(self, fd: int, mask: int) -> None:
        """Look for something else."""
        interest = self.interests[fd]
        interest.mask = mask
        interest.changed()

    def remove(self, fd: int) -> None:
        """Look at it no longer."""
        interest = self.interests.pop(fd)
        self.dirty.pop(fd, None)
        if interest in interest.file._interests:
            interest.file._interests.remove(interest)

    def clear(self) -> None:
        """Look at nothing."""
        for fd in list(self.interests):
            self.remove(fd)

    def ready(self) -> list[tuple[int, int]]:
        """Return (descriptor, mask) of each that is ready, in the order in which they became so."""
        found: list[tuple[int, int]] = []
        if self.dirty:
            for fd, interest in list(self.dirty.items()):
                mask = interest.file.poll() & (interest.mask | ALWAYS)
                if mask:
                    found.append((fd, mask))
                else:
                    del self.dirty[fd]
        return found

    def wake(self) -> None:
        """End the wait of whoever polls, or the next one."""
        self.woken = True
        kernel = state.kernel
        if kernel is not None:
            for task in self.waiting or ():
                kernel.wake(task)

    def wait(self, deadline_ns: int | None, what: object) -> bool:
        """Park the calling task until one of the descriptors is ready; False when the deadline passed."""
        task, kernel = state.task, state.kernel
        if task is None or kernel is None:
            return False
        if self.woken:
            self.woken = False
            return True
        task.wait = what
        waiting = self.waiting
        if waiting is None:
            waiting = self.waiting = []
        waiting.append(task)
        try:
            return kernel.park(deadline_ns)
        finally:
            waiting.remove(task)
            if not waiting:
                self.waiting = None
            self.woken = False


class Descriptors:
    """The descriptors of one process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._base = process.pid << BITS
        self._next = FIRST
        self._free: list[int] = []
        self.files: dict[int, File] = {}

    def add(self, file: File) -> int:
        """Return a new descriptor of a file: the lowest that is free.

        Raises:
            OSError: (EMFILE) there is none left.
        """
        if self._free:
            number = heappop(self._free)
        elif self._next < LIMIT:
            number = self._next
            self._next += 1
        else:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        fd = self._base | number
        self.files[fd] = file
        file.references += 1
        return fd

    def close(self, fd: int) -> None:
        """Close a descriptor; the last one of a file releases it.

        Raises:
            OSError: (EBADF) it is not open.
        """
        file = self.files.pop(fd, None)
        if file is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        heappush(self._free, fd & LIMIT - 1)
        file.references -= 1
        if not file.references:
            for interest in tuple(file._interests):
                interest.pollset.remove(interest.fd)
            file.release()

    def orphan(self) -> None:
        """Be left by the process: what it had open is closed by its machine, if it ended in order."""
        if (self._process.exit_code or 0) >= 0:
            for file in list(self.files.values()):
                file.orphaned()


def of(process: Process) -> Descriptors:
    """Return the table of a process."""
    found: Descriptors | None = process.tables.get(TABLE)
    if found is None:
        found = process.tables[TABLE] = Descriptors(process)
        process.at_death.append(found.orphan)
    return found


def owner(fd: int) -> Descriptors | None:
    """Return the table that a simulated descriptor lies on; None for a real one."""
    kernel = state.kernel
    if kernel is None or fd < LOWEST:
        return None
    index = (fd >> BITS) - FIRST_PID
    return of(kernel.processes[index]) if index < len(kernel.processes) else None


def find(fd: int) -> File | None:
    """Return the file of a simulated descriptor, or None for a real one.

    Raises:
        OSError: (EBADF) the number is a simulated one, and not open.
    """
    table = owner(fd)
    if table is None:
        return None
    file = table.files.get(fd)
    if file is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return file
