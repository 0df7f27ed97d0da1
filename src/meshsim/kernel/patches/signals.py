"""Signals of a host: handlers, alarms on virtual time, and their default actions."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from meshsim.errors import FenceError
from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch, existing
from meshsim.kernel.patches.time import NANOSECONDS
from meshsim.kernel.process import FIRST_PID
from meshsim.kernel.task import RUNNING

if TYPE_CHECKING:
    from meshsim.kernel.process import Process
    from meshsim.kernel.task import Task

real_signal = signal.signal
real_getsignal = signal.getsignal
real_alarm = signal.alarm
real_setitimer = signal.setitimer
real_getitimer = signal.getitimer
real_pause = signal.pause
real_raise_signal = signal.raise_signal
real_set_wakeup_fd = signal.set_wakeup_fd
real_siginterrupt = signal.siginterrupt
real_kill = os.kill

# Whose default action is to do nothing (signal(7)).
IGNORED = frozenset({signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT})


def service_task() -> Task | None:
    """Return the calling task, unless it is the test's: the runner's signals are real."""
    task = state.current()
    if task is None or state.kernel is None or task.process is state.kernel.home:
        return None
    return task


def _default(signum: int) -> Any:
    return signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL


def set_handler(signalnum: int, handler: Any, /) -> Any:
    """Set a handler of the host; the replacement of `signal.signal`."""
    task = service_task()
    if task is None:
        return real_signal(signalnum, handler)
    if task is not task.process.main:
        msg = "signal only works in main thread of the main interpreter"
        raise ValueError(msg)
    if not callable(handler) and handler not in (signal.SIG_DFL, signal.SIG_IGN):
        msg = "signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object"
        raise TypeError(msg)
    if signalnum in (signal.SIGKILL, signal.SIGSTOP):
        raise OSError(22, "Invalid argument")
    number = int(signalnum)
    previous = task.process.signal_handlers.get(number, _default(number))
    task.process.signal_handlers[number] = handler
    return previous


def get_handler(signalnum: int, /) -> Any:
    """Return a handler of the host; the replacement of `signal.getsignal`."""
    task = service_task()
    if task is None:
        return real_getsignal(signalnum)
    return task.process.signal_handlers.get(int(signalnum), _default(int(signalnum)))


def deliver(process: Process, signum: int) -> None:
    """Send a signal to a process: its handler runs in its main task, or the default action is taken."""
    kernel = state.kernel
    if kernel is None or process.dead:
        return
    mask = process.tables.get("signal mask")
    if mask is not None and mask.takes(signum):
        return
    handler = process.signal_handlers.get(signum, _default(signum))
    if handler is signal.SIG_IGN or (handler is signal.SIG_DFL and signum in IGNORED):
        return
    main = process.main
    if handler is signal.SIG_DFL or main is None or main.done:
        kernel.kill(process, -signum)
        return
    if main is state.task and main.state == RUNNING:
        # Not when a timer on the hub calls: the task that ran last is parked then.
        handler(signum, sys._getframe())
        return
    kernel.alert(main, lambda: handler(signum, sys._getframe()))


def _arm(process: Process, seconds: float, interval: float) -> float:
    """Set the alarm of a process, and return what was left of the last one in seconds."""
    kernel = state.kernel
    if kernel is None:
        return 0.0
    last = process.alarms.pop("timer", None)
    left = 0.0
    if last is not None and last.function is not None:
        left = max(0, last.when_ns - kernel.now) / NANOSECONDS
        last.cancel()
    process.alarms["interval"] = interval
    if seconds > 0:
        process.alarms["timer"] = kernel.call_at(kernel.now + round(seconds * NANOSECONDS), _fire, process)
    return left


def _fire(process: Process) -> None:
    interval = process.alarms.get("interval", 0.0)
    if interval > 0:
        _arm(process, interval, interval)
    deliver(process, int(signal.SIGALRM))


def alarm(seconds: int, /) -> int:
    """Send SIGALRM after so many seconds of virtual time; the replacement of `signal.alarm`."""
    task = service_task()
    if task is None:
        return real_alarm(seconds)
    left = _arm(task.process, int(seconds), 0.0)
    return int(left) + (left > int(left))


def setitimer(which: int, seconds: float, interval: float = 0.0, /) -> tuple[float, float]:
    """Send SIGALRM on virtual time; only ITIMER_REAL, because CPU time is not simulated."""
    task = service_task()
    if task is None:
        return real_setitimer(which, seconds, interval)
    if which != signal.ITIMER_REAL:
        msg = (
            f"{task.host} asks for interval timer {which}, which counts CPU time; a simulated host has none. "
            "Use ITIMER_REAL, or allow it: --mesh-allow-network"
        )
        raise FenceError(msg)
    before = float(task.process.alarms.get("interval", 0.0))
    return _arm(task.process, seconds, interval), before


def getitimer(which: int, /) -> tuple[float, float]:
    """Return what is left of the host's timer."""
    task = service_task()
    if task is None:
        return real_getitimer(which)
    timer = task.process.alarms.get("timer")
    left = 0.0
    if timer is not None and timer.function is not None and state.kernel is not None:
        left = max(0, timer.when_ns - state.kernel.now) / NANOSECONDS
    return left, float(task.process.alarms.get("interval", 0.0))


def pause() -> None:
    """Park until a signal's handler has run; the replacement of `signal.pause`."""
    task = service_task()
    if task is None or state.kernel is None:
        real_pause()
        return
    task.wait = "a signal"
    state.kernel.park()


def raise_signal(signalnum: int, /) -> None:
    """Send a signal to the caller's own process."""
    task = service_task()
    if task is None:
        real_raise_signal(signalnum)
        return
    deliver(task.process, int(signalnum))


def kill(pid: int, sig: int, /) -> None:
    """Send a signal to a process of the world; the replacement of `os.kill`.

    Raises:
        ProcessLookupError: no process of the world has that number.
    """
    task, kernel = state.current(), state.kernel
    if task is None or kernel is None:
        real_kill(pid, sig)
        return
    index = pid - FIRST_PID
    found = kernel.processes[index] if 0 <= index < len(kernel.processes) else None
    if task.process is kernel.home and (found is None or found.host is not kernel.home.host):
        # The test's own process is real, and so is whatever it may know; its children are not.
        real_kill(pid, sig)
        return
    if found is None or found is kernel.home or found.dead:
        raise ProcessLookupError(3, "No such process")
    if sig == signal.SIGKILL:
        kernel.kill(found, -int(sig))
    elif sig:
        deliver(found, int(sig))


def set_wakeup_fd(fd: int, /, *, warn_on_full_buffer: bool = True) -> int:
    """Accept and ignore: a simulated loop is woken without a file descriptor."""
    if service_task() is None:
        return real_set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)
    return -1


def siginterrupt(signalnum: int, flag: bool, /) -> None:  # noqa: FBT001 - as the real one
    """Accept and ignore: every wait of a task goes on after a handler, as PEP 475 has it."""
    if service_task() is None:
        real_siginterrupt(signalnum, flag)


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    return [
        *existing(
            signal,
            {
                "signal": set_handler,
                "getsignal": get_handler,
                "alarm": alarm,
                "setitimer": setitimer,
                "getitimer": getitimer,
                "pause": pause,
                "raise_signal": raise_signal,
                "set_wakeup_fd": set_wakeup_fd,
                "siginterrupt": siginterrupt,
            },
            rebind=True,
        ),
        Patch(os, "kill", kill, rebind=True),
    ]
