"""Crashes: every task of a process ends, nothing of it acts afterwards, and what will not die is counted."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = 10**9


def test_a_crash_runs_finally_clauses_and_nothing_after_them(lab: Callable[..., Any]) -> None:
    """Each parked task leaves through its `finally` at the moment of the crash."""
    log: list[Any] = []

    def flow(number: int) -> None:
        try:
            time.sleep(100)
            log.append(("slept", number))
        finally:
            log.append(("finally", number, time.monotonic()))
        log.append(("after", number))

    with lab() as sim:
        process = sim.boot()
        for number in range(3):
            sim.start(process, flow, number)
        sim.kernel.sleep(5 * SECOND)
        sim.kernel.kill(process, -9)
        sim.kernel.sleep(200 * SECOND)
        assert sorted(log) == [("finally", number, 10_005.0) for number in range(3)]
        assert not list(process.living_tasks())
        assert process.exit_code == -9


def test_a_task_that_catches_everything_and_blocks_again_becomes_a_zombie(lab: Callable[..., Any]) -> None:
    """`except BaseException` does not survive a crash: it is parked for good, and counted."""
    log: list[float] = []

    def survivor() -> None:
        while True:
            try:
                time.sleep(1)
                log.append(time.monotonic())
            except BaseException:  # noqa: BLE001 - what the test is about
                continue

    with lab() as sim:
        process = sim.boot()
        sim.start(process, survivor)
        sim.kernel.sleep(3 * SECOND + 1)
        sim.kernel.kill(process, -9)
        sim.kernel.sleep(100 * SECOND)
        assert log == [10_001.0, 10_002.0, 10_003.0]
        assert [task.host for task in sim.kernel.zombies] == ["a/0"]


def test_a_zombie_never_runs_again_after_the_world(lab: Callable[..., Any]) -> None:
    """When the world closes and is collected, a survivor's code does not go on outside of it."""
    import gc

    log: list[str] = []

    def survivor() -> None:
        while len(log) < 50:
            try:
                time.sleep(1)
            except BaseException as error:  # noqa: BLE001 - what the test is about
                log.append(type(error).__name__)
        log.append("survived")

    with lab() as sim:
        sim.start(sim.boot(), survivor)
        sim.kernel.sleep(3 * SECOND)
    del sim
    gc.collect()
    assert set(log) == {"Killed"}
    assert len(log) < 10


def test_a_dead_process_starts_nothing(lab: Callable[..., Any]) -> None:
    """Threads that a `finally` starts do not run, and joining them does not hang."""
    log: list[str] = []

    def main() -> None:
        try:
            time.sleep(100)
        finally:
            thread = threading.Thread(target=lambda: log.append("ran"))
            thread.start()
            thread.join()

    with lab() as sim:
        process = sim.boot()
        sim.start(process, main)
        sim.kernel.sleep(SECOND)
        sim.kernel.kill(process, -9)
        sim.kernel.sleep(SECOND)
        assert log == []
        assert not list(process.living_tasks())


def test_a_killed_waiter_passes_its_wake_on(lab: Callable[..., Any]) -> None:
    """A task that was woken and killed in one instant does not take the item or the lock with it."""
    got: list[str] = []
    shared: queue.SimpleQueue[str]

    def taker(name: str) -> None:
        got.append(f"{name} {shared.get()}")

    with lab() as sim:
        one, two = sim.boot("a/0"), sim.boot("b/0")
        shared = sim.run(queue.SimpleQueue, host="c/0")
        sim.start(one, taker, "one")
        sim.kernel.sleep(1)
        sim.start(two, taker, "two")
        sim.kernel.sleep(1)
        shared.put("item")
        sim.kernel.kill(one, -9)
        sim.kernel.sleep(SECOND)
    assert got == ["two item"]


def test_a_crash_frees_no_lock_but_a_with_block_does(lab: Callable[..., Any]) -> None:
    """A lock taken by `with` is free after its holder's crash, because `__exit__` ran."""

    def holder(lock: Any) -> None:
        with lock:
            time.sleep(100)

    def taker(lock: Any) -> float:
        with lock:
            return time.monotonic()

    with lab() as sim:
        lock = sim.run(threading.Lock, host="c/0")
        process = sim.boot("a/0")
        sim.start(process, holder, lock)
        sim.kernel.sleep(SECOND)
        task = sim.start(sim.boot("b/0"), taker, lock)
        sim.kernel.sleep(SECOND)
        sim.kernel.kill(process, -9)
        assert sim.wait(task) == pytest.approx(10_002)


def test_a_crash_in_asyncio_ends_every_coroutine_without_running_the_loop_on(lab: Callable[..., Any]) -> None:
    """Coroutines of a crashed process do not go on, and their loop turns no more."""
    log: list[Any] = []

    async def worker(number: int) -> None:
        try:
            while True:
                await asyncio.sleep(1)
                log.append((number, time.monotonic()))
        finally:
            await asyncio.sleep(1)
            log.append(("cleaned", number))

    async def program() -> None:
        await asyncio.gather(*[worker(number) for number in range(3)])

    with lab() as sim:
        process = sim.boot()
        sim.start(process, lambda: asyncio.run(program()))
        sim.kernel.sleep(2 * SECOND + SECOND // 2)
        sim.kernel.kill(process, -9)
        before = list(log)
        sim.kernel.sleep(100 * SECOND)
        assert log == before
        assert len(log) == 6
        assert not list(process.living_tasks())


def test_os_exit_is_a_crash_with_that_code(lab: Callable[..., Any]) -> None:
    """`os._exit(7)` ends the simulated process, not pytest, and runs no `finally` of another flow late."""
    log: list[str] = []

    def main() -> None:
        thread = threading.Thread(target=lambda: (time.sleep(10), log.append("thread")))
        thread.start()
        time.sleep(1)
        os._exit(7)
        log.append("after")

    with lab() as sim:
        process = sim.boot()
        task = sim.start(process, main)
        sim.kernel.sleep(100 * SECOND)
        assert task.done
        assert (process.dead, process.exit_code, log) == (True, 7, [])


def test_os_abort_is_a_crash_by_sigabrt(lab: Callable[..., Any]) -> None:
    """`os.abort()` and `signal.raise_signal(SIGKILL)` end the simulated process with their signals."""
    with lab() as sim:
        for host, call, code in [
            ("a/0", os.abort, -signal.SIGABRT),
            ("b/0", lambda: os.kill(os.getpid(), signal.SIGKILL), -signal.SIGKILL),
            ("c/0", lambda: signal.raise_signal(signal.SIGTERM), -signal.SIGTERM),
        ]:
            process = sim.boot(host)
            sim.start(process, call)
            sim.kernel.sleep(SECOND)
            assert (process.dead, process.exit_code) == (True, code)


def test_sigterm_lets_the_service_shut_down(lab: Callable[..., Any]) -> None:
    """A handler of SIGTERM runs in the main thread and may take its time."""
    log: list[Any] = []

    def main() -> None:
        stop = threading.Event()
        signal.signal(
            signal.SIGTERM,
            lambda number, _: (log.append((number, threading.current_thread().name)), stop.set()),
        )
        while not stop.wait(60):
            pass
        time.sleep(3)
        log.append(time.monotonic())

    from meshsim.kernel.patches import signals

    with lab() as sim:
        process = sim.boot()
        task = sim.start(process, main)
        sim.kernel.sleep(10 * SECOND)
        signals.deliver(process, signal.SIGTERM)
        sim.wait(task)
    assert log == [(signal.SIGTERM, "MainThread"), pytest.approx(10_013)]


def test_a_paused_host_stands_still_and_goes_on(lab: Callable[..., Any]) -> None:
    """Between pause and resume no task of the host runs, and what was due runs at once after it."""
    log: list[float] = []

    def main() -> None:
        for _ in range(3):
            time.sleep(1)
            log.append(time.monotonic())

    with lab() as sim:
        process = sim.boot()
        task = sim.start(process, main)
        sim.kernel.sleep(SECOND + SECOND // 2)
        sim.kernel.pause(process.host)
        sim.kernel.sleep(10 * SECOND)
        assert log == [10_001.0]
        sim.kernel.resume(process.host)
        sim.wait(task)
    assert log == [10_001.0, pytest.approx(10_011.5), pytest.approx(10_012.5)]


def test_a_paused_host_can_be_killed(lab: Callable[..., Any]) -> None:
    """SIGKILL reaches a stopped process, and its tasks end."""
    log: list[str] = []

    def main() -> None:
        try:
            time.sleep(1)
        finally:
            log.append("finally")

    with lab() as sim:
        process = sim.boot()
        task = sim.start(process, main)
        sim.kernel.sleep(SECOND // 2)
        sim.kernel.pause(process.host)
        sim.kernel.sleep(10 * SECOND)
        sim.kernel.kill(process, -9)
        sim.kernel.sleep(SECOND)
        assert task.done
        assert log == ["finally"]


def test_the_next_boot_of_a_host_is_a_new_process(lab: Callable[..., Any]) -> None:
    """After a crash a host boots with a new pid, new random state and no threads of the old one."""

    def main() -> tuple[int, int, float]:
        import random

        return os.getpid(), threading.active_count(), random.random()

    with lab() as sim:
        first = sim.boot("a/0")
        sim.start(first, time.sleep, 1000)
        sim.kernel.sleep(SECOND)
        sim.kernel.kill(first, -9)
        second = sim.boot("a/0")
        third = sim.boot("a/0")
        two, three = sim.wait(sim.start(second, main)), sim.wait(sim.start(third, main))
        assert two[0] != three[0]
        assert two[1] == three[1] == 1
        assert two[2] != three[2]


def test_a_task_of_the_test_that_will_not_end_is_ended_with_the_world(lab: Callable[..., Any]) -> None:
    """Threads that a test started itself do not outlive its world."""
    before = threading.active_count()
    log: list[str] = []

    def flow() -> None:
        try:
            time.sleep(1000)
        finally:
            log.append("ended")

    with lab() as sim:
        threading.Thread(target=flow).start()
        sim.kernel.sleep(SECOND)
    assert log == ["ended"]
    assert threading.active_count() == before
