"""A signal that finds the step which holds the thread.

It ticks in real time in the main thread, and looks whether the kernel has made a step since the last tick. A
handler that raises also breaks the wait for a real lock, so that a freeze ends as well as an endless loop.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

from meshsim.errors import WatchdogError
from meshsim.kernel import state, stuck
from meshsim.kernel.task import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from meshsim.kernel.scheduler import Kernel
    from meshsim.kernel.task import Task

_real_signal = signal.signal
_real_setitimer = signal.setitimer
_real_getsignal = signal.getsignal
_main_thread = threading.main_thread
_real_current = threading.current_thread
TICKS = 4


class Watchdog:
    """Raises where a step takes more than `limit_s` seconds of real time; also turns Ctrl-C into the driver's.

    Args:
        kernel: whose steps are watched.
        limit_s: None watches nothing.
    """

    def __init__(self, kernel: Kernel, limit_s: float | None) -> None:
        self._kernel = kernel
        self._limit_s = limit_s
        self._steps = -1
        self._ticks = 0
        self._previous: Any = None
        self._previous_int: Any = None
        self._ticking = False
        self._strikes = 0
        self._interrupts = 0
        self._error: WatchdogError | None = None
        self._throw: Callable[[], None] | None = None

    def enter(self) -> None:
        """Begin to tick, unless the thread is not the main one or somebody else uses the timer."""
        if threading.current_thread() is not _main_thread():
            return
        self._previous_int = _real_getsignal(signal.SIGINT)
        if callable(self._previous_int):
            _real_signal(signal.SIGINT, self._interrupt)
        if self._limit_s is None or _real_getsignal(signal.SIGALRM) is not signal.SIG_DFL:
            return
        self._previous = _real_signal(signal.SIGALRM, self._tick)
        _real_setitimer(signal.ITIMER_REAL, self._limit_s / TICKS, self._limit_s / TICKS)
        self._ticking = True

    def leave(self) -> None:
        """Stop, and put the handlers back."""
        if self._ticking:
            _real_setitimer(signal.ITIMER_REAL, 0)
            _real_signal(signal.SIGALRM, self._previous)
            self._ticking = False
        if callable(self._previous_int):
            _real_signal(signal.SIGINT, self._previous_int)
            self._previous_int = None

    def _driving(self) -> bool:
        """Whether the test's own code runs, or the test runner's."""
        driver = self._kernel.driver
        return state.task is None or (state.task is driver and driver.state == RUNNING)

    def _running(self) -> Task | None:
        """Return whose step runs; None is the hub's."""
        task = state.task
        return task if task is not None and task.state == RUNNING else None

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        kernel = self._kernel
        if self._driving():
            self._previous_int(signum, frame)
        elif kernel.interrupted:
            # Once more: the step that runs does not end by itself.
            self._interrupts += 1
            kernel.carrier.break_step(kernel, self._running(), self._interrupts)
            if not kernel.interrupted or self._driving():
                kernel.interrupted = False
                raise KeyboardInterrupt
        else:
            self._interrupts = 0
            kernel.interrupted = True

    def _tick(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        kernel = self._kernel
        if self._driving() or kernel.steps != self._steps:
            self._steps = kernel.steps
            self._ticks = self._strikes = 0
            return
        self._ticks += 1
        if self._ticks < TICKS:
            return
        self._ticks = 0
        self._strikes += 1
        task = self._running()
        if self._strikes == 1:
            where = frame
            if kernel.carrier.name == "thread" and task is not None:
                where = kernel.carrier.frame(task)
            self._error = WatchdogError(stuck.held(kernel, task, where, self._limit_s or 0))
            self._throw = kernel.fail(self._error)
        kernel.carrier.break_step(kernel, task, self._strikes)
        if self._driving() and self._error is not None:
            # The step was given up, and the driver runs on from here.
            if self._throw in kernel.driver.signals:
                kernel.driver.signals.remove(self._throw)
            raise self._error
