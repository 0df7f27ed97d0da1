"""asyncio inside a world: one running loop a task, sets without addresses, every loop simulated."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import queue
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

WORD: contextvars.ContextVar[str] = contextvars.ContextVar("WORD", default="none")


def test_a_blocking_call_in_a_coroutine_does_not_lend_its_loop(lab: Callable[..., Any]) -> None:
    """While one task blocks inside a coroutine, another may run a loop of its own."""

    async def blocks() -> str:
        time.sleep(2)
        return type(asyncio.get_running_loop()).__name__

    async def short() -> int:
        await asyncio.sleep(0.1)
        return 1

    def other() -> int:
        time.sleep(1)
        return asyncio.run(short())

    with lab() as sim:
        process = sim.boot()
        tasks = [sim.start(process, lambda: asyncio.run(blocks())), sim.start(process, other)]
        assert sim.wait(*tasks) == 1
        assert tasks[0].result_value == "_UnixSelectorEventLoop"


def test_the_test_has_no_running_loop_after_it_drove_one(lab: Callable[..., Any]) -> None:
    """A service's loop is not seen by the test that waits for it."""

    async def serve() -> None:
        await asyncio.sleep(10)

    with lab() as sim:
        sim.start(sim.boot(), lambda: asyncio.run(serve()))
        sim.kernel.sleep(10**9)
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()


@pytest.mark.parametrize("seed", [1, 2])
def test_cancelling_and_waiting_follow_no_address(lab: Callable[..., Any], seed: int) -> None:
    """`asyncio.run` cancels in the order of creation, and `wait`'s done set iterates in it."""
    junk: list[object] = []

    async def sleeper(number: int, log: list[Any]) -> int:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            log.append(("cancelled", number))
            raise
        return number

    async def quick(number: int) -> int:
        await asyncio.sleep(0.01)
        return number

    async def program(log: list[Any]) -> None:
        tasks = set()
        for number in range(40):
            # Different addresses in each of the runs that are compared.
            junk.extend(object() for _ in range(number * seed % 7))
            tasks.add(asyncio.create_task(quick(number)))
        done, _ = await asyncio.wait(tasks)
        log.extend(task.result() for task in done)
        kept = [asyncio.create_task(sleeper(number, log)) for number in range(40)]
        await asyncio.sleep(0)
        log.append([task.get_name() for task in asyncio.all_tasks()])
        assert kept

    runs = []
    for turn in range(3):
        junk.extend([object()] * turn)
        with lab() as sim:
            log: list[Any] = []
            sim.run(lambda log=log: asyncio.run(program(log)))
        runs.append(log)
    assert runs[0] == runs[1] == runs[2]
    assert runs[0][:40] == list(range(40))


def test_names_of_asyncio_tasks_start_again_in_each_process(lab: Callable[..., Any]) -> None:
    """Task-1 is the first task of every process in every world."""

    async def name() -> str:
        task = asyncio.current_task()
        return task.get_name() if task else ""

    for _ in range(2):
        with lab() as sim:
            assert sim.run(lambda: asyncio.run(name()), host="a/0") == "Task-1"
            assert sim.run(lambda: asyncio.run(name()), host="b/0") == "Task-1"


@pytest.mark.parametrize(
    "make", ["new_event_loop", "SelectorEventLoop", "Runner", "uvloop.run", "uvloop.new_event_loop"]
)
def test_every_way_to_a_loop_gives_a_simulated_one(lab: Callable[..., Any], make: str) -> None:
    """A loop sleeps in virtual time however it was made."""
    pytest.importorskip("uvloop")

    def main() -> float:
        import uvloop

        begin = time.monotonic()
        if make == "uvloop.run":
            uvloop.run(asyncio.sleep(3600))
        elif make == "Runner":
            with asyncio.Runner() as runner:
                runner.run(asyncio.sleep(3600))
        else:
            maker: Any = {"uvloop.new_event_loop": uvloop.new_event_loop}.get(make) or getattr(asyncio, make)
            loop = maker()
            loop.run_until_complete(asyncio.sleep(3600))
            loop.close()
        return time.monotonic() - begin

    with lab() as sim:
        assert sim.run(main) == pytest.approx(3600, abs=0.01)


@pytest.mark.filterwarnings("ignore:uvloop.install")
def test_uvloop_first_imported_inside_the_world_is_simulated(lab: Callable[..., Any]) -> None:
    """A service that imports uvloop itself gets a simulated loop, and its policy ends with the world."""
    pytest.importorskip("uvloop")
    policy = asyncio.get_event_loop_policy()
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "uvloop"}

    def main() -> float:
        begin = time.monotonic()
        import uvloop

        uvloop.run(asyncio.sleep(60))
        uvloop.install()
        asyncio.run(asyncio.sleep(60))
        return time.monotonic() - begin

    try:
        with lab() as sim:
            assert sim.run(main) == pytest.approx(120, abs=0.01)
    finally:
        sys.modules.update(saved)
    assert asyncio.get_event_loop_policy() is policy


def test_a_handler_in_a_task_of_its_own_sees_no_context_of_the_caller(lab: Callable[..., Any]) -> None:
    """A context variable that the caller set is not set in a task of the server's process."""
    seen: list[str] = []

    def client() -> None:
        WORD.set("client")
        box: queue.SimpleQueue[str] = queue.SimpleQueue()
        sim.kernel.spawn(server, lambda: (seen.append(WORD.get()), WORD.set("server"), box.put("done")))
        box.get()
        seen.append(WORD.get())

    with lab() as sim:
        server = sim.boot("server/0")
        sim.wait(sim.start(sim.boot("client/0"), client))
    assert seen == ["none", "client"]


def test_call_soon_threadsafe_wakes_a_loop_that_sleeps(lab: Callable[..., Any]) -> None:
    """A thread ends the wait of another thread's loop at once."""

    def main() -> float:
        loop = asyncio.new_event_loop()
        future = loop.create_future()

        def thread() -> None:
            time.sleep(2)
            loop.call_soon_threadsafe(future.set_result, time.monotonic())

        begin = time.monotonic()
        threading.Thread(target=thread).start()
        woken = loop.run_until_complete(future)
        after = time.monotonic()
        loop.close()
        assert woken - begin == pytest.approx(2)
        return after - woken

    with lab() as sim:
        assert sim.run(main) == pytest.approx(0, abs=1e-4)


def test_a_loop_made_before_the_world_runs_in_a_host(lab: Callable[..., Any]) -> None:
    """A module's own loop of before sleeps in virtual time, and another thread wakes it."""
    loop = asyncio.new_event_loop()

    def main() -> tuple[float, float]:
        begin = time.monotonic()
        loop.run_until_complete(asyncio.sleep(60))
        slept = time.monotonic() - begin
        future = loop.create_future()

        def thread() -> None:
            time.sleep(2)
            loop.call_soon_threadsafe(future.set_result, None)

        threading.Thread(target=thread).start()
        loop.run_until_complete(asyncio.wait_for(future, 100))
        return slept, time.monotonic() - begin

    with lab(watchdog_s=5) as sim:
        assert sim.run(main) == (pytest.approx(60), pytest.approx(62))
    loop.close()


def test_run_coroutine_threadsafe_and_executors_work_together(lab: Callable[..., Any]) -> None:
    """The bridges between threads and loops keep virtual time."""

    async def slow(number: int) -> int:
        await asyncio.sleep(number)
        return number

    def main() -> tuple[int, int, float]:
        begin = time.monotonic()
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        first = asyncio.run_coroutine_threadsafe(slow(3), loop).result(timeout=10)

        async def block() -> int:
            return await asyncio.get_running_loop().run_in_executor(
                None, functools.partial(lambda: time.sleep(4) or 5)
            )

        second = asyncio.run_coroutine_threadsafe(block(), loop).result(timeout=10)
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        return first, second, time.monotonic() - begin

    with lab() as sim:
        first, second, took = sim.run(main)
    assert (first, second) == (3, 5)
    assert took == pytest.approx(7, abs=0.1)


def test_a_killed_process_leaves_no_coroutine_that_was_never_awaited(lab: Callable[..., Any]) -> None:
    """What `asyncio.run` and the service still wanted to begin when it died is dropped without a warning."""

    async def later() -> None:
        await asyncio.sleep(1)

    async def block() -> None:
        task = asyncio.create_task(later())
        time.sleep(1000)
        await task

    async def stop() -> None:
        time.sleep(1000)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with lab() as sim:
            for wait in (block, stop, lambda: asyncio.sleep(1000)):
                process = sim.boot(f"a/{len(sim.kernel.processes)}")
                sim.start(process, lambda wait=wait: asyncio.run(wait()))
                sim.kernel.sleep(10**9)
                sim.kernel.kill(process, -9)
                sim.kernel.sleep(10**9)
                gc.collect()
    assert [str(warning.message) for warning in caught] == []
