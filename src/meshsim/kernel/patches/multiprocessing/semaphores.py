"""Semaphores between the processes of a host: what `multiprocessing` makes locks and queues of.

They stand for the C type `_multiprocessing.SemLock`, so that everything above it is Python's own code. The value
is shared; who holds it, and how often, each process knows for itself, as it does with a POSIX semaphore. What
such a process holds when it is killed stays taken.
"""

from __future__ import annotations

import _multiprocessing  # type: ignore[import-not-found]  # a module of C's without stubs
from typing import TYPE_CHECKING, Any, Final, Self

from meshsim.kernel import state
from meshsim.kernel.lock import nanoseconds
from meshsim.kernel.parking import ParkingLot
from meshsim.kernel.patches.threading import get_ident
from meshsim.kernel.patches.time import CHEAP_WAITS, zero_wait_ns

if TYPE_CHECKING:
    from meshsim.kernel.task import Task

real_semlock: Any = _multiprocessing.SemLock

RECURSIVE: Final = 0


class Semaphore:
    """A number that processes take from and give back to, and the tasks that wait for it.

    Crosses to a child by itself, not as a copy (`crossing.py`).
    """

    def __init__(self, value: int, maximum: int) -> None:
        self.value = value
        self.maximum = maximum
        self.lot = ParkingLot()

    def take(self, task: Task, timeout_s: float | None, *, block: bool) -> bool:
        """Take one; parks the calling task until there is one, or for a timeout."""
        kernel = state.kernel
        if kernel is None:
            return False
        _end_if_dead(task)
        if self._take_at_once():
            return True
        if not block:
            task.zero_waits += 1
            if task.zero_waits > CHEAP_WAITS:
                kernel.sleep(zero_wait_ns(task))
            return self._take_at_once()
        deadline = None if timeout_s is None else kernel.now + nanoseconds(max(0.0, timeout_s))
        while not self.value:
            if not self.lot.park(deadline, "semaphore") and not self.value:
                return False
        return self._take_at_once()

    def _take_at_once(self) -> bool:
        if not self.value:
            return False
        self.value -= 1
        return True

    def give(self) -> None:
        """Give one back, and wake whoever has waited for the longest time."""
        self.value += 1
        self.lot.unpark()

    def __repr__(self) -> str:
        return "<Semaphore>"


def _end_if_dead(task: Task) -> None:
    """Go no further in a dead process: what its `finally` clauses do reaches nobody."""
    if task.killed and state.kernel is not None:
        state.kernel.park()


class SemLock:
    """What `_multiprocessing.SemLock` is to a task; any other thread gets a real one under it.

    Args:
        kind: 0 for what its holder may take again, 1 for a semaphore.
        value: what it begins with.
        maxvalue: what it may not exceed.
        name: the name of a real one; without meaning here.
        unlink: as `name`.
    """

    SEM_VALUE_MAX = real_semlock.SEM_VALUE_MAX

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:  # noqa: ARG002, FBT001 - as the real one
        self._begin(Semaphore(value, maxvalue), kind, maxvalue)

    def _begin(self, handle: Semaphore, kind: int, maxvalue: int) -> None:
        self.handle = handle
        self.kind = kind
        self.maxvalue = maxvalue
        # None, so that nobody starts Python's tracker of leaked names, which is a process.
        self.name = None
        self._held = 0
        self._owner = 0
        self._real: Any = None

    @classmethod
    def _rebuild(cls, handle: Semaphore, kind: int, maxvalue: int, name: Any) -> Self:  # noqa: ARG003 - as the real one
        made = cls.__new__(cls)
        made._begin(handle, kind, maxvalue)
        return made

    def _outside(self) -> Any:
        """Return a real one: a library made this inside a world, and goes on using it after."""
        if self._real is None:
            name = f"/mesh-{id(self)}"
            self._real = real_semlock(self.kind, self.handle.value, self.maxvalue, name, True)  # noqa: FBT003
        return self._real

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:  # noqa: FBT001, FBT002 - as the real one
        """Take it; parks the calling task until it can, or for `timeout` seconds of virtual time."""
        task = state.current()
        if task is None:
            return bool(self._outside().acquire(block, timeout))
        if self.kind == RECURSIVE and self._is_mine():
            self._held += 1
            return True
        if not self.handle.take(task, timeout, block=block):
            return False
        self._held += 1
        self._owner = get_ident()
        return True

    def release(self) -> None:
        """Give it back.

        Raises:
            AssertionError: it is a recursive one that the caller does not hold.
            ValueError: nobody had taken it.
        """
        task = state.current()
        if task is None:
            self._outside().release()
            return
        _end_if_dead(task)
        if self.kind == RECURSIVE:
            if not self._is_mine():
                msg = "attempt to release recursive lock not owned by thread"
                raise AssertionError(msg)
            if self._held > 1:
                self._held -= 1
                return
        elif self.handle.value >= self.maxvalue:
            msg = "semaphore or lock released too many times"
            raise ValueError(msg)
        self.handle.give()
        self._held -= 1

    def _count(self) -> int:
        return self._held if state.current() is not None else int(self._outside()._count())

    def _is_mine(self) -> bool:
        if state.current() is None:
            return bool(self._outside()._is_mine())
        return self._held > 0 and self._owner == get_ident()

    def _get_value(self) -> int:
        return self.handle.value if state.current() is not None else int(self._outside()._get_value())

    def _is_zero(self) -> bool:
        return self._get_value() == 0

    def _after_fork(self) -> None:
        self._held = 0

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def make_name() -> str:
    """Return a name that nobody looks at: a drawn one would draw from the host's stream."""
    return "/mesh"


__all__ = ["SemLock", "Semaphore", "make_name"]
