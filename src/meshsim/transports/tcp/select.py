"""`select.select`, `poll` and `epoll` for tasks: simulated descriptors are waited for in virtual time.

A real descriptor among them (a pipe of the test's, a socket that the fence let through) is looked at without
waiting, again each millisecond of virtual time.
"""

from __future__ import annotations

import errno
import select as system
from typing import TYPE_CHECKING, Any, Final, Self

from meshsim.kernel import descriptors, state
from meshsim.kernel.descriptors import Pollset
from meshsim.kernel.patches import sockets as fence
from meshsim.kernel.patches.time import NANOSECONDS, zero_wait_ns
from meshsim.transports.tcp.errors import system_error

if TYPE_CHECKING:
    from collections.abc import Callable

REAL_LOOK_NS: Final = 1_000_000
READ: Final = system.POLLIN | system.POLLHUP | system.POLLERR | system.POLLRDHUP
WRITE: Final = system.POLLOUT | system.POLLERR
DEFAULT: Final = system.POLLIN | system.POLLPRI | system.POLLOUT
EDGE: Final = system.EPOLLET
ONCE: Final = system.EPOLLONESHOT


def descriptor_of(thing: Any) -> int:
    """Return the number of a descriptor, or of something that has one.

    Raises:
        TypeError, ValueError: as the system's own functions.
    """
    if isinstance(thing, int):
        fd = thing
    else:
        method = getattr(thing, "fileno", None)
        if method is None:
            msg = "argument must be an int, or have a fileno() method."
            raise TypeError(msg)
        fd = method()
        if not isinstance(fd, int):
            msg = "fileno() returned a non-integer"
            raise TypeError(msg)
    if fd < 0:
        msg = f"file descriptor cannot be a negative integer ({fd})"
        raise ValueError(msg)
    return fd


def wait(
    pollset: Pollset,
    timeout_s: float | None,
    real: Callable[[], list[Any]] | None,
    what: str,
    *,
    looks_ns: int | None = REAL_LOOK_NS,
) -> list[Any]:
    """Wait until something is ready: the real things that are, or else the simulated ones.

    Args:
        pollset: the simulated ones.
        timeout_s: None waits for ever.
        real: looks at what is real without waiting, or None.
        what: for reports.
        looks_ns: how often to look at what is real; None when somebody wakes the task for that.
    """
    task, kernel = state.current(), state.kernel
    if task is None or kernel is None:
        raise system_error(errno.EBADF)
    found = [*(real() if real is not None else ()), *pollset.ready()]
    if found:
        return found
    if timeout_s is not None and timeout_s <= 0:
        kernel.sleep(zero_wait_ns(task))
        return [*(real() if real is not None else ()), *pollset.ready()]
    task.zero_waits = 0
    deadline = None if timeout_s is None else kernel.now + max(1, round(timeout_s * NANOSECONDS))
    while True:
        until = deadline
        if real is not None and looks_ns is not None:
            until = kernel.now + looks_ns if deadline is None else min(deadline, kernel.now + looks_ns)
        pollset.wait(until, what)
        found = [*(real() if real is not None else ()), *pollset.ready()]
        if found or (deadline is not None and kernel.now >= deadline):
            return found


def select(
    rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None, /
) -> tuple[list[Any], list[Any], list[Any]]:
    """Wait until something can be read or written.

    Raises:
        ValueError: the timeout is negative.
        OSError: EBADF.
    """
    if timeout is not None and timeout < 0:
        msg = "timeout must be non-negative"
        raise ValueError(msg)
    lists = [list(rlist), list(wlist), list(xlist)]
    pollset = Pollset()
    real: list[list[Any]] = [[], [], []]
    for index, (things, mask) in enumerate(zip(lists, (READ, WRITE, system.POLLPRI), strict=True)):
        for thing in things:
            fd = descriptor_of(thing)
            file = descriptors.find(fd)
            if file is None:
                real[index].append(thing)
            elif fd in pollset.interests:
                pollset.change(fd, pollset.interests[fd].mask | mask)
            else:
                pollset.add(fd, file, mask)
    look = None
    if any(real):
        call = fence.real["select"].real

        def look() -> list[Any]:
            return [found] if any(found := call(*real, 0)) else []

    try:
        found = wait(pollset, timeout, look, "select")
    finally:
        pollset.clear()
    masks = {entry[0]: entry[1] for entry in found if len(entry) == 2}
    chosen: Any = next((entry for entry in found if len(entry) == 3), ([], [], []))
    return tuple(  # type: ignore[return-value]  # three lists, one for each
        [thing for thing in things if thing in chosen[index] or masks.get(descriptor_of(thing), 0) & mask]
        for index, (things, mask) in enumerate(zip(lists, (READ, WRITE, system.POLLPRI), strict=True))
    )


class Poll:
    """What `select.poll()` gives a task."""

    def __init__(self, real: Any = None) -> None:
        self._set = Pollset()
        # Real descriptors lie here; one that was there before the world is a loop's, which its own wakes.
        self._real = real
        self._looks_ns = REAL_LOOK_NS if real is None else None

    def _look(self) -> Callable[[], list[Any]] | None:
        real = self._real
        return None if real is None else lambda: real.poll(0)

    def _made(self) -> Any:
        return fence.real["poll"].real()

    def register(self, fd: Any, eventmask: int = DEFAULT, /) -> None:
        """Look at a descriptor; one that is looked at already is looked at for something else."""
        number = descriptor_of(fd)
        file = descriptors.find(number)
        if file is None:
            if self._real is None:
                self._real = self._made()
            self._real.register(number, eventmask)
        elif number in self._set.interests:
            self._set.change(number, eventmask)
        else:
            self._set.add(number, file, eventmask)

    def modify(self, fd: Any, eventmask: int, /) -> None:
        """Look at a descriptor for something else.

        Raises:
            OSError: ENOENT, it is not looked at.
        """
        number = descriptor_of(fd)
        if number in self._set.interests:
            self._set.change(number, eventmask)
        elif self._real is not None and descriptors.owner(number) is None:
            self._real.modify(number, eventmask)
        else:
            raise system_error(errno.ENOENT)

    def unregister(self, fd: Any, /) -> None:
        """Look at a descriptor no longer.

        Raises:
            KeyError: it is not looked at.
        """
        number = descriptor_of(fd)
        if number in self._set.interests:
            self._set.remove(number)
        elif self._real is not None and descriptors.owner(number) is None:
            self._real.unregister(number)
        else:
            raise KeyError(number)

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        """Wait for so many milliseconds; None and negative numbers are for ever."""
        if state.current() is None and self._real is not None:
            return self._real.poll(timeout)  # type: ignore[no-any-return]  # the world has closed
        seconds = None if timeout is None or timeout < 0 else timeout / 1000
        return wait(self._set, seconds, self._look(), "poll", looks_ns=self._looks_ns)


class Epoll(Poll):
    """What `select.epoll()` gives a task; level-triggered unless EPOLLET says otherwise."""

    def __init__(self, real: Any = None) -> None:
        super().__init__(real)
        self.closed = False
        self._masks: dict[int, int] = {}

    def _made(self) -> Any:
        return fence.real["epoll"].real()

    def _check(self) -> None:
        if self.closed:
            msg = "I/O operation on closed epoll object"
            raise ValueError(msg)

    def register(self, fd: Any, eventmask: int = DEFAULT, /) -> None:
        """Look at a descriptor.

        Raises:
            OSError: EEXIST, it is looked at already.
        """
        self._check()
        number = descriptor_of(fd)
        if number in self._set.interests:
            raise system_error(errno.EEXIST)
        super().register(number, eventmask)
        self._masks[number] = eventmask

    def modify(self, fd: Any, eventmask: int, /) -> None:
        """Look at a descriptor for something else."""
        self._check()
        super().modify(fd, eventmask)
        self._masks[descriptor_of(fd)] = eventmask

    def unregister(self, fd: Any, /) -> None:
        """Look at a descriptor no longer.

        Raises:
            OSError: ENOENT, it is not looked at.
        """
        self._check()
        number = descriptor_of(fd)
        self._masks.pop(number, None)
        try:
            super().unregister(number)
        except KeyError:
            raise system_error(errno.ENOENT) from None

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """Wait for so many seconds; None and negative numbers are for ever."""
        self._check()
        if state.current() is None and self._real is not None:
            return self._real.poll(timeout, maxevents)  # type: ignore[no-any-return]  # the world has closed
        seconds = None if timeout is None or timeout < 0 else timeout
        found = wait(self._set, seconds, self._look(), "epoll", looks_ns=self._looks_ns)
        if maxevents > 0:
            found = found[:maxevents]
        for fd, _ in found:
            mask = self._masks.get(fd, 0)
            if mask & ONCE and fd in self._set.interests:
                self._set.change(fd, 0)
            if mask & EDGE:
                self._set.dirty.pop(fd, None)
        return found

    def fileno(self) -> int:
        """Return the number of the real one under it, if there is one.

        Raises:
            OSError: there is none; an epoll object that is itself polled is not simulated.
        """
        self._check()
        if self._real is None:
            self._real = self._made()
        return int(self._real.fileno())

    def close(self) -> None:
        """Look at nothing any more."""
        self._set.clear()
        if self._real is not None:
            self._real.close()
        self.closed = True

    def __enter__(self) -> Self:
        self._check()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def poll() -> Poll:
    """Return a polling object."""
    return Poll()


def epoll(sizehint: int = -1, flags: int = 0) -> Epoll:
    """Return an edge or level triggered polling object."""
    del sizehint, flags
    return Epoll()


def adopt(real: Any) -> Poll:
    """Return what polls simulated descriptors beside those that a real object polls already."""
    return Epoll(real) if isinstance(real, fence.real["epoll"].real) else Poll(real)
