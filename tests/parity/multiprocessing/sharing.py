"""Locks and memory that processes share."""

from __future__ import annotations

import time
from typing import Any

from tests.parity.multiprocessing.errors import error_of

SHORT_S = 0.05
LONG_S = 60


def _add(lock: Any, value: Any, times: int) -> None:
    for _ in range(times):
        with lock:
            seen = value.value
            time.sleep(0)
            value.value = seen + 1


def locks(ctx: Any) -> Any:
    """Locks exclude across processes, count, time out, and refuse what is not theirs to give."""
    lock, value = ctx.Lock(), ctx.Value("i", 0, lock=False)
    children = [ctx.Process(target=_add, args=(lock, value, 20)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    found: list[Any] = [value.value, lock.acquire(), lock.acquire(timeout=SHORT_S), lock.acquire(block=False)]
    lock.release()
    found.append(error_of(lock.release))
    again = ctx.RLock()
    found += [again.acquire(), again.acquire(), again.release(), again.release(), error_of(again.release)]
    counted = ctx.Semaphore(2)
    found += [counted.acquire(), counted.acquire(), counted.acquire(False), counted.get_value()]
    counted.release()
    counted.release()
    counted.release()
    found.append(counted.get_value())
    bounded = ctx.BoundedSemaphore(1)
    found += [bounded.acquire(), bounded.release(), error_of(bounded.release)]
    found += [repr(lock), repr(counted), repr(bounded)]
    with lock, again:
        found += [repr(lock), repr(again)]
    return found


def _hold(lock: Any, conn: Any) -> None:
    lock.acquire()
    conn.send("held")
    time.sleep(LONG_S)


def held_by_the_dead(ctx: Any) -> Any:
    """What a killed process held stays taken."""
    lock = ctx.Lock()
    ours, theirs = ctx.Pipe()
    child = ctx.Process(target=_hold, args=(lock, theirs))
    child.start()
    found = [ours.recv(), repr(lock)]
    child.kill()
    child.join()
    return [*found, lock.acquire(timeout=SHORT_S)]


def _meet(barrier: Any, results: Any) -> None:
    results.put(barrier.wait())


def _await_condition(condition: Any, ready: Any, value: Any, results: Any) -> None:
    with condition:
        ready.release()
        results.put(condition.wait_for(lambda: value.value == 7))


def meeting(ctx: Any) -> Any:
    """Events, conditions and barriers let processes wait for each other."""
    results = ctx.SimpleQueue()
    barrier = ctx.Barrier(3)
    children = [ctx.Process(target=_meet, args=(barrier, results)) for _ in range(3)]
    for child in children:
        child.start()
    found: list[Any] = [sorted(results.get() for _ in children), barrier.n_waiting, barrier.broken]
    for child in children:
        child.join()
    condition, ready, value = ctx.Condition(), ctx.Semaphore(0), ctx.Value("i", 0)
    children = [
        ctx.Process(target=_await_condition, args=(condition, ready, value, results)) for _ in range(2)
    ]
    for child in children:
        child.start()
    for _ in children:
        ready.acquire()
    with condition:
        condition.notify_all()
    with condition:
        value.value = 7
        condition.notify_all()
    found.append([results.get() for _ in children])
    for child in children:
        child.join()
    event = ctx.Event()
    found += [event.is_set(), event.wait(SHORT_S), event.set(), event.wait(), event.clear(), event.is_set()]
    with condition:
        found.append(condition.wait(SHORT_S))
    found += [error_of(condition.wait), error_of(condition.notify)]
    return found


def _change(value: Any, array: Any, raw: Any) -> None:
    with value.get_lock():
        value.value *= 2
    for index in range(len(array)):
        array[index] += index
    raw[0] = b"z"


def memory(ctx: Any) -> Any:
    """Values and arrays are one memory for parent and child."""
    value, array, raw = ctx.Value("d", 1.5), ctx.Array("i", [1, 2, 3]), ctx.RawArray("c", b"abc")
    child = ctx.Process(target=_change, args=(value, array, raw))
    child.start()
    child.join()
    plain = ctx.Value("h", 3, lock=False)
    plain.value += 1
    return [value.value, array[:], raw.value, plain.value, len(array), error_of(lambda: array.__getitem__(9))]
