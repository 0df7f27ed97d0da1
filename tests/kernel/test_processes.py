"""`multiprocessing` in a world: what a child has of its own, and what becomes of it when its host or its world ends."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import signal
import threading
import time
import weakref
from multiprocessing import managers, shared_memory
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import FenceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVICE = """
import multiprocessing, os, time

context = multiprocessing.get_context("METHOD")
bodies_run = multiprocessing.Value("i", 0)
RUN = True
settings = {"colour": "none"}
jobs = context.Queue()
lock = context.Lock()


class Job:
    made = 0

    def __init__(self, number):
        self.number = number


def stop(conn):
    global RUN
    RUN = False
    conn.send(RUN)


def look(conn):
    conn.recv()
    conn.send((RUN, settings["colour"], jobs is queue_of_module(), isinstance(conn.recv(), Job)))


def queue_of_module():
    return jobs


def main():
    settings["colour"] = "red"
    found = []
    pairs = [context.Pipe() for _ in range(2)]
    first = context.Process(target=stop, args=(pairs[0][1],))
    second = context.Process(target=look, args=(pairs[1][1],))
    first.start()
    second.start()
    found.append(pairs[0][0].recv())
    pairs[1][0].send("go")
    pairs[1][0].send(Job(1))
    found.append(pairs[1][0].recv())
    first.join()
    second.join()
    return [*found, RUN]


def take(conn):
    with lock:
        conn.send(jobs.get())


def through_globals():
    ours, theirs = context.Pipe()
    child = context.Process(target=take, args=(theirs,))
    child.start()
    jobs.put("job")
    found = ours.recv()
    child.join()
    return found
"""


def _service(lab: Any, tmp_path: Path, method: str, function: str) -> Any:
    (tmp_path / "service.py").write_text(SERVICE.replace("METHOD", method))
    process = lab.boot("shop/0", [tmp_path], ["service"])
    return lab.wait(lab.start(process, lambda: getattr(importlib.import_module("service"), function)()))


@pytest.mark.parametrize(("method", "colour"), [("fork", "red"), ("spawn", "none")])
def test_children_have_modules_of_their_own(
    lab: Callable[..., Any], tmp_path: Path, method: str, colour: str
) -> None:
    """A flag that one child clears stays set in its brother and parent; a fork brings plain data along."""
    with lab() as sim:
        found = _service(sim, tmp_path, method, "main")
    assert found == [False, (True, colour, True, True), True]


def test_a_fork_takes_queues_and_locks_of_modules_along(lab: Callable[..., Any], tmp_path: Path) -> None:
    """What a private module made at import is one queue and one lock for parent and forked child."""
    with lab() as sim:
        assert _service(sim, tmp_path, "fork", "through_globals") == "job"


def _sleep(conn: Any) -> None:
    conn.send(os.getpid())
    time.sleep(100)


def _family(conn: Any) -> None:
    for _ in range(2):
        multiprocessing.Process(target=_middle, args=(conn,)).start()
    time.sleep(100)


def _middle(conn: Any) -> None:
    multiprocessing.Process(target=_sleep, args=(conn,)).start()
    conn.send(os.getpid())
    time.sleep(100)


@pytest.mark.parametrize("end", ["crash", "os._exit", "parent alone"])
def test_a_hosts_end_takes_its_children_along(lab: Callable[..., Any], end: str) -> None:
    """With a host's first process all others die; the end of any other leaves its own children alive."""

    def main() -> None:
        ours, theirs = multiprocessing.Pipe()
        multiprocessing.Process(target=_family, args=(theirs,)).start()
        found.extend(ours.recv() for _ in range(4))
        if end == "os._exit":
            os._exit(3)
        time.sleep(1000)

    found: list[int] = []
    with lab() as sim:
        first = sim.boot("shop/0")
        sim.start(first, main)
        sim.kernel.sleep(10**9)
        children = list(first.descendants())
        assert len(children) == 5
        if end == "crash":
            sim.kernel.kill(first, -9)
        elif end == "parent alone":
            sim.kernel.kill(children[0], -9)
        sim.kernel.sleep(10**9)
        if end == "parent alone":
            assert [child.dead for child in children] == [True, False, False, False, False]
        else:
            assert [child.exit_code for child in children] == [-9] * 5
        assert sorted(found) == sorted(child.pid for child in children[1:])


def test_the_tests_own_children_are_simulated(lab: Callable[..., Any]) -> None:
    """A process that the test starts lives on virtual time and gets the signals that the test sends it."""
    with lab() as sim:
        begun = sim.kernel.now
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.Process(target=_sleep, args=(theirs,))
        child.start()
        pid = ours.recv()
        assert pid == child.pid != os.getpid()
        child.join(50)
        assert sim.kernel.now - begun == 50 * 10**9
        os.kill(pid, signal.SIGTERM)
        child.join()
        assert child.exitcode == -signal.SIGTERM
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def _fail() -> None:
    msg = "on purpose"
    raise LookupError(msg)


def test_a_childs_error_is_printed_and_noted(
    lab: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The traceback goes to stderr under the child's name, and the world knows of an error that nobody handled."""

    def main() -> int | None:
        child = multiprocessing.Process(target=_fail, name="worker-7")
        child.start()
        child.join()
        return child.exitcode

    with lab() as sim:
        assert sim.run(main, host="shop/0") == 1
        (host, where, error) = sim.unhandled[0]
    assert (host, where, str(error)) == ("shop/0", "process worker-7", "on purpose")
    printed = capsys.readouterr().err
    assert printed.startswith("Process worker-7:\nTraceback (most recent call last):\n")
    assert printed.endswith("LookupError: on purpose\n")


def test_sigchld_reaches_a_parent_that_wants_it(lab: Callable[..., Any]) -> None:
    """A handler of SIGCHLD runs in the parent when a child has ended."""
    seen = []

    def main() -> None:
        signal.signal(signal.SIGCHLD, lambda number, _: seen.append(number))
        multiprocessing.Process(target=os.getpid).start()
        time.sleep(1)

    with lab() as sim:
        sim.run(main, host="shop/0")
    assert seen == [signal.SIGCHLD]


def test_a_dying_child_sends_nothing_more(lab: Callable[..., Any]) -> None:
    """What a killed child does in `except BaseException` and `finally` reaches neither pipe nor semaphore."""

    def die(conn: Any, semaphore: Any) -> None:
        try:
            conn.send("alive")
            time.sleep(100)
        except BaseException:
            semaphore.release()
            conn.send("dead")
            raise
        finally:
            semaphore.acquire(block=False)
            conn.send("still dead")

    def main() -> list[Any]:
        ours, theirs = multiprocessing.Pipe()
        semaphore = multiprocessing.Semaphore(1)
        child = multiprocessing.Process(target=die, args=(theirs, semaphore))
        child.start()
        theirs.close()
        found = [ours.recv()]
        child.kill()
        child.join()
        time.sleep(1)
        return [*found, ours.poll(), ours.closed, semaphore.get_value()]

    with lab() as sim:
        found = sim.run(main, host="shop/0")
    # The end of file is what can be read.
    assert found == ["alive", True, False, 1]


def _serve(conn: Any) -> None:
    for _ in range(20):
        time.sleep(0.01)
        conn.send(threading.get_ident())


def _busy() -> list[int]:
    ours, theirs = multiprocessing.Pipe()
    children = [multiprocessing.Process(target=_serve, args=(theirs,)) for _ in range(4)]
    for child in children:
        child.start()
    found = [ours.recv() for _ in range(80)]
    for child in children:
        child.join()
    return found


def test_the_same_seed_runs_children_in_the_same_order() -> None:
    """Order, identities and numbers of children are equal on both carriers, and others with another seed."""
    from tests.kernel.conftest import Lab

    runs = []
    for carrier, seed in (("greenlet", 7), ("thread", 7), ("greenlet", 7), ("greenlet", 8)):
        with Lab(carrier, seed) as sim:
            runs.append((sim.run(_busy, host="shop/0"), [*sim.switches]))
    assert runs[0] == runs[1] == runs[2]
    assert runs[0] != runs[3]


def test_children_leave_no_world_behind(lab: Callable[..., Any]) -> None:
    """Worlds whose children lived, died, or were cut off are freed when they have closed."""

    def main() -> None:
        queue: Any = multiprocessing.Queue()
        value: Any = multiprocessing.Value("i", 0)
        ours, theirs = multiprocessing.Pipe()
        for target in (os.getpid, time.time):
            multiprocessing.Process(target=target).start()
        multiprocessing.Process(target=_sleep, args=(theirs,)).start()
        ours.recv()
        queue.put(value.value)
        assert queue.get() == 0
        time.sleep(1000)

    def one() -> Any:
        with lab() as sim:
            sim.start(sim.boot("shop/0"), main)
            sim.kernel.sleep(10**9)
            return weakref.ref(sim.kernel)

    dead = [one() for _ in range(3)]
    gc.collect()
    assert [reference() for reference in dead] == [None, None, None]


def test_a_lock_made_in_a_world_works_after_it(lab: Callable[..., Any]) -> None:
    """A library that was imported in a world keeps its locks: outside they are real ones."""
    with lab() as sim:
        kept = sim.run(multiprocessing.get_context("fork").RLock, host="shop/0")
    with kept:
        assert kept.acquire(block=False)
        kept.release()
    with pytest.raises(AssertionError, match="not owned by thread"):
        kept.release()


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: multiprocessing.Manager(), "BaseManager.start"),
        (lambda: managers.BaseManager(("127.0.0.1", 5000)).connect(), "BaseManager.connect"),
        (lambda: shared_memory.SharedMemory(create=True, size=10), "SharedMemory"),
    ],
)
def test_what_is_not_simulated_is_refused(
    lab: Callable[..., Any], call: Callable[[], Any], named: str
) -> None:
    """Managers and shared memory by name raise at the call, and say what would do instead."""
    with lab() as sim, pytest.raises(FenceError, match=rf"shop/0 uses .*{named}") as failure:
        sim.run(call, host="shop/0")
    assert "Queue, Pipe, Value or Array" in str(failure.value)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_real_processes_are_back_after_the_world(lab: Callable[..., Any], method: str) -> None:
    """Contexts, pipes and semaphores are the real ones once more."""
    with lab() as sim:
        sim.run(_busy, host="shop/0")
    context = multiprocessing.get_context(method)
    reader, writer = context.Pipe(duplex=False)
    writer.send("real")
    assert (reader.recv(), reader.fileno() < 10_000) == ("real", True)
    assert type(context.Lock()._semlock).__module__ == "_multiprocessing"  # type: ignore[attr-defined]
