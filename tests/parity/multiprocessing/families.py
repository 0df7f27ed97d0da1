"""What a child has of its parent, and the parent of its children."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing import active_children, current_process, parent_process
from typing import Any

from tests.parity.multiprocessing.errors import error_of

SHORT_S = 0.05
LONG_S = 60


def _tell_names(conn: Any) -> None:
    me, parent = current_process(), parent_process()
    assert parent is not None
    conn.send(
        (
            me.name,
            me.daemon,
            me.pid == os.getpid(),
            me.is_alive(),
            me._identity,
            parent.name,
            parent.pid == os.getppid(),
            parent.is_alive(),
            threading.current_thread().name,
            threading.active_count() >= 1,
            len(active_children()),
        )
    )


class Counting:
    """What crosses by value."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, conn: Any) -> None:
        """Add one in the child only."""
        self.count += 1
        conn.send(self.count)


def names(ctx: Any) -> Any:
    """A child has a name, a number, a parent and nobody else's children; what it changes is its own."""
    ours, theirs = ctx.Pipe()
    found: list[Any] = [current_process().name, parent_process()]
    for number in range(2):
        child = ctx.Process(target=_tell_names, args=(theirs,), daemon=bool(number))
        child.start()
        found.append(ours.recv())
        child.join()
    counting = Counting()
    child = ctx.Process(target=counting.add, args=(theirs,))
    child.start()
    found += [ours.recv(), counting.count]
    child.join()
    return [str(item).replace(child.name, "NAME") for item in found[:2]] + [
        found[2][1:4],
        found[2][5:],
        found[3][5:],
        found[2][0] != found[3][0],
        found[4:],
    ]


def _nest(conn: Any) -> None:
    conn.send(error_of(lambda: active_children()))
    conn.send(current_process()._identity[1:])
    conn.send(_start_another(conn))


def _start_another(conn: Any) -> str:
    from multiprocessing import Process

    child = Process(target=_nest_again, args=(conn,))
    try:
        child.start()
    except AssertionError as error:
        return str(error)
    child.join()
    return f"ended with {child.exitcode}"


def _nest_again(conn: Any) -> None:
    conn.send(current_process()._identity[1:])


def families(ctx: Any) -> Any:
    """A child may have children, unless it is a daemon."""
    found = []
    for daemon, messages in ((False, 4), (True, 3)):
        ours, theirs = ctx.Pipe()
        child = ctx.Process(target=_nest, args=(theirs,), daemon=daemon)
        child.start()
        found.append([ours.recv() for _ in range(messages)])
        child.join()
    return found


def _sleep(conn: Any) -> None:
    conn.send(os.getpid())
    time.sleep(LONG_S)


def _leave_daemon(conn: Any) -> None:
    from multiprocessing import Pipe, Process

    ours, theirs = Pipe()
    for daemon, target in ((True, _sleep), (False, _send_late)):
        Process(target=target, args=(theirs,), daemon=daemon).start()
        ours.recv()
    conn.send("left")


def _send_late(conn: Any) -> None:
    conn.send("begun")
    time.sleep(SHORT_S)


def daemons(ctx: Any) -> Any:
    """At the orderly end of a parent daemons are terminated and the others awaited."""
    ours, theirs = ctx.Pipe()
    parent = ctx.Process(target=_leave_daemon, args=(theirs,))
    parent.start()
    theirs.close()
    found = [ours.recv()]
    parent.join()
    # The grandchildren held the other end too: both are gone when it ends.
    found.append(error_of(ours.recv))
    return [*found, parent.exitcode]


def _sub(ctx: Any) -> Any:
    return SUBCLASSES[ctx.get_start_method()]


def subclass(ctx: Any) -> Any:
    """A subclass with its own `run` and attributes crosses whole."""
    ours, theirs = ctx.Pipe()
    child = _sub(ctx)(theirs, 20)
    child.start()
    found = ours.recv()
    child.join()
    return [found, child.exitcode, child.number]


def _subclass_of(method: str) -> Any:
    context: Any = multiprocessing.get_context(method)
    kind = context.Process

    class Counter(kind):  # type: ignore[misc, valid-type]
        def __init__(self, conn: Any, number: int) -> None:
            super().__init__(name=f"counter-{number}")
            self.conn = conn
            self.number = number

        def run(self) -> None:
            self.number += 1
            self.conn.send((self.name, self.number))

    Counter.__qualname__ = Counter.__name__ = f"Counter_{method}"
    return Counter


Counter_fork = _subclass_of("fork")
Counter_spawn = _subclass_of("spawn")
SUBCLASSES = {"fork": Counter_fork, "spawn": Counter_spawn}


def unpicklable(ctx: Any) -> Any:
    """A closure crosses a fork; a spawn refuses it in `start`."""
    ours, theirs = ctx.Pipe()
    seen = 41

    def inner() -> None:
        theirs.send(seen + 1)

    child = ctx.Process(target=inner)
    try:
        child.start()
    except (AttributeError, TypeError) as error:
        return [type(error).__name__, "local object" in str(error), child.exitcode, child.pid]
    child.join()
    return [ours.recv(), child.exitcode]


def _surroundings(conn: Any) -> None:
    conn.send((os.environ["MESH_SEEN"], os.getcwd(), sys.argv[0]))
    os.environ["MESH_SEEN"] = "child"
    os.chdir("/")
    sys.argv[0] = "child"


def surroundings(ctx: Any) -> Any:
    """A child begins with its parent's variables, directory and arguments, and changes its own."""
    os.environ["MESH_SEEN"] = "parent"
    ours, theirs = ctx.Pipe()
    child = ctx.Process(target=_surroundings, args=(theirs,))
    child.start()
    seen = ours.recv()
    child.join()
    return [seen == (os.environ["MESH_SEEN"], os.getcwd(), sys.argv[0]), os.environ.pop("MESH_SEEN")]


def _signals(conn: Any) -> None:
    handler = signal.getsignal(signal.SIGUSR1)
    conn.send(handler in {signal.SIG_DFL, signal.SIG_IGN})
    signal.signal(signal.SIGUSR1, _note)
    os.kill(os.getpid(), signal.SIGUSR1)
    conn.send(NOTED)


NOTED: list[int] = []


def _note(number: int, _: Any) -> None:
    NOTED.append(number)


def signals(ctx: Any) -> Any:
    """A child's signals are its own; a fork inherits the handlers, a spawn does not."""
    before = signal.signal(signal.SIGUSR1, _note)
    try:
        ours, theirs = ctx.Pipe()
        child = ctx.Process(target=_signals, args=(theirs,))
        child.start()
        found = [ours.recv(), ours.recv()]
        child.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    return [*found, child.exitcode]


def _register(conn: Any) -> None:
    atexit.register(conn.send, "exit function")
    threading.Thread(target=lambda: (time.sleep(SHORT_S), conn.send("thread"))).start()
    conn.send("main")


def exit_functions(ctx: Any) -> Any:
    """Threads of a child are awaited; then its exit functions run, where the start method runs them."""
    ours, theirs = ctx.Pipe()
    child = ctx.Process(target=_register, args=(theirs,))
    child.start()
    theirs.close()
    found = [ours.recv(), ours.recv(), error_of(ours.recv)]
    child.join()
    return [*found, child.exitcode]
