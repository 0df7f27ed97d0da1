"""Sets of objects that hash by their address: what iterates over one does so alike in every run."""

from __future__ import annotations

import asyncio
import concurrent.futures as pools
import os
import tempfile
import threading
import time
from concurrent.futures.thread import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

COUNT = 12


def scattered(make: Callable[[int], Any]) -> list[Any]:
    """Make objects whose addresses are in no order: others of their size were made and freed before."""
    garbage = [make(number) for number in range(5 * COUNT)]
    del garbage[:: os.urandom(1)[0] % 3 + 2]
    return [make(number) for number in range(COUNT)]


def test_futures_of_a_pool_iterate_in_the_order_of_their_making(lab: Callable[..., Any]) -> None:
    """`wait` and `as_completed` keep futures in sets: what is done already comes in one order."""

    def main() -> list[Any]:
        def done(number: int) -> pools.Future[int]:
            future: pools.Future[int] = pools.Future()
            future.set_result(number)
            return future

        futures = scattered(done)
        completed = [future.result() for future in pools.as_completed(futures)]
        return [completed, [future.result() for future in pools.wait(futures).done]]

    with lab() as sim:
        first, second = sim.run(main), sim.run(main, host="b/0")
    assert first == second
    assert sorted(first[0]) == list(range(COUNT))


def test_waiting_for_futures_takes_their_locks_in_one_order(lab: Callable[..., Any]) -> None:
    """`wait` sorts futures by `id`: who holds which lock when it has to wait is the same in every run."""

    def main() -> list[int]:
        futures = scattered(lambda _: pools.Future())
        taken: list[int] = []
        for number, future in enumerate(futures):
            acquire = future._condition.acquire
            future._condition.acquire = lambda number=number, real=acquire: (taken.append(number), real())[1]
        pools.wait(futures, timeout=0.001)
        return taken[:COUNT]

    with lab() as sim:
        assert sim.run(main) == list(range(COUNT))


def test_a_pool_joins_its_threads_in_the_order_of_their_start(lab: Callable[..., Any]) -> None:
    """The threads of an executor are in a set, which its shutdown walks through."""

    def main() -> list[str]:
        joined: list[str] = []

        class Noted(ThreadPoolExecutor):
            def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
                joined.extend(thread.name for thread in self._threads)
                super().shutdown(wait, cancel_futures=cancel_futures)

        scattered(lambda _: threading.Thread(target=time.sleep))
        with Noted(COUNT, "t") as pool:
            for _ in range(COUNT):
                pool.submit(time.sleep, 1)
        return joined

    with lab() as sim:
        assert sim.run(main) == [f"t_{number}" for number in range(COUNT)]


def test_coroutines_of_as_completed_begin_in_the_order_in_which_they_were_given(
    lab: Callable[..., Any],
) -> None:
    """`asyncio.as_completed` makes a set of bare coroutines before it starts them."""

    async def step(number: int, begun: list[int]) -> int:
        begun.append(number)
        await asyncio.sleep(1)
        return number

    async def run() -> tuple[list[int], list[int]]:
        begun: list[int] = []
        steps = [step(number, begun) for number in range(COUNT)]
        ended = [await one for one in asyncio.as_completed([*steps, steps[0]])]
        return begun, ended

    with lab() as sim:
        begun, ended = sim.run(lambda: asyncio.run(run()))
    assert begun == list(range(COUNT))
    assert sorted(ended) == begun


def test_futures_of_a_loop_iterate_in_the_order_of_their_making(lab: Callable[..., Any]) -> None:
    """`asyncio.wait` gives a set of futures that were done at once in one order."""

    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        futures = scattered(lambda _: loop.create_future())
        for number, future in enumerate(futures):
            future.set_result(number)
        done, _ = await asyncio.wait(futures)
        return [future.result() for future in done]

    with lab() as sim:
        first = sim.run(lambda: asyncio.run(run()))
        assert sim.run(lambda: asyncio.run(run()), host="b/0") == first


def test_as_completed_refuses_and_waits_as_the_real_one(lab: Callable[..., Any]) -> None:
    """A single coroutine is a TypeError, a timeout a TimeoutError, and futures are taken as they are."""

    async def run() -> list[str]:
        found = []
        single = asyncio.sleep(0)
        try:
            list(asyncio.as_completed(single))  # type: ignore[arg-type, call-overload]  # what it refuses
        except TypeError as error:
            found.append(str(error))
        single.close()
        sleeps = [asyncio.ensure_future(asyncio.sleep(one, one)) for one in (3, 1)]
        try:
            for one in asyncio.as_completed(sleeps, timeout=2):
                found += [str(await one)]
        except TimeoutError:
            found.append("timeout")
        return found

    with lab() as sim:
        inside = sim.run(lambda: asyncio.run(run()))
    assert inside[0].endswith("not coroutine")
    assert inside[1:] == ["1", "timeout"]


def test_the_tasks_of_a_loop_iterate_alike_whatever_else_runs(lab: Callable[..., Any]) -> None:
    """`all_tasks` of one loop does not depend on how many tasks other loops of the interpreter have."""

    async def rest() -> list[str]:
        kept = []
        for number in range(100):
            task = asyncio.ensure_future(asyncio.sleep(1000))
            # Some of them stay, so far apart that their hashes collide in a small set.
            if number % 32 in {3, 4}:
                kept.append(task)
            else:
                task.cancel()
        await asyncio.sleep(0)
        return [task.get_name() for task in asyncio.all_tasks()]

    async def crowd() -> None:
        await asyncio.gather(*[asyncio.sleep(100) for _ in range(1000)])

    with lab() as sim:
        alone = sim.run(lambda: asyncio.run(rest()))
        sim.start(sim.boot("crowd/0"), lambda: asyncio.run(crowd()))
        sim.kernel.sleep(1)
        assert sim.run(lambda: asyncio.run(rest()), host="b/0") == alone


def test_generators_of_a_loop_are_closed_in_the_order_in_which_they_began(lab: Callable[..., Any]) -> None:
    """What `asyncio.run` finds open at its end is closed as it was begun; what was closed before is left out."""
    closed: list[int] = []

    async def count(number: int) -> AsyncIterator[int]:
        try:
            while True:
                yield number
        finally:
            closed.append(number)

    async def run() -> list[Any]:
        generators = scattered(count)
        for generator in generators:
            await anext(generator)
        await generators[5].aclose()
        del generators[3]
        await asyncio.sleep(1)
        return generators

    with lab() as sim:
        sim.run(lambda: asyncio.run(run()) and None)
    assert closed == [5, 3, *[number for number in range(COUNT) if number not in {3, 5}]]


def test_nested_scopes_of_anyio_are_cancelled_in_the_order_in_which_they_began(
    lab: Callable[..., Any],
) -> None:
    """A task group that is cancelled reaches the scopes of its children one after another."""
    anyio = pytest.importorskip("anyio")
    ended: list[int] = []

    async def child(number: int) -> None:
        with anyio.CancelScope():
            try:
                await anyio.sleep(100)
            finally:
                ended.append(number)

    async def run() -> None:
        scattered(lambda _: anyio.CancelScope())
        async with anyio.create_task_group() as group:
            for number in range(COUNT):
                group.start_soon(child, number)
            await anyio.sleep(1)
            group.cancel_scope.cancel()

    with lab() as sim:
        sim.run(lambda: asyncio.run(run()))
    assert ended == list(range(COUNT))


def test_the_folder_of_temporary_files_is_the_hosts_and_costs_no_draw(
    lab: Callable[..., Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TMPDIR is each host's own, and looking for it moves no draw of the first host that does."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "mine").mkdir()

    def main() -> tuple[str, bytes]:
        return tempfile.gettempdir(), os.urandom(8)

    with lab() as sim:
        process = sim.boot("a/0")
        process.environ[b"TMPDIR"] = os.fsencode(tmp_path / "mine")
        mine, drawn = sim.wait(sim.start(process, main))
        assert sim.run(main, host="b/0")[0] == os.fspath(tempfile._candidate_tempdir_list()[0])  # type: ignore[attr-defined]
    assert mine == str(tmp_path / "mine")
    assert tempfile.tempdir is None
    with lab() as sim:
        assert sim.run(lambda: os.urandom(8)) == drawn
