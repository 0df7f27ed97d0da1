"""Locks that were made before the world: exchanged for its lifetime, and put back."""

from __future__ import annotations

import _thread
import collections
import concurrent.futures
import dataclasses
import gc
import queue
import sys
import threading
import time
import types
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.kernel import simulation

if TYPE_CHECKING:
    from collections.abc import Callable

# As it was before any world: what a thread of the test runner's uses.
_thread_before = types.SimpleNamespace(**vars(_thread))
REAL = (type(_thread.allocate_lock()), type(_thread.RLock()))
LOCK = threading.Lock()
RLOCK = threading.RLock()
CONDITION = threading.Condition()
EVENT = threading.Event()
BY_NAME = {"one": threading.Lock()}
BY_NUMBER = {1: threading.Lock()}
ORDERED = collections.OrderedDict(one=threading.RLock())
LISTED = [threading.Lock()]
QUEUED = collections.deque([threading.Lock()])
FACTORY: collections.defaultdict[str, Any] = collections.defaultdict(threading.Lock)


class Holder:
    """A class with a lock, and instances with locks."""

    lock = threading.Lock()

    def __init__(self) -> None:
        self.own = threading.Lock()


class Slotted:
    """An instance without a dictionary."""

    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.RLock()


@dataclasses.dataclass
class Record:
    """A class that makes a lock for each instance through a bound factory."""

    lock: Any = dataclasses.field(default_factory=threading.Lock)


HOLDER = Holder()
SLOTTED = Slotted()


def _closure() -> Callable[[], Any]:
    lock = threading.Lock()
    return lambda: lock


CLOSURE = _closure()


def _default(lock: Any = threading.RLock()) -> Any:  # noqa: B008 - a lock made at import is what is tested
    return lock


PLACES: dict[str, Callable[[], Any]] = {
    "a module": lambda: LOCK,
    "a module, RLock": lambda: RLOCK,
    "a class": lambda: Holder.lock,
    "an instance": lambda: HOLDER.own,
    "a slot": lambda: SLOTTED.lock,
    "a closure": lambda: CLOSURE(),
    "a default argument": lambda: _default(),
    "a dict": lambda: BY_NAME["one"],
    "a dict by number": lambda: BY_NUMBER[1],
    "an ordered dict": lambda: ORDERED["one"],
    "a list": lambda: LISTED[0],
    "a deque": lambda: QUEUED[0],
    "a factory": lambda: FACTORY["one"],
    "a dataclass": lambda: _record().lock,
}
_records: list[Record] = []


def _record() -> Record:
    if not _records:
        _records.append(Record())
    return _records[0]


@pytest.mark.parametrize("place", list(PLACES))
def test_a_contended_old_lock_excludes_and_parks(lab: Callable[..., Any], place: str) -> None:
    """Tasks that hold a lock of before across a sleep follow each other, and the process does not freeze."""
    _records.clear()
    FACTORY.clear()
    inside = 0
    most = 0

    def flow() -> None:
        nonlocal inside, most
        with PLACES[place]():
            inside += 1
            most = max(most, inside)
            time.sleep(1)
            inside -= 1

    with lab(watchdog_s=2) as sim:
        process = sim.boot()
        sim.wait(*[sim.start(process, flow) for _ in range(3)])
        assert sim.kernel.now >= 3 * 10**9
    assert most == 1
    if place not in ("a factory", "a dataclass"):
        assert isinstance(PLACES[place](), REAL), "the real lock is back"


def test_old_conditions_and_events_park(lab: Callable[..., Any]) -> None:
    """A Condition and an Event of before wake their waiters in virtual time."""
    log: list[tuple[str, float]] = []

    def waits() -> None:
        with CONDITION:
            CONDITION.wait(timeout=10)
        log.append(("condition", time.monotonic()))
        EVENT.wait(timeout=10)
        log.append(("event", time.monotonic()))

    def tells() -> None:
        time.sleep(1)
        with CONDITION:
            CONDITION.notify()
        time.sleep(1)
        EVENT.set()

    with lab(watchdog_s=2) as sim:
        process = sim.boot()
        begin = 10_000.0
        sim.wait(sim.start(process, waits), sim.start(process, tells))
    EVENT.clear()
    assert [(what, pytest.approx(when - begin)) for what, when in log] == [("condition", 1.0), ("event", 2.0)]  # type: ignore[comparison-overlap]
    assert CONDITION.acquire(blocking=False)
    CONDITION.release()


def test_an_old_lock_that_a_killed_task_held_is_free_in_the_next_world(lab: Callable[..., Any]) -> None:
    """A lock of before that was never released inside one world does not block the next one, nor the test."""

    def takes() -> bool:
        taken = LOCK.acquire(timeout=1)
        threading.Event().wait(10)
        return taken

    for _ in range(2):
        with lab(watchdog_s=2) as sim:
            assert sim.run(takes) is True
    assert LOCK.acquire(blocking=False)
    LOCK.release()


def test_a_pool_and_a_queue_of_before_work_on_tasks(lab: Callable[..., Any]) -> None:
    """A pool with idle real threads runs a world's jobs on tasks, in virtual time, and is itself again after it."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        shared: queue.SimpleQueue[str] = queue.SimpleQueue()
        holder: dict[str, Any] = {"queue": shared, "pool": pool}
        outside = pool.submit(threading.get_ident).result()
        shared.put("from before")

        def main() -> tuple[list[int], float, str]:
            begin = time.monotonic()
            done = list(holder["pool"].map(lambda number: time.sleep(10) or number, range(4)))
            got = holder["queue"].get(timeout=1)
            holder["queue"].put("from inside")
            return done, time.monotonic() - begin, got

        for turn in range(2):
            with lab(watchdog_s=2) as sim:
                assert sim.run(main)[:2] == ([0, 1, 2, 3], pytest.approx(20))
            assert holder["queue"] is shared
            assert shared.get_nowait() == "from inside"
            shared.put("from before")
            assert pool.submit(threading.get_ident).result(timeout=10) == outside, turn


def test_a_holder_of_a_test_is_not_kept_alive(lab: Callable[..., Any]) -> None:
    """What was found for one world is let go with its test."""
    with lab() as sim:
        sim.run(time.monotonic)

    class Fixture:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.me = [self]

    found = []
    for _ in range(3):
        fixture = Fixture()
        with lab() as sim:
            sim.run(lambda fixture=fixture: fixture.lock.acquire())
        found.append(weakref.ref(fixture))
        del fixture, sim
    gc.collect()
    assert [reference() for reference in found] == [None] * 3


def test_a_look_finds_nothing_that_a_look_before_it_left(
    lab: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often everything is looked at again, after imports, the places are the same."""
    counts = []
    for number in range(4):
        with lab() as sim:
            sim.run(time.monotonic)
        counts.append(len(simulation._adoption._lasting.places))
        name = f"imported_between_{number}"
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    assert counts == [counts[0]] * 4
    assert counts[0] > 10


def test_a_lock_made_between_two_worlds_is_found(lab: Callable[..., Any]) -> None:
    """No import is needed for a lock to be noticed: a fixture of the second test made it."""

    class Shelf:
        def __init__(self) -> None:
            self.lock = threading.RLock()
            self.inside = 0
            self.most = 0

        def use(self) -> None:
            with self.lock:
                self.inside += 1
                self.most = max(self.most, self.inside)
                time.sleep(1)
                self.inside -= 1

    for _ in range(2):
        shelf = Shelf()
        with lab(watchdog_s=2) as sim:
            process = sim.boot()
            sim.wait(*[sim.start(process, shelf.use) for _ in range(3)])
        assert shelf.most == 1
        assert isinstance(shelf.lock, REAL)


def test_a_real_thread_and_a_task_exclude_each_other(lab: Callable[..., Any]) -> None:
    """A task that wants what a thread outside the world holds gets it in the end, and no deadlock is reported."""
    holder = {"lock": threading.Lock()}
    really_sleep = time.sleep
    log: list[str] = []

    def outside() -> None:
        with holder["lock"]:
            log.append("outside")
            really_sleep(0.1)
        log.append("outside, done")

    def inside() -> None:
        with holder["lock"]:
            log.append("inside")

    with lab() as sim:
        kernel = sim.kernel
        thread = _real_thread(outside)
        while not log:
            really_sleep(0.001)
        task = sim.start(sim.boot(), inside)
        task.done_callbacks.append(lambda _: kernel.wake(kernel.driver))
        while not task.done:
            kernel.park()
        thread()
    assert sorted(log) == ["inside", "outside", "outside, done"]
    assert log[0] == "outside"


def _real_thread(target: Callable[[], None]) -> Callable[[], object]:
    """Start a thread that carries no task; returns what waits for its end."""
    ended = _thread_before.allocate_lock()
    ended.acquire()

    def body() -> None:
        try:
            target()
        finally:
            ended.release()

    _thread_before.start_new_thread(body, ())
    return ended.acquire
