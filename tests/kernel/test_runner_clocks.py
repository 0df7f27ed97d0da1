"""The test runner's own clocks and randomness stay real while a world is open, and its state stays its own."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import _pytest.timing
import hypothesis
import pytest
from hypothesis import strategies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_pytests_stopwatch_is_real(lab: Callable[..., Any]) -> None:
    """An hour of virtual time is no time at all in pytest's durations."""
    with lab() as sim:
        begin, precise = _pytest.timing.time(), _pytest.timing.perf_counter()
        sim.run(lambda: time.sleep(3600))
        assert _pytest.timing.perf_counter() - precise < 60
        assert abs(_pytest.timing.time() - begin) < 60


def test_a_world_inside_given_meets_no_deadline(lab: Callable[..., Any]) -> None:
    """Hypothesis times its examples, and its whole run, by the real clock."""
    seen: list[float] = []

    @hypothesis.settings(deadline=2000, max_examples=15, database=None)
    @hypothesis.given(strategies.integers(0, 10))
    def each(hours: int) -> None:
        with lab() as sim:
            seen.append(sim.run(lambda: (time.sleep(3600 * hours), time.monotonic())[1]))

    each()
    assert max(seen) > 13_000


@pytest.mark.filterwarnings("error::hypothesis.errors.NonInteractiveExampleWarning")
def test_shrinking_over_virtual_hours_is_not_given_up(lab: Callable[..., Any]) -> None:
    """A failing property shrinks to its smallest example although each one takes virtual hours."""

    @hypothesis.settings(deadline=None, max_examples=100, database=None, print_blob=False)
    @hypothesis.given(strategies.integers(0, 1000))
    def each(number: int) -> None:
        with lab() as sim:
            sim.run(lambda: time.sleep(3600))
        assert number < 17

    with pytest.raises(AssertionError) as failure:
        each()
    assert "number=17" in "".join(getattr(failure.value, "__notes__", []))


def test_the_seed_of_the_runner_is_undisturbed(lab: Callable[..., Any]) -> None:
    """Draws of services move neither the test's generator nor Hypothesis' examples."""
    random.seed(3)
    expected = [random.random() for _ in range(3)]
    random.seed(3)
    with lab() as sim:
        sim.run(lambda: [random.random() for _ in range(100)])
        assert [random.random() for _ in range(3)] == expected


def test_draws_of_strategies_are_the_same_with_and_without_a_world(lab: Callable[..., Any]) -> None:
    """A derandomized test sees the same examples whether or not it opens worlds."""

    def examples(inside: bool) -> list[int]:
        seen: list[int] = []

        @hypothesis.settings(derandomize=True, max_examples=20, database=None, deadline=None)
        @hypothesis.given(strategies.integers())
        def each(number: int) -> None:
            seen.append(number)
            if inside:
                with lab() as sim:
                    sim.run(random.random)

        each()
        return seen

    assert examples(inside=True) == examples(inside=False)


REPORTED = """
import time
import pytest
from meshsim.core.streams import Streams
from meshsim.kernel.simulation import Simulation

@pytest.fixture
def sim():
    made = Simulation(Streams(1))
    made.enter()
    yield made
    made.kernel.sleep(3600 * 10**9)
    made.leave()

def test_long(sim):
    time.sleep(3600)
    assert time.monotonic() == 13_600
"""


def test_durations_of_a_real_pytest_are_real(tmp_path: Path) -> None:
    """A test of two virtual hours is reported with its real seconds, in the summary and in JUnit's file."""
    (tmp_path / "test_hours.py").write_text(REPORTED)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:pysoa_test_plan"]
    done = subprocess.run(
        [*command, "--durations=3", "-vv", "--junitxml=out.xml", "test_hours.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout + (tmp_path / "out.xml").read_text()
    assert "3600." not in text
    assert "7200." not in text
    assert "1 passed" in done.stdout


def test_real_threads_are_counted_against_a_baseline(lab: Callable[..., Any]) -> None:
    """The greenlet carrier starts no operating-system thread, whatever a service starts."""

    def main() -> int:
        threads = [threading.Thread(target=time.sleep, args=(1,)) for _ in range(10)]
        for thread in threads:
            thread.start()
        found = len(sys._current_frames())
        for thread in threads:
            thread.join()
        return found

    baseline = len(sys._current_frames())
    sim = lab()
    with sim:
        during = sim.run(main)
    if sim.kernel.carrier.name == "greenlet":
        assert during == baseline
    assert len(sys._current_frames()) == baseline
