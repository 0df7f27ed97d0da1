"""A signal that finds the step which holds the thread.

It ticks in real time in the main thread, and looks whether the kernel has made a step since the last tick. A
handler that raises also breaks the wait for a real lock, so that a freeze ends as well as an endless loop.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from meshsim.errors import WatchdogError
from meshsim.kernel import state, stuck
from meshsim.kernel.task import RUNNING, Killed

if TYPE_CHECKING:
    from types import FrameType

    from meshsim.kernel.scheduler import Kernel

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

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        kernel = self._kernel
        if state.task is None or (state.task is kernel.driver and kernel.driver.state == RUNNING):
            self._previous_int(signum, frame)
        elif kernel.interrupted:
            # The second time: the step that runs does not end by itself.
            raise KeyboardInterrupt
        else:
            kernel.interrupted = True

    def _tick(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        kernel = self._kernel
        driving = state.task is None or (state.task is kernel.driver and kernel.driver.state == RUNNING)
        if driving or kernel.steps != self._steps:
            self._steps = kernel.steps
            self._ticks = 0
            return
        self._ticks += 1
        if self._ticks < TICKS:
            return
        self._ticks = 0
        task = state.task
        where = frame
        if task is not None and kernel.carrier.name == "thread":
            where = sys._current_frames().get(task.carrier.ident)  # noqa: SLF001 - the interpreter's way to see a stack
        error = WatchdogError(stuck.held(kernel, task, where, self._limit_s or 0))
        kernel.fail(error)
        # In a service's flow `except Exception` must not stop it; a blocked driver gets the error itself.
        raise error if kernel.carrier.name == "thread" else Killed
