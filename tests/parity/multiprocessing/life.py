"""How processes begin and end."""

from __future__ import annotations

import os
import signal
import sys
import time
from multiprocessing import active_children
from multiprocessing.connection import wait
from typing import Any

from tests.parity.multiprocessing.errors import error_of

SHORT_S = 0.05
LONG_S = 60


def _end(how: str, conn: Any) -> None:
    if how == "handler":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
    conn.send("ready")
    if how == "raise":
        raise ValueError(how)
    if how == "os._exit":
        os._exit(9)
    if how.startswith("exit "):
        sys.exit({"exit none": None, "exit 3": 3, "exit text": "text", "exit true": True}[how])
    if how in {"terminate", "kill", "handler", "ignore", "os.kill"}:
        if how == "ignore":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            conn.send("ignores")
        time.sleep(LONG_S)


ENDS = (
    "return",
    "raise",
    "exit none",
    "exit 3",
    "os._exit",
    "terminate",
    "kill",
    "handler",
    "ignore",
    "os.kill",
    "exit true",
)


def exit_codes(ctx: Any) -> Any:
    """How a child ends is what its parent reads."""
    found = {}
    for how in ENDS:
        ours, theirs = ctx.Pipe()
        child = ctx.Process(target=_end, args=(how, theirs))
        before = child.exitcode
        child.start()
        ours.recv()
        if how in {"terminate", "handler"}:
            child.terminate()
        elif how == "kill":
            child.kill()
        elif how == "os.kill":
            os.kill(child.pid, signal.SIGUSR1)
        elif how == "ignore":
            ours.recv()
            child.terminate()
            child.join(SHORT_S)
            found["ignored"] = child.is_alive()
            child.kill()
        child.join()
        found[how] = (before, child.exitcode, child.is_alive())
    return found


def _wait_for(event: Any) -> None:
    event.wait()


def life(ctx: Any) -> Any:
    """A process object says of each moment of its life what the real one says."""
    event = ctx.Event()
    child = ctx.Process(target=_wait_for, args=(event,), name="mine", daemon=True)
    found: list[Any] = [
        child.name,
        child.daemon,
        child.pid,
        child.ident,
        child.exitcode,
        child.is_alive(),
        error_of(lambda: child.sentinel),
        error_of(lambda: child.join()),
    ]
    child.start()
    found += [
        child.is_alive(),
        child.exitcode,
        child.pid == child.ident,
        isinstance(child.pid, int),
        child in active_children(),
        error_of(child.start),
        error_of(child.close),
        error_of(lambda: setattr(child, "daemon", False)),
        child.join(SHORT_S),
        wait([child.sentinel], 0),
        repr(child).replace(str(child.pid), "PID").replace(str(os.getpid()), "PARENT"),
    ]
    event.set()
    child.join()
    found += [wait([child.sentinel]) == [child.sentinel], child.exitcode, active_children()]
    found.append(repr(child).replace(str(child.pid), "PID").replace(str(os.getpid()), "PARENT"))
    child.close()
    found += [error_of(child.is_alive), error_of(lambda: child.exitcode), error_of(child.join)]
    found.append(child.close())
    return found
