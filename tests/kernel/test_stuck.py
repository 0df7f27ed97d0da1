"""A run that cannot go on says so: which task, on which host, where it stands."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import DeadlockError, LivelockError, WatchdogError
from meshsim.kernel import scheduler

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECOND = 10**9


def wait_for_one_that_never_comes(box: queue.Queue[int]) -> None:
    """Stand here for ever."""
    box.get()


def hold_the_thread() -> None:
    """Never give the thread back."""
    while True:
        pass


def turn_without_time(lots: Any) -> None:
    """Wake each other without any time passing."""
    while True:
        lots.unpark()
        lots.park()


def test_a_deadlock_names_every_task_its_host_and_its_line(lab: Callable[..., Any]) -> None:
    """Nothing is ready and no timer is set: the driver gets the whole picture."""
    with lab() as sim:
        for number in range(2):
            process = sim.boot(f"shop/{number}")
            sim.start(process, lambda: wait_for_one_that_never_comes(queue.Queue()))
        with pytest.raises(DeadlockError) as failure:
            while True:
                sim.kernel.park()
    text = str(failure.value)
    assert "deadlock at 0.000000000s" in text
    for number in range(2):
        assert f"shop/{number} MainThread, waits for" in text
    assert "test_stuck.py" in text
    assert "in wait_for_one_that_never_comes: box.get()" in text
    assert "test MainThread" in text


def test_the_world_goes_on_after_a_deadlock_report(lab: Callable[..., Any]) -> None:
    """The report is an error in the test, and what the test does next can still free the tasks."""
    with lab() as sim:
        process = sim.boot()
        box: list[Any] = []

        def main() -> int:
            box.append(queue.Queue())
            return int(box[0].get())

        task = sim.start(process, main)
        with pytest.raises(DeadlockError):
            while True:
                sim.kernel.park()
        box[0].put(5)
        assert sim.wait(task) == 5


def test_a_livelock_names_the_tasks_that_run(
    lab: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks that wake each other for ever while time stands still are reported by name."""
    from meshsim.kernel.parking import ParkingLot

    monkeypatch.setattr(scheduler, "LIVELOCK_STEPS", 2_000)
    monkeypatch.setattr(scheduler, "COLLECT_EVERY_STEPS", 512)
    lots = ParkingLot()
    with lab() as sim:
        for number in range(2):
            sim.start(sim.boot(f"shop/{number}"), turn_without_time, lots)
        with pytest.raises(LivelockError) as failure:
            sim.kernel.sleep(SECOND)
    text = str(failure.value)
    assert "virtual time stands still at 0.000000000s" in text
    assert "in turn_without_time" in text
    assert "shop/" in text


def test_the_watchdog_names_the_step_that_holds_the_thread(lab: Callable[..., Any]) -> None:
    """A service in an endless loop is named with its host and its line, and ended."""
    with lab(watchdog_s=0.4) as sim:
        process = sim.boot("shop/0")
        task = sim.start(process, hold_the_thread)
        with pytest.raises(WatchdogError) as failure:
            sim.kernel.sleep(SECOND)
        sim.kernel.sleep(SECOND)
        assert task.done
        assert sim.run(lambda: time.monotonic(), host="other/0") > 0
    text = str(failure.value)
    assert "'MainThread' on host shop/0" in text
    assert "in hold_the_thread" in text


def test_the_watchdog_ends_a_loop_that_catches_exceptions(lab: Callable[..., Any]) -> None:
    """`except Exception` in the endless loop does not save it."""

    def stubborn() -> None:
        while True:
            try:
                while True:
                    pass
            except Exception:  # noqa: BLE001 - what the test is about
                continue

    with lab(watchdog_s=0.4) as sim:
        task = sim.start(sim.boot("shop/0"), stubborn)
        with pytest.raises(WatchdogError, match="shop/0"):
            sim.kernel.sleep(SECOND)
        sim.kernel.sleep(SECOND)
        assert task.done


def test_the_watchdog_gives_up_a_loop_that_catches_everything(lab: Callable[..., Any]) -> None:
    """`except BaseException` in the endless loop does not hold the test: the task is left behind."""
    go_on = [True]

    def spin() -> None:
        # A function of its own: on 3.13 the jump back of a bare inner loop stands outside the `try`.
        while go_on[0]:
            pass

    def stubborn() -> None:
        while go_on[0]:
            try:
                spin()
            except BaseException:  # noqa: BLE001 - what the test is about
                continue

    with lab(watchdog_s=0.2) as sim:
        sim.start(sim.boot("shop/0"), stubborn)
        with pytest.raises(WatchdogError, match="shop/0"):
            sim.kernel.sleep(SECOND)
        sim.kernel.sleep(SECOND)
        assert [task.host for task in sim.kernel.zombies] == ["shop/0"]
        assert sim.run(lambda: time.monotonic(), host="other/0") > 0
        go_on[0] = False


def test_the_watchdog_breaks_the_wait_for_a_real_lock(lab: Callable[..., Any]) -> None:
    """A service that really blocks is named, and the test gets its thread back."""
    from meshsim.kernel.patches import threading as threads

    real = threads.real_allocate_lock()
    real.acquire()

    def blocks() -> None:
        real.acquire()

    with lab(watchdog_s=0.4) as sim:
        sim.start(sim.boot("shop/0"), blocks)
        with pytest.raises(WatchdogError) as failure:
            sim.kernel.sleep(SECOND)
        real.release()
    assert "shop/0" in str(failure.value)
    assert "in blocks: real.acquire()" in str(failure.value)


def test_a_long_test_body_does_not_meet_the_watchdog(lab: Callable[..., Any]) -> None:
    """The test's own code may take its time, and so may many short steps."""
    from meshsim.kernel.patches import time as clocks

    with lab(watchdog_s=0.2) as sim:
        clocks.real_sleep(0.5)
        until = clocks.real_monotonic() + 0.5

        def main() -> int:
            turns = 0
            while clocks.real_monotonic() < until:
                time.sleep(1)
                turns += 1
            return turns

        assert sim.run(main) > 100


@pytest.mark.parametrize("swallows", [False, True])
def test_ctrl_c_is_raised_in_the_driver(lab: Callable[..., Any], swallows: bool) -> None:
    """KeyboardInterrupt reaches the test, also when the service that runs catches BaseException."""
    caught: list[str] = []

    def main() -> None:
        for turn in range(10**9):
            try:
                time.sleep(1)
                if turn == 5:
                    os_kill(os_getpid(), signal.SIGINT)
            except BaseException as error:
                caught.append(type(error).__name__)
                if not swallows:
                    raise

    from meshsim.kernel.patches import process as surroundings
    from meshsim.kernel.patches import signals

    os_kill, os_getpid = signals.real_kill, surroundings.real_getpid
    with lab() as sim:
        process = sim.boot()
        sim.start(process, main)
        with pytest.raises(KeyboardInterrupt):
            sim.kernel.sleep(10**6 * SECOND)
        assert caught == []
        sim.kernel.sleep(SECOND)


def test_a_second_ctrl_c_ends_a_step_that_does_not_end_itself(lab: Callable[..., Any]) -> None:
    """When the running step never parks, the second interrupt is raised where it runs."""
    from meshsim.kernel.patches import process as surroundings
    from meshsim.kernel.patches import signals
    from meshsim.kernel.patches import time as clocks

    def main() -> None:
        signals.real_kill(surroundings.real_getpid(), signal.SIGINT)
        # Two signals of one kind that are not handled yet are one.
        clocks.real_sleep(0.2)
        signals.real_kill(surroundings.real_getpid(), signal.SIGINT)
        hold_the_thread()

    with lab() as sim:
        sim.start(sim.boot(), main)
        with pytest.raises(KeyboardInterrupt):
            sim.kernel.sleep(SECOND)


def test_ctrl_c_during_pytest_stops_it(tmp_path: Path, carrier: str) -> None:
    """A real interrupt of a real pytest run ends the run, not a service."""
    (tmp_path / "test_endless.py").write_text(
        "import time\n"
        "from meshsim.core.streams import Streams\n"
        "from meshsim.kernel.simulation import Simulation\n"
        "def service():\n"
        "    while True:\n"
        "        try:\n            time.sleep(1)\n        except BaseException:\n            pass\n"
        "def test_endless():\n"
        f"    sim = Simulation(Streams(1), carrier_name={carrier!r})\n"
        "    sim.enter()\n"
        "    try:\n"
        "        host = sim.kernel.add_host('a/0', 'a')\n"
        "        sim.kernel.spawn(sim.kernel.boot(host), service)\n"
        "        open('started', 'w').close()\n"
        "        sim.kernel.sleep(10**18)\n"
        "    finally:\n        sim.leave()\n"
    )
    runner = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:pysoa_test_plan",
            "test_endless.py",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for _ in range(600):
            if (tmp_path / "started").exists():
                break
            time.sleep(0.05)
        time.sleep(0.3)
        runner.send_signal(signal.SIGINT)
        out, _ = runner.communicate(timeout=30)
    finally:
        runner.kill()
    assert "KeyboardInterrupt" in out
    assert runner.returncode == 2


def test_a_task_may_drive_what_the_driver_drives(lab: Callable[..., Any]) -> None:
    """A call that drives the kernel from the test only parks when a task makes it."""

    def drive(sim: Any) -> float:
        sim.kernel.sleep(2 * SECOND)
        return time.monotonic()

    with lab() as sim:
        process = sim.boot()
        tasks = [sim.start(process, drive, sim) for _ in range(3)]
        assert drive(sim) == 10_002
        sim.wait(*tasks)
        assert [task.result_value for task in tasks] == [10_002] * 3


def test_parking_outside_of_any_world_is_an_error_with_its_cure(lab: Callable[..., Any]) -> None:
    """The kernel's own calls say what is wrong when no world is open."""
    from meshsim.errors import UsageError
    from meshsim.kernel import api

    with pytest.raises(UsageError, match="no world is open"):
        api.sleep(1)
    with lab() as sim:
        kernel = sim.kernel
    with pytest.raises(UsageError, match="outside of a task"):
        kernel.park()


def test_an_error_on_the_hub_is_the_drivers(lab: Callable[..., Any]) -> None:
    """A timer's function that raises ends neither the hub nor a service: the test sees it."""

    def broken() -> None:
        msg = "a broken timer"
        raise RuntimeError(msg)

    with lab() as sim:
        task = sim.start(sim.boot(), time.sleep, 5)
        sim.kernel.call_at(SECOND, broken)
        with pytest.raises(RuntimeError, match="a broken timer"):
            sim.kernel.sleep(10 * SECOND)
        sim.wait(task)


def test_a_timer_may_not_park(lab: Callable[..., Any]) -> None:
    """A function of the hub that blocks is told so, and no service's flow is taken for it."""
    from meshsim.errors import UsageError

    with lab() as sim:
        process = sim.boot()
        task = sim.start(process, time.sleep, 5)
        sim.kernel.call_at(SECOND, time.sleep, 1)
        with pytest.raises(UsageError, match="hub"):
            sim.kernel.sleep(10 * SECOND)
        sim.wait(task)
        assert sim.kernel.now >= 5 * SECOND


def test_threads_and_dead_locks_of_real_threads_are_told_apart(lab: Callable[..., Any]) -> None:
    """Locks crossed by two tasks are a deadlock with both lines."""

    def cross(first: Any, second: Any) -> None:
        with first:
            time.sleep(1)
            second.acquire()

    def main() -> None:
        one, two = threading.Lock(), threading.Lock()
        threads = [
            threading.Thread(target=cross, args=pair, name=name)
            for name, pair in (("left", (one, two)), ("right", (two, one)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with lab() as sim:
        sim.start(sim.boot(), main)
        with pytest.raises(DeadlockError) as failure:
            while True:
                sim.kernel.park()
    text = str(failure.value)
    assert "a/0 left, waits for <meshsim lock, locked>" in text
    assert "a/0 right, waits for <meshsim lock, locked>" in text
    assert text.count("in cross: second.acquire()") == 2
