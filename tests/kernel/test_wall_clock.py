"""The wall clock: virtual and the same by every name, skewed by host, and under a user's own time travel."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = 1_767_225_600


def _everything() -> list[int]:
    return [
        int(time.time()),
        time.time_ns() // 10**9,
        int(datetime.datetime.now(tz=datetime.UTC).timestamp()),
        int(datetime.datetime.now().astimezone().timestamp()),
        int(time.mktime(time.localtime())),
        int(time.clock_gettime(time.CLOCK_REALTIME)),
        int(datetime.datetime.fromtimestamp(time.time(), tz=datetime.UTC).timestamp()),
    ]


def test_every_name_of_the_wall_clock_agrees(lab: Callable[..., Any]) -> None:
    """time, datetime, localtime and clock_gettime tell the epoch plus what has passed."""
    with lab() as sim:
        assert sim.run(lambda: (time.sleep(100), _everything())[1]) == [EPOCH + 100] * 7


def test_every_name_of_the_monotonic_clock_agrees(lab: Callable[..., Any]) -> None:
    """monotonic, perf_counter, process_time and clock_gettime advance by what has passed, and no more."""

    def clocks() -> list[float]:
        return [
            time.monotonic(),
            time.monotonic_ns() / 1e9,
            time.perf_counter(),
            time.perf_counter_ns() / 1e9,
            time.process_time(),
            time.thread_time(),
            time.clock_gettime(time.CLOCK_MONOTONIC),
            time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1e9,
        ]

    def main() -> list[float]:
        before = clocks()
        time.sleep(100)
        return [after - earlier for earlier, after in zip(before, clocks(), strict=True)]

    with lab() as sim:
        assert sim.run(main) == [pytest.approx(100)] * 8


def test_a_skewed_host_has_another_wall_clock_and_the_same_monotonic_one(lab: Callable[..., Any]) -> None:
    """A host's offset moves its own wall clock and nobody else's."""
    with lab() as sim:
        one, two = sim.boot("a/0"), sim.boot("b/0")
        one.host.clock_offset_ns = 3600 * 10**9

        def main() -> tuple[float, float]:
            time.sleep(1)
            return time.time(), time.monotonic()

        first, second = sim.start(one, main), sim.start(two, main)
        sim.wait(first, second)
        assert first.result_value == (EPOCH + 3601, 10_001)
        assert second.result_value == (EPOCH + 1, 10_001)


def test_a_users_travel_inside_a_world_stands_above_ours(lab: Callable[..., Any]) -> None:
    """`travel(tick=False)` in a service freezes the wall clock, and the world's is back after it."""

    def main() -> tuple[float, float, float]:
        with time_machine.travel(1_000_000_000, tick=False):
            time.sleep(10)
            inside = time.time()
            slept = time.monotonic()
        return inside, slept, time.time()

    with lab() as sim:
        assert sim.run(main) == (1_000_000_000, 10_010, EPOCH + 10)


def test_a_users_ticking_travel_counts_virtual_time(lab: Callable[..., Any]) -> None:
    """`travel(tick=True)` goes on at the world's pace, not at the real one."""

    def main() -> float:
        with time_machine.travel(1_000_000_000, tick=True):
            assert time.time() == 1_000_000_000
            time.sleep(3600)
            return time.time()

    with lab() as sim:
        assert sim.run(main) == pytest.approx(1_000_003_600, abs=0.001)


def test_a_travel_around_a_world_is_there_again_after_it(lab: Callable[..., Any]) -> None:
    """A world inside a user's travel has its own clock, and the user's goes on afterwards."""
    with time_machine.travel(1_000_000_000, tick=False):
        with lab() as sim:
            assert sim.run(lambda: int(time.time())) == EPOCH
        assert time.time() == 1_000_000_000
    assert time.time() > EPOCH - 10**9


def test_a_travel_that_a_service_left_open_ends_with_the_world(lab: Callable[..., Any]) -> None:
    """The real clock is back although a service never stopped its traveller."""
    before = time.time()
    with lab() as sim:
        sim.run(lambda: time_machine.travel(5, tick=False).start())
    assert abs(time.time() - before) < 60


@pytest.mark.parametrize(
    "spin",
    [
        lambda until: time.sleep(0),
        lambda until: time.sleep(1e-12),
        lambda until: __import__("threading").Event().wait(0),
        lambda until: __import__("threading").Event().wait(1e-10),
        lambda until: __import__("queue").SimpleQueue().empty() and time.sleep(0),
        lambda until: __import__("os").sched_yield(),
    ],
    ids=["sleep(0)", "sleep(tiny)", "wait(0)", "wait(tiny)", "empty()", "sched_yield"],
)
def test_a_loop_of_zero_waits_costs_virtual_time(
    lab: Callable[..., Any], spin: Callable[[float], object]
) -> None:
    """A service that polls until a second has passed gets there."""

    def main() -> float:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            spin(until)
        return time.monotonic()

    with lab(watchdog_s=5) as sim:
        assert sim.run(main) == pytest.approx(10_001, abs=0.01)


def test_the_first_zero_waits_are_cheap_and_order_is_kept(lab: Callable[..., Any]) -> None:
    """`sleep(0)` as a courtesy lets others run and distorts nothing."""

    def main() -> float:
        for _ in range(10):
            time.sleep(0)
        return time.monotonic() - 10_000

    with lab() as sim:
        assert sim.run(main) == pytest.approx(1e-5, abs=1e-6)
