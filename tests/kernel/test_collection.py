"""Garbage collection happens at counted steps, so that finalizers act at the same moment in every run."""

from __future__ import annotations

import gc
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.kernel import scheduler

if TYPE_CHECKING:
    from collections.abc import Callable


class Emitter:
    """Part of a cycle; its finalizer acts."""

    def __init__(self, log: list[Any], number: int) -> None:
        self.me = self
        self.log = log
        self.number = number

    def __del__(self) -> None:
        self.log.append((self.number, time.monotonic(), random.random()))


def _program(log: list[Any]) -> None:
    for number in range(400):
        Emitter(log, number)
        time.sleep(0.01)


def test_a_cyclic_finalizer_that_emits_acts_at_the_same_step_in_every_run(
    lab: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four runs after different amounts of garbage agree on when each finalizer ran."""
    monkeypatch.setattr(scheduler, "COLLECT_EVERY_STEPS", 64)
    runs = []
    for turn in range(4):
        # The collector's own counts differ in each run.
        junk = [[object()] for _ in range(turn * 997)]
        with lab() as sim:
            log: list[Any] = []
            sim.run(_program, log)
            # What is still pending goes when the world closes, on the real clock.
            runs.append(log[:])
        assert junk is not None
    assert len(runs[0]) > 300
    assert runs[0] == runs[1] == runs[2] == runs[3]


def test_garbage_of_before_the_world_is_not_collected_in_it(
    lab: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finalizer of something the test left behind does not run at a step of the world."""
    monkeypatch.setattr(scheduler, "COLLECT_EVERY_STEPS", 64)
    log: list[Any] = []
    gc.disable()
    try:
        Emitter(log, 1)
        with lab() as sim:
            # Entering collects it: from then on nothing of before is left to be found.
            before = len(log)
            sim.run(lambda: [time.sleep(0.01) for _ in range(200)])
            assert len(log) == before
    finally:
        gc.enable()


def test_a_finalizer_on_the_hub_cannot_wait(lab: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A finalizer that blocks is cut off without a word, and takes no service's flow with it."""
    monkeypatch.setattr(scheduler, "COLLECT_EVERY_STEPS", 64)
    unraisable: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: unraisable.append(args.exc_type.__name__))
    log: list[str] = []

    class Sleeper:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            log.append("began")
            time.sleep(1)
            log.append("slept")

    def main() -> float:
        Sleeper()
        for _ in range(200):
            time.sleep(0.01)
        return time.monotonic()

    with lab() as sim:
        assert sim.run(main) == pytest.approx(10_002)
    assert log == ["began"]
    assert unraisable == []


def test_the_collector_is_as_it_was_after_a_world(lab: Callable[..., Any]) -> None:
    """Whether it was on or off, and what was frozen."""
    for on in (True, False):
        (gc.enable if on else gc.disable)()
        try:
            with lab() as sim:
                assert not gc.isenabled()
                sim.run(threading.get_ident)
            assert gc.isenabled() is on
            assert gc.get_freeze_count() == 0
        finally:
            gc.enable()
