"""After a world closes, every name in every module and class is the object that it was before."""

from __future__ import annotations

import asyncio
import gc
import os
import queue
import random
import signal
import sys
import threading
import time
import types
import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Counters and caches that libraries move by themselves, world or not: their values may change, not their kind.
# The last two are the clock of the collector that Hypothesis keeps from its first test on.
MOVING = frozenset(
    {
        "asyncio.tasks._scheduled_tasks",
        "uuid._last_timestamp",
        "hypothesis.internal.conjecture.junkdrawer._gc_start",
        "hypothesis.internal.conjecture.junkdrawer._gc_cumulative_time",
    }
)


def _of_function(name: str, function: Any) -> Iterator[tuple[str, Any]]:
    yield f"{name}.__defaults__", function.__defaults__
    for key, value in (function.__kwdefaults__ or {}).items():
        yield f"{name}.__kwdefaults__.{key}", value
    for index, cell in enumerate(function.__closure__ or ()):
        try:
            yield f"{name}.__closure__.{index}", cell.cell_contents
        except ValueError:
            continue


def _everything() -> dict[str, Any]:
    """Return each attribute of each module and class, and what functions keep, by name."""
    found: dict[str, Any] = {}
    for module_name, module in list(sys.modules.items()):
        if type(module) is not types.ModuleType or module_name.startswith(("tests.", "meshsim")):
            continue
        for key, value in list(vars(module).items()):
            name = f"{module_name}.{key}"
            found[name] = value
            if type(value) is types.FunctionType:
                found.update(_of_function(name, value))
            elif issubclass(type(value), type) and value.__module__ == module_name:
                for attribute, inner in list(vars(value).items()):
                    if attribute not in ("__doc__", "_abc_impl"):
                        found[f"{name}.{attribute}"] = inner
                    if type(inner) is types.FunctionType:
                        found.update(_of_function(f"{name}.{attribute}", inner))
    return found


def _state() -> dict[str, Any]:
    """Return what of the process is no attribute of a module."""
    return {
        "cwd": os.getcwd(),
        "environ": dict(os.environ),
        "argv": sys.argv,
        "argv, in full": [*sys.argv],
        "path": sys.path,
        "path, in full": [*sys.path],
        "meta_path": [id(finder) for finder in sys.meta_path],
        "threads": [thread.ident for thread in threading.enumerate()],
        "main thread": threading.main_thread().ident == threading.get_ident(),
        "SIGALRM": signal.getsignal(signal.SIGALRM),
        "SIGINT": signal.getsignal(signal.SIGINT),
        "SIGTERM": signal.getsignal(signal.SIGTERM),
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "gc": (gc.isenabled(), gc.get_freeze_count(), gc.get_threshold()),
        "excepthooks": (sys.excepthook, threading.excepthook, sys.unraisablehook),
        "modules that went": 0,
    }


def _busy_main() -> None:
    """Use something of every boundary."""
    os.environ["MADE_INSIDE"] = "1"
    os.chdir("/")
    sys.argv.append("inside")
    sys.path.append("/inside")
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.alarm(100)
    threads = [threading.Thread(target=time.sleep, args=(1,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    waits: queue.Queue[int] = queue.Queue()
    with pytest.raises(queue.Empty):
        waits.get(timeout=0.1)

    async def program() -> None:
        await asyncio.gather(*[asyncio.sleep(0.1) for _ in range(3)])
        await asyncio.to_thread(time.sleep, 0.1)

    asyncio.run(program())
    random.seed(4)
    uuid.uuid1()
    threading.Thread(target=time.sleep, args=(10_000,), daemon=True).start()
    time.sleep(10_000)


@pytest.mark.parametrize("ending", ["in order", "crashed half way", "a failing test"])
def test_every_name_is_the_original_object_after_a_world(lab: Callable[..., Any], ending: str) -> None:
    """A walk over all modules, classes, defaults and closures finds by identity what was there before."""
    with lab() as sim:  # whatever is imported lazily by the first world is imported now
        sim.run(time.monotonic)
    before, state = _everything(), _state()
    try:
        with lab() as sim:
            process = sim.boot()
            task = sim.start(process, _busy_main)
            if ending == "in order":
                sim.wait(task)
            else:
                sim.kernel.sleep(10**9 // 2)
            if ending == "a failing test":
                pytest.fail("as a test does")
    except pytest.fail.Exception:
        assert ending == "a failing test"
    after = _everything()
    changed = sorted(
        name for name, value in before.items() if name not in MOVING and after.get(name, None) is not value
    )
    assert [name for name in changed if not _equal_data(before[name], after.get(name))] == []
    assert sorted(name for name in after if name not in before and not _is_import(name)) == []
    assert _state() == state


def _equal_data(one: object, other: object) -> bool:
    """Whether two values are plain equal data: a counter that was set back, a tuple built again."""
    return type(one) is type(other) and isinstance(one, (int, str, float, tuple, frozenset)) and one == other


def _is_import(name: str) -> bool:
    """Whether a new name is a module that the world imported, or of one, or its name in its parent."""
    parts = name.split(".")
    return (
        any(".".join(parts[:count]) in sys.modules for count in range(2, len(parts) + 1))
        or parts[0] not in before_modules
    )


before_modules = frozenset(name.partition(".")[0] for name in sys.modules)
