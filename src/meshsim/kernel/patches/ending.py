"""How a process ends in order: its pools, its threads, its exit functions, as `Py_FinalizeEx` has them."""

from __future__ import annotations

import concurrent.futures.thread as pools
import sys
import threading
from typing import TYPE_CHECKING, Any

from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.patches.threading import Table

if TYPE_CHECKING:
    from meshsim.kernel.process import Process

THREADS = "threading._active"
SHUT_DOWN = "interpreter shutdown"


class ShutDown:
    """Stands for a module's flag that the interpreter is ending, which is another one in each process."""

    def __init__(self, original: bool) -> None:  # noqa: FBT001 - what it stands for
        self._original = original

    def __bool__(self) -> bool:
        task = state.current()
        return self._original if task is None else SHUT_DOWN in task.process.tables


def join_threads(process: Process) -> None:
    """Wait for what the interpreter waits for at its end: idle pools, threads that are no daemons."""
    process.tables[SHUT_DOWN] = True
    executors: Any = sys.modules.get("concurrent.futures.process")
    wakeups = list(executors._threads_wakeups.items()) if executors is not None else []
    for _, wakeup in wakeups:
        wakeup.wakeup()
    for thread, _ in wakeups:
        thread.join()
    workers = list(pools._threads_queues.items())
    for _, queue in workers:
        queue.put(None)
    for thread, _ in workers:
        thread.join()
    main = process.tables.get("main_thread")
    here = threading.current_thread()
    for thread in list(process.tables.get(THREADS, {}).values()):
        if thread is not main and thread is not here and not thread.daemon:
            thread.join()


def patches() -> list[Patch]:
    """Return the patches of `concurrent.futures.thread`."""
    return [Patch(pools, "_shutdown", ShutDown(pools._shutdown))]


def process_pool_patches() -> list[Patch]:
    """Return the patches of `concurrent.futures.process`."""
    import concurrent.futures.process as executors  # noqa: PLC0415 - only where somebody uses it
    from weakref import WeakKeyDictionary  # noqa: PLC0415

    found: Any = executors
    return [
        Patch(found, "_threads_wakeups", Table("process pools", found._threads_wakeups, WeakKeyDictionary)),
        Patch(found, "_global_shutdown", ShutDown(found._global_shutdown)),
    ]
