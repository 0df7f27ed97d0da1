"""Signals of a simulated process: alarms on virtual time, masks, waits; the runner's own are untouched."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import FenceError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_an_alarm_interrupts_a_sleep_which_then_goes_on(lab: Callable[..., Any]) -> None:
    """The handler runs at the alarm's moment, and the sleep lasts as long as it should (PEP 475)."""

    def main() -> list[float]:
        log: list[float] = []
        signal.signal(signal.SIGALRM, lambda *_: log.append(time.monotonic()))
        signal.alarm(2)
        time.sleep(5)
        return [*log, time.monotonic()]

    with lab() as sim:
        assert sim.run(main) == [10_002, 10_005]


def test_an_alarm_that_raises_ends_the_wait(lab: Callable[..., Any]) -> None:
    """A timeout built on SIGALRM works for any blocking call."""

    class TooLate(Exception):
        pass

    def main() -> float:
        def late(*_: object) -> None:
            raise TooLate

        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, 1.5)
        with pytest.raises(TooLate):
            threading.Event().wait()
        return time.monotonic()

    with lab() as sim:
        assert sim.run(main) == 10_001.5


def test_a_blocked_signal_waits_until_it_is_let_through(lab: Callable[..., Any]) -> None:
    """`pthread_sigmask` holds a host's signal back, and the runner's mask stays as it is."""
    outside = signal.pthread_sigmask(signal.SIG_BLOCK, [])

    def main() -> tuple[list[float], set[Any]]:
        log: list[float] = []
        signal.signal(signal.SIGUSR1, lambda *_: log.append(time.monotonic()))
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(1)
        pending = signal.sigpending()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
        return log, pending

    with lab() as sim:
        assert sim.run(main) == ([10_001.0], {signal.SIGUSR1})
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == outside
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == outside


def test_sigwait_takes_what_is_sent(lab: Callable[..., Any]) -> None:
    """A service's `sigwait` loop, as container entry points have it, gets SIGTERM."""
    from meshsim.kernel.patches import signals

    def main() -> tuple[Any, float, Any]:
        timed_out = signal.sigtimedwait([signal.SIGUSR1], 60)
        got = signal.sigwait({signal.SIGTERM, signal.SIGINT})
        return got, time.monotonic(), timed_out

    with lab(watchdog_s=3) as sim:
        process = sim.boot()
        task = sim.start(process, main)
        sim.kernel.sleep(100 * 10**9)
        signals.deliver(process, signal.SIGTERM)
        assert sim.wait(task) == (signal.SIGTERM, 10_100, None)


def test_a_signal_goes_to_another_process_by_its_pid(lab: Callable[..., Any]) -> None:
    """`os.kill` finds simulated processes and no others."""

    def target() -> float:
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.pause()
        return time.monotonic()

    def main(pid: int) -> None:
        time.sleep(3)
        os.kill(pid, 0)
        os.kill(pid, signal.SIGUSR1)
        with pytest.raises(ProcessLookupError):
            os.kill(1, signal.SIGTERM)

    with lab() as sim:
        process = sim.boot("b/0")
        task = sim.start(process, target)
        sim.wait(task, sim.start(sim.boot("a/0"), main, process.pid))
        assert task.result_value == 10_003


def test_a_loops_signal_handler_runs_on_the_loop(lab: Callable[..., Any]) -> None:
    """`loop.add_signal_handler` stops a server on SIGTERM."""
    from meshsim.kernel.patches import signals

    async def serve() -> float:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()
        return time.monotonic()

    with lab() as sim:
        process = sim.boot()
        task = sim.start(process, lambda: asyncio.run(serve()))
        sim.kernel.sleep(7 * 10**9)
        signals.deliver(process, signal.SIGTERM)
        assert sim.wait(task) == pytest.approx(10_007)


def test_cpu_timers_are_fenced(lab: Callable[..., Any]) -> None:
    """A timer of CPU time, which is not simulated, is refused at the call."""
    with lab() as sim, pytest.raises(FenceError, match="CPU time"):
        sim.run(lambda: signal.setitimer(signal.ITIMER_PROF, 1))
