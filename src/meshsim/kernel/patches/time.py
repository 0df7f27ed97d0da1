"""Clocks and sleep: virtual for tasks, real for everybody else.

The wall clock (`time.time`, `datetime`, `localtime`, `uuid1`, ...) is time-machine's business: it exchanges
the C functions themselves, so that every alias follows, and asks a traveller of ours, which knows the host
that asks. A user's own `travel` inside a world stands above ours and works as without a world. The monotonic
clocks and `sleep` are ours.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

import _time_machine
import time_machine

from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch, existing

if TYPE_CHECKING:
    from meshsim.kernel.task import Task

real_time_ns = _time_machine.original_time_ns
real_sleep = time.sleep
real_sched_yield = os.sched_yield
real_monotonic = time.monotonic
real_monotonic_ns = time.monotonic_ns
real_perf_counter = time.perf_counter
real_perf_counter_ns = time.perf_counter_ns
real_process_time = time.process_time
real_process_time_ns = time.process_time_ns
real_thread_time = time.thread_time
real_thread_time_ns = time.thread_time_ns
real_clock_gettime = time.clock_gettime
real_clock_gettime_ns = time.clock_gettime_ns

# A monotonic clock that begins at 0 is falsy at once, which no real one is.
UPTIME_NS: Final = 10_000 * 1_000_000_000
NANOSECONDS: Final = 1_000_000_000

# What a zero wait costs: nothing real is free, and a loop of them must not stop time. The first ones are
# cheap, so that `sleep(0)` as a courtesy distorts nothing; a loop that goes on pays 1 ms a turn.
FLOOR_NS: Final = 1_000
FLOOR_NS_MAX: Final = 1_000_000
CHEAP_WAITS: Final = 64


def zero_wait_ns(task: Task) -> int:
    """Return what the next zero wait of a task costs; waits for something real start the count again."""
    task.zero_waits += 1
    over = task.zero_waits - CHEAP_WAITS
    if over <= 0:
        return FLOOR_NS
    return min(FLOOR_NS << min(over, 10), FLOOR_NS_MAX)


def sleep(secs: Any, /) -> None:
    """Park for that many seconds of virtual time; the replacement of `time.sleep`."""
    task = state.task
    kernel = state.kernel
    if task is None or kernel is None or state.real_ident() not in state.carriers:
        return real_sleep(secs)
    duration = round(secs * NANOSECONDS)
    if duration < 0:
        msg = "sleep length must be non-negative"
        raise ValueError(msg)
    if duration < FLOOR_NS:
        duration = zero_wait_ns(task)
    else:
        task.zero_waits = 0
    kernel.sleep(duration)
    return None


def sched_yield() -> None:
    """Let others run; the replacement of `os.sched_yield`."""
    if state.current() is None:
        real_sched_yield()
    else:
        sleep(0)


def _uptime_ns() -> int:
    """Return the monotonic clock of the calling task, or -1 for a thread that carries none."""
    if state.task is None or state.real_ident() not in state.carriers:
        return -1
    return UPTIME_NS + state.kernel.now  # type: ignore[union-attr]  # a task has a kernel


def monotonic() -> float:
    """Return seconds of virtual time; the replacement of `time.monotonic`."""
    now = _uptime_ns()
    return now / NANOSECONDS if now >= 0 else real_monotonic()


def monotonic_ns() -> int:
    """Return nanoseconds of virtual time; the replacement of `time.monotonic_ns`."""
    now = _uptime_ns()
    return now if now >= 0 else real_monotonic_ns()


def perf_counter() -> float:
    """Return seconds of virtual time; the replacement of `time.perf_counter`."""
    now = _uptime_ns()
    return now / NANOSECONDS if now >= 0 else real_perf_counter()


def perf_counter_ns() -> int:
    """Return nanoseconds of virtual time; the replacement of `time.perf_counter_ns`."""
    now = _uptime_ns()
    return now if now >= 0 else real_perf_counter_ns()


def process_time() -> float:
    """Return seconds of virtual time: real CPU time would differ in each run."""
    now = _uptime_ns()
    return now / NANOSECONDS if now >= 0 else real_process_time()


def process_time_ns() -> int:
    """Return nanoseconds of virtual time: real CPU time would differ in each run."""
    now = _uptime_ns()
    return now if now >= 0 else real_process_time_ns()


def thread_time() -> float:
    """Return seconds of virtual time: real CPU time would differ in each run."""
    now = _uptime_ns()
    return now / NANOSECONDS if now >= 0 else real_thread_time()


def thread_time_ns() -> int:
    """Return nanoseconds of virtual time: real CPU time would differ in each run."""
    now = _uptime_ns()
    return now if now >= 0 else real_thread_time_ns()


def clock_gettime(clk_id: int, /) -> float:
    """Return the clock of that number; the wall clock goes through time-machine."""
    now = _uptime_ns()
    if now < 0 or clk_id == time.CLOCK_REALTIME:
        return real_clock_gettime(clk_id)
    return now / NANOSECONDS


def clock_gettime_ns(clk_id: int, /) -> int:
    """Return the clock of that number; the wall clock goes through time-machine."""
    now = _uptime_ns()
    if now < 0 or clk_id == time.CLOCK_REALTIME:
        return real_clock_gettime_ns(clk_id)
    return now


def ticking_ns() -> int:
    """Return what a user's own `travel(tick=True)` counts on from: virtual time inside a world."""
    return _wall_ns()


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    found = [
        Patch(_time_machine, "original_time_ns", ticking_ns),
        Patch(os, "sched_yield", sched_yield, rebind=True),
    ]
    return found + existing(
        time,
        {
            "sleep": sleep,
            "monotonic": monotonic,
            "monotonic_ns": monotonic_ns,
            "perf_counter": perf_counter,
            "perf_counter_ns": perf_counter_ns,
            "process_time": process_time,
            "process_time_ns": process_time_ns,
            "thread_time": thread_time,
            "thread_time_ns": thread_time_ns,
            "clock_gettime": clock_gettime,
            "clock_gettime_ns": clock_gettime_ns,
        },
        rebind=True,
    )


def _wall_ns() -> int:
    task = state.task
    if task is None or state.real_ident() not in state.carriers:
        return int(real_time_ns())
    kernel = state.kernel
    return kernel.epoch_ns + kernel.now + task.process.host.clock_offset_ns  # type: ignore[union-attr]


class WallClock:
    """Our place in time-machine's stack of travellers."""

    def __init__(self) -> None:
        self._travel: time_machine.travel | None = None
        self._traveller: Any = None

    def time_ns(self) -> int:
        """Return the wall clock of whoever asks."""
        return _wall_ns()

    def enter(self) -> None:
        """Begin to answer."""
        self._travel = time_machine.travel(0, tick=False)
        self._traveller = self._travel.start()
        time_machine.traveller_stack[-1] = self  # type: ignore[call-overload]  # it asks for time_ns() and no more

    def leave(self) -> None:
        """Give the real clock back; travels that a test left open inside the world go with it."""
        stack: list[Any] = time_machine.traveller_stack
        while stack and stack[-1] is not self:
            stack.pop()._stop()
        stack[-1] = self._traveller
        if self._travel is not None:
            self._travel.stop()
