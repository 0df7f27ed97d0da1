"""Signals that a host blocks and waits for: masks, `sigwait` and its relatives.

The real calls would block the runner's own signals, the watchdog's and Ctrl-C among them.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from meshsim.kernel import state
from meshsim.kernel.lock import nanoseconds
from meshsim.kernel.patches import signals
from meshsim.kernel.patches.patch import Patch, existing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsim.kernel.process import Process

real_pthread_sigmask = signal.pthread_sigmask
real_pthread_kill = signal.pthread_kill
real_sigpending = signal.sigpending
real_sigwait = signal.sigwait
real_sigwaitinfo = signal.sigwaitinfo
real_sigtimedwait = signal.sigtimedwait


class Mask:
    """What one process blocks, what waits until it blocks no more, and who asked for it."""

    def __init__(self) -> None:
        self.blocked: set[int] = set()
        self.pending: list[int] = []
        self.waiters: list[tuple[frozenset[int], list[int], Any]] = []

    def takes(self, signum: int) -> bool:
        """Whether a signal ends here for now: somebody waits for it, or it is blocked."""
        for wanted, got, task in self.waiters:
            if signum in wanted and not got:
                got.append(signum)
                if state.kernel is not None:
                    state.kernel.wake(task)
                return True
        if signum in self.blocked and signum != signal.SIGKILL:
            if signum not in self.pending:
                self.pending.append(signum)
            return True
        return False


def _mask(process: Process) -> Mask:
    found: Mask | None = process.tables.get("signal mask")
    if found is None:
        found = process.tables["signal mask"] = Mask()
    return found


def pthread_sigmask(how: int, mask: Iterable[int], /) -> set[Any]:
    """Block signals of the host; one mask a process, because signals go to its main thread."""
    task = signals.service_task()
    if task is None:
        return real_pthread_sigmask(how, mask)
    own = _mask(task.process)
    before = {signal.Signals(number) for number in own.blocked}
    numbers = {int(number) for number in mask}
    if how == signal.SIG_BLOCK:
        own.blocked |= numbers
    elif how == signal.SIG_UNBLOCK:
        own.blocked -= numbers
    else:
        own.blocked = numbers
    free = [number for number in own.pending if number not in own.blocked]
    own.pending = [number for number in own.pending if number in own.blocked]
    for number in free:
        signals.deliver(task.process, number)
    return before


def sigpending() -> set[Any]:
    """Return what was sent to the host and is blocked."""
    task = signals.service_task()
    if task is None:
        return real_sigpending()  # type: ignore[no-any-return]
    return {signal.Signals(number) for number in _mask(task.process).pending}


def _await(sigset: Iterable[int], timeout_s: float | None) -> int | None:
    task, kernel = state.task, state.kernel
    if task is None or kernel is None:
        return None
    own = _mask(task.process)
    wanted = frozenset(int(number) for number in sigset)
    for number in own.pending:
        if number in wanted:
            own.pending.remove(number)
            return number
    deadline = None if timeout_s is None else kernel.now + nanoseconds(timeout_s)
    waiter: tuple[frozenset[int], list[int], Any] = (wanted, [], task)
    own.waiters.append(waiter)
    task.wait = "a signal"
    try:
        while not waiter[1]:
            if not kernel.park(deadline) and not waiter[1]:
                return None
    finally:
        own.waiters.remove(waiter)
    return waiter[1][0]


def sigwait(sigset: Iterable[int], /) -> Any:
    """Park until one of the signals is sent to the host."""
    if signals.service_task() is None:
        return real_sigwait(sigset)
    return signal.Signals(_await(sigset, None) or 0)


def _info(number: int, pid: int) -> Any:
    return signal.struct_siginfo((number, 0, 0, pid, 0, 0, 0))


def sigwaitinfo(sigset: Iterable[int], /) -> Any:
    """Park until one of the signals is sent to the host; returns its number and its sender."""
    task = signals.service_task()
    if task is None:
        return real_sigwaitinfo(sigset)
    return _info(_await(sigset, None) or 0, task.process.pid)


def sigtimedwait(sigset: Iterable[int], timeout: float, /) -> Any:
    """Park until one of the signals is sent to the host, or for so many seconds of virtual time."""
    task = signals.service_task()
    if task is None:
        return real_sigtimedwait(sigset, timeout)
    number = _await(sigset, timeout)
    return None if number is None else _info(number, task.process.pid)


def pthread_kill(thread_id: int, signalnum: int, /) -> None:
    """Send a signal to the process of a thread of the host."""
    task = signals.service_task()
    if task is None:
        real_pthread_kill(thread_id, signalnum)
        return
    if not any(other.ident == thread_id for other in task.process.tasks.values()):
        raise ProcessLookupError(3, "No such process")
    if signalnum:
        signals.deliver(task.process, int(signalnum))


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    return existing(
        signal,
        {
            "pthread_sigmask": pthread_sigmask,
            "pthread_kill": pthread_kill,
            "sigpending": sigpending,
            "sigwait": sigwait,
            "sigwaitinfo": sigwaitinfo,
            "sigtimedwait": sigtimedwait,
        },
        rebind=True,
    )
