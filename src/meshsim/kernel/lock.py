"""Locks that park a task instead of the thread, and still exclude real threads.

Each holds a real lock, which is the truth: a task that finds it taken parks and tries again when it is
released, anybody else blocks on it as usual. A lock made inside a world therefore goes on working after it,
and one made before can be replaced by one of these for the world's lifetime. They know no kernel.
"""

from __future__ import annotations

import _thread
from collections import deque
from typing import TYPE_CHECKING, Any

from meshsim.kernel import state
from meshsim.kernel.patches.time import CHEAP_WAITS, zero_wait_ns

if TYPE_CHECKING:
    from types import TracebackType

    from meshsim.kernel.task import Task

real_lock = _thread.allocate_lock
_real_ident = _thread.get_ident
NANOSECONDS = 1_000_000_000
_TIMEOUT_MAX = _thread.TIMEOUT_MAX


def nanoseconds(timeout_s: float) -> int:
    """Return a timeout in nanoseconds, at least one: who measures what is left of a wait must see it pass."""
    return max(1, round(timeout_s * NANOSECONDS))


def _deadline(blocking: bool, timeout: float) -> int | None:  # noqa: FBT001 - the signature of Lock.acquire
    """Return the virtual moment at which an acquire gives up, checked as the real lock checks it."""
    if not blocking and timeout != -1:
        msg = "can't specify a timeout for a non-blocking call"
        raise ValueError(msg)
    if timeout < 0 and timeout != -1:
        msg = "timeout value must be a non-negative number"
        raise ValueError(msg)
    if timeout > _TIMEOUT_MAX:
        msg = "timeout value is too large"
        raise OverflowError(msg)
    if timeout == -1 or state.kernel is None:
        return None
    return state.kernel.now + nanoseconds(timeout)


class Lock:
    """What `threading.Lock()` gives inside a world."""

    __slots__ = ("__weakref__", "_real", "_waiters")

    def __init__(self) -> None:
        self._real = real_lock()
        self._waiters: deque[Task] | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as the real one
        """Take the lock; parks the calling task, or blocks the calling thread, until it is free."""
        if self._real.acquire(False):  # noqa: FBT003 - as the real one
            return True
        task = state.task
        if task is None or _real_ident() not in state.carriers:
            return self._real.acquire(blocking, timeout)
        if not blocking and timeout == -1:
            return self._try_again(task)
        return self._wait(task, _deadline(blocking, timeout))

    def _try_again(self, task: Task) -> bool:
        """Let a task that tries again and again pay for it, as every zero wait does, or it tries for ever."""
        task.zero_waits += 1
        if task.zero_waits <= CHEAP_WAITS or state.kernel is None:
            return False
        state.kernel.sleep(zero_wait_ns(task))
        return self._real.acquire(False)  # noqa: FBT003 - as the real one

    def _wait(self, task: Task, deadline: int | None) -> bool:
        kernel = state.kernel
        if kernel is None:
            return self._real.acquire()
        waiters = self._waiters
        if waiters is None:
            waiters = self._waiters = deque()
        while True:
            waiters.append(task)
            task.wait = self
            try:
                woken = kernel.park(deadline)
            except BaseException:
                self._leave(task)
                raise
            if task in waiters:
                waiters.remove(task)
            if self._real.acquire(False):  # noqa: FBT003 - as the real one
                return True
            if not woken:
                return False

    def _leave(self, task: Task) -> None:
        waiters = self._waiters
        if waiters and task in waiters:
            waiters.remove(task)
        elif waiters and not self._real.locked():
            self._wake_next(waiters)

    @staticmethod
    def _wake_next(waiters: deque[Task]) -> None:
        kernel = state.kernel
        task = waiters.popleft()
        if kernel is not None:
            kernel.wake(task)

    def release(self) -> None:
        """Give the lock back and wake the task that has waited for the longest time."""
        self._real.release()
        if self._waiters:
            self._wake_next(self._waiters)

    def locked(self) -> bool:
        """Whether somebody holds it."""
        return self._real.locked()

    __enter__ = acquire

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._real.release()
        if self._waiters:
            self._wake_next(self._waiters)

    # The names that 3.11's threading and older libraries use.
    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def _at_fork_reinit(self) -> None:
        self._real = real_lock()
        self._waiters = None

    def __repr__(self) -> str:
        return f"<meshsim lock, {'locked' if self._real.locked() else 'unlocked'}>"


def _owner_ident() -> int:
    task = state.task
    if task is not None and _real_ident() in state.carriers:
        return task.ident
    return _real_ident()


class RLock:
    """What `threading.RLock()` gives inside a world: owned by a task, or by a thread outside."""

    __slots__ = ("__weakref__", "_count", "_lock", "_owner")

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner = 0
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as the real one
        """Take the lock, once more if the caller holds it already."""
        # As `_owner_ident`, without the call: a client's pool comes through here at each command.
        task = state.task
        me = task.ident if task is not None and _real_ident() in state.carriers else _real_ident()
        if self._owner == me:
            self._count += 1
            return True
        if not self._lock._real.acquire(False) and not self._lock.acquire(blocking, timeout):  # noqa: FBT003
            return False
        self._owner = me
        self._count = 1
        return True

    __enter__ = acquire

    def release(self) -> None:
        """Give it back once; it is free after as many releases as acquires."""
        task = state.task
        me = task.ident if task is not None and _real_ident() in state.carriers else _real_ident()
        if self._owner != me:
            msg = "cannot release un-acquired lock"
            raise RuntimeError(msg)
        self._count -= 1
        if not self._count:
            self._owner = 0
            lock = self._lock
            lock._real.release()
            if lock._waiters:
                lock._wake_next(lock._waiters)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def locked(self) -> bool:
        """Whether somebody holds it."""
        return self._lock.locked()

    # What threading.Condition needs.

    def _is_owned(self) -> bool:
        return self._owner == _owner_ident()

    def _release_save(self) -> tuple[int, int]:
        if not self._count:
            msg = "cannot release un-acquired lock"
            raise RuntimeError(msg)
        saved = (self._count, self._owner)
        self._count = 0
        self._owner = 0
        self._lock.release()
        return saved

    def _acquire_restore(self, saved: tuple[int, int]) -> None:
        self._lock.acquire()
        self._count, self._owner = saved

    def _recursion_count(self) -> int:
        return self._count if self._owner == _owner_ident() else 0

    def _at_fork_reinit(self) -> None:
        self._lock._at_fork_reinit()
        self._owner = self._count = 0

    def __repr__(self) -> str:
        return f"<meshsim rlock, count={self._count}>"


def new_lock(*_: Any) -> Lock:
    """Return a lock for tasks; the replacement of `_thread.allocate_lock`."""
    return Lock()
