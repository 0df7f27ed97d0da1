"""What was bound, imported or made in one world works in the next one, and in none."""

from __future__ import annotations

import importlib
import queue
import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIBRARY = """
import os, queue, random, threading, time
from time import sleep, monotonic, perf_counter
from threading import Lock, RLock, get_ident
from queue import SimpleQueue
from random import random as draw
from os import urandom

LOCK = Lock()
RLOCK = RLock()
CONDITION = threading.Condition()
EVENT = threading.Event()
QUEUE = queue.Queue()
SIMPLE = SimpleQueue()
BORN = monotonic()

def default(pause=sleep, *, clock=monotonic):
    begin = clock()
    pause(0.02)
    return clock() - begin

class Worker:
    pause = staticmethod(sleep)
    lock_class = Lock

    def __init__(self):
        self.lock = self.lock_class()

    def work(self):
        with self.lock:
            self.pause(0.02)
            return get_ident()

def closure():
    pause = sleep
    def inner():
        pause(0.02)
    return inner

wait = closure()

def everything():
    with LOCK, RLOCK, RLOCK:
        sleep(0.02)
    with CONDITION:
        CONDITION.wait(timeout=0.02)
    EVENT.wait(timeout=0.02)
    try:
        QUEUE.get(timeout=0.02)
    except queue.Empty:
        pass
    try:
        SIMPLE.get(timeout=0.02)
    except queue.Empty:
        pass
    QUEUE.put(1)
    SIMPLE.put(2)
    wait()
    found = []
    thread = threading.Thread(target=lambda: found.append((QUEUE.get(), SIMPLE.get(), Worker().work())))
    thread.start()
    thread.join()
    return found[0][:2], default(), 0 <= draw() < 1, len(urandom(4))
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A library nobody has imported yet."""
    (tmp_path / "lately_imported.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "lately_imported"
    sys.modules.pop("lately_imported", None)


def test_a_library_first_imported_in_world_one_works_in_world_two_and_in_none(
    lab: Callable[..., Any], library: str
) -> None:
    """Its locks, queues, clocks and defaults are of whichever world is open, and real in none."""
    with lab(watchdog_s=3) as sim:
        first = sim.run(lambda: importlib.import_module(library).everything())
        one = sim.kernel.now
    module = sys.modules[library]
    begin = time.perf_counter()
    outside = module.everything()
    took = time.perf_counter() - begin
    assert 0.15 < took < 2, "real time outside of worlds"
    assert outside[1] == pytest.approx(0.02, abs=0.02)
    with lab(watchdog_s=3) as sim:
        second = sim.run(module.everything)
        two = sim.kernel.now
    assert first == second
    assert (one, first[1]) == (two, pytest.approx(0.02))
    assert first[0] == outside[0] == (1, 2)


def test_what_it_bound_in_the_world_is_original_after_it(lab: Callable[..., Any], library: str) -> None:
    """Globals, class attributes, defaults and closures of a module of world one hold the originals after it."""
    with lab() as sim:
        sim.run(lambda: importlib.import_module(library))
    module: Any = sys.modules[library]
    assert module.sleep is time.sleep
    assert module.Lock is threading.Lock
    assert module.RLock is threading.RLock
    assert module.SimpleQueue is queue.SimpleQueue
    assert module.draw is random.random
    assert module.default.__defaults__ == (time.sleep,)
    assert module.default.__kwdefaults__ == {"clock": time.monotonic}
    assert vars(module.Worker)["pause"].__func__ is time.sleep
    assert module.Worker.lock_class is threading.Lock
    assert module.wait.__closure__[0].cell_contents is time.sleep


def test_a_lock_of_a_dead_world_can_be_used_for_real(lab: Callable[..., Any]) -> None:
    """A lock that a crashed task held is held for ever, one that was free excludes real threads."""
    kept: list[Any] = []

    def main() -> None:
        kept.append(threading.Lock())
        kept.append(threading.RLock())
        kept.append(threading.Condition())

    with lab() as sim:
        sim.run(main)
    for lock in kept:
        order: list[str] = []
        with lock:
            thread = threading.Thread(
                target=lambda lock=lock, order=order: (lock.acquire(), order.append("thread"), lock.release())
            )
            thread.start()
            time.sleep(0.02)
            order.append("main")
        thread.join()
        assert order == ["main", "thread"]


def test_two_worlds_at_once_are_refused_and_the_first_goes_on(lab: Callable[..., Any]) -> None:
    """Opening a second world inside one says so, and disturbs nothing."""
    from meshsim.errors import UsageError

    with lab() as sim:
        with pytest.raises(UsageError, match="one world at a time"):
            lab().__enter__()
        assert sim.run(lambda: (time.sleep(1), time.monotonic())[1]) == pytest.approx(10_001)


def test_a_world_that_could_not_be_entered_leaves_nothing_patched(
    lab: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A room whose patches fail takes the whole entry back."""
    before = time.sleep, threading.Lock, random.random, list(sys.meta_path)
    sim = lab()

    def broken() -> list[Any]:
        msg = "a broken room"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="a broken room"):
        sim.simulation.enter([("json", broken)])
    assert (time.sleep, threading.Lock, random.random, list(sys.meta_path)) == before
    with lab() as sim:
        assert sim.run(lambda: 1) == 1
