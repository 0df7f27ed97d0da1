"""Threads of a simulated process: its own table, its own main thread, virtual waits; the runner's are untouched."""

from __future__ import annotations

import concurrent.futures
import queue
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def _names() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate())


def test_enumerate_lists_the_process_and_no_other(lab: Callable[..., Any]) -> None:
    """Two processes and the test each see their own threads, and one main thread each."""
    outside = _names()

    def main(count: int) -> tuple[list[str], int]:
        threads = [
            threading.Thread(target=time.sleep, args=(5,), name=f"w{number}") for number in range(count)
        ]
        for thread in threads:
            thread.start()
        time.sleep(1)
        seen = _names(), threading.active_count()
        for thread in threads:
            thread.join()
        return seen

    with lab() as sim:
        one, two = sim.start(sim.boot("a/0"), main, 1), sim.start(sim.boot("b/0"), main, 2)
        sim.kernel.sleep(2 * 10**9)
        assert _names() == outside
        sim.wait(one, two)
        assert one.result_value == (["MainThread", "w0"], 2)
        assert two.result_value == (["MainThread", "w0", "w1"], 3)
    assert _names() == outside


def test_a_task_without_a_thread_object_leaves_no_dummy_behind(lab: Callable[..., Any]) -> None:
    """A handler's task that asked for its thread is not in `enumerate()` once it has ended."""

    def main() -> list[str]:
        for _ in range(5):
            sim.kernel.spawn(process, threading.current_thread)
            time.sleep(1)
        return _names()

    with lab() as sim:
        process = sim.boot()
        assert sim.wait(sim.start(process, main)) == ["MainThread"]


def test_signal_handlers_are_set_by_the_main_thread_alone(lab: Callable[..., Any]) -> None:
    """`signal.signal` in another thread raises what the real one raises, and the runner's handler stays."""
    before = signal.getsignal(signal.SIGTERM)

    def main() -> tuple[str, Any]:
        errors: list[str] = []

        def flow() -> None:
            try:
                signal.signal(signal.SIGTERM, print)
            except ValueError as error:
                errors.append(str(error))

        thread = threading.Thread(target=flow)
        thread.start()
        thread.join()
        signal.signal(signal.SIGTERM, print)
        return errors[0], signal.getsignal(signal.SIGTERM)

    with lab() as sim:
        message, handler = sim.run(main)
        assert message == "signal only works in main thread of the main interpreter"
        assert handler is print
        assert signal.getsignal(signal.SIGTERM) is before
    assert signal.getsignal(signal.SIGTERM) is before


def test_main_thread_and_daemon_flags_are_the_process_s(lab: Callable[..., Any]) -> None:
    """`main_thread()` is the process's first task, in every thread of it."""

    def main() -> tuple[bool, bool, bool]:
        found: list[threading.Thread] = []
        thread = threading.Thread(target=lambda: found.append(threading.main_thread()), daemon=True)
        thread.start()
        thread.join()
        current = threading.current_thread()
        return found[0] is current, current is threading.main_thread(), thread.daemon

    outside = threading.main_thread()
    with lab() as sim:
        assert sim.run(main) == (True, True, True)
        assert threading.main_thread() is outside


def test_join_waits_in_virtual_time_and_gives_up_in_time(lab: Callable[..., Any]) -> None:
    """`join(timeout)` returns after exactly the timeout, a full `join` after the thread's end."""

    def main() -> tuple[float, bool, float, bool]:
        thread = threading.Thread(target=time.sleep, args=(60,))
        begin = time.monotonic()
        thread.start()
        thread.join(timeout=1.5)
        first, alive = time.monotonic() - begin, thread.is_alive()
        thread.join()
        return first, alive, time.monotonic() - begin, thread.is_alive()

    with lab() as sim:
        assert sim.run(main) == (pytest.approx(1.5), True, pytest.approx(60), False)


@pytest.mark.parametrize("timeout", [1e-9, 1e-6, 0.1, 0.29, 0.3, 1.1, 2.675, 1e6 + 0.3, 123456.789012345])
@pytest.mark.parametrize("offset", [0.0, 0.7, 1234567.1])
def test_a_timeout_of_any_length_ends(lab: Callable[..., Any], timeout: float, offset: float) -> None:
    """A wait whose remainder is less than a nanosecond still passes time: queues measure it again and again."""

    def main() -> float:
        held = threading.Lock()
        held.acquire()
        time.sleep(offset)
        begin = time.monotonic()
        for wait in (
            lambda: queue.Queue().get(timeout=timeout),
            lambda: queue.SimpleQueue().get(timeout=timeout),
            lambda: threading.Semaphore(0).acquire(timeout=timeout),
            lambda: threading.Event().wait(timeout),
            lambda: held.acquire(timeout=timeout),
        ):
            try:
                assert not wait()
            except queue.Empty:
                pass
        return (time.monotonic() - begin) / 5

    with lab(watchdog_s=3) as sim:
        assert sim.run(main) == pytest.approx(timeout, abs=3e-9, rel=1e-6)


def test_pools_timers_and_futures_keep_virtual_time(lab: Callable[..., Any]) -> None:
    """Executors, timers and `wait` on futures work as outside, and cost nothing real."""

    def main() -> list[Any]:
        begin = time.monotonic()
        log: list[Any] = []
        timer = threading.Timer(30, lambda: log.append(("timer", time.monotonic() - begin)))
        timer.start()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            log.append(list(pool.map(lambda number: time.sleep(10) or number, range(4))))
            log.append(round(time.monotonic() - begin))
            slow = pool.submit(time.sleep, 100)
            with pytest.raises(concurrent.futures.TimeoutError):
                slow.result(timeout=5)
            done, rest = concurrent.futures.wait([slow], timeout=5)
            log.append((len(done), len(rest)))
        timer.join()
        return [*log, round(time.monotonic() - begin)]

    with lab() as sim:
        assert sim.run(main) == [[0, 1, 2, 3], 20, (0, 1), ("timer", pytest.approx(30)), 120]


def test_a_thread_that_dies_of_an_error_is_reported_with_its_host(lab: Callable[..., Any]) -> None:
    """An exception that ends a thread is noted, and the process goes on."""

    def main() -> int:
        thread = threading.Thread(target=lambda: 1 / 0, name="bad")
        thread.start()
        thread.join()
        return 1

    with lab() as sim:
        assert sim.run(main) == 1
        ((host, where, error),) = sim.unhandled
        assert (host, where, type(error)) == ("a/0", "thread bad", ZeroDivisionError)


def test_identities_are_serial_in_each_process(lab: Callable[..., Any]) -> None:
    """Thread identities are the same in each run, and differ from process to process."""

    def main() -> tuple[int, int, int]:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(threading.get_ident()))
        thread.start()
        thread.join()
        return threading.get_ident(), found[0], threading.get_native_id()

    runs = []
    for _ in range(2):
        with lab() as sim:
            runs.append((sim.run(main, host="a/0"), sim.run(main, host="b/0")))
    assert runs[0] == runs[1]
    assert len(set(runs[0][0] + runs[0][1])) == 6


def test_threads_outside_get_the_originals(lab: Callable[..., Any]) -> None:
    """A thread that carries no task sleeps, draws and asks for the time for real while a world is open."""
    real_start, real_clock, real_lock = _originals()
    found: list[Any] = []

    def outside() -> None:
        begin = real_clock()
        time.sleep(0.03)
        lock = threading.Lock()
        with lock:
            found.append(real_clock() - begin)
        found.append(time.monotonic() - begin)
        found.append(abs(time.time() - wall) < 60)
        waits: queue.SimpleQueue[int] = queue.SimpleQueue()
        try:
            waits.get(timeout=0.03)
        except queue.Empty:
            found.append("empty")
        found.append(threading.get_ident())
        ended.release()

    wall = time.time()
    with lab() as sim:
        ended = real_lock()
        ended.acquire()
        ident = real_start(outside, ())
        sim.run(lambda: time.sleep(1000))
        ended.acquire()
    assert 0.03 <= found[0] < 1
    assert 0.03 <= found[1] < 1
    assert found[2:] == [True, "empty", ident]


def _originals() -> tuple[Any, Any, Any]:
    from meshsim.kernel.patches import threading as threads
    from meshsim.kernel.patches import time as clocks

    return threads.real_start_new_thread, clocks.real_monotonic, threads.real_allocate_lock
