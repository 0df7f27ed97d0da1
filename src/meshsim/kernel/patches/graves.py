"""What dead processes left pending on their event loops, closed once their world has ended."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from meshsim.kernel.patches.asyncio import MeshTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from meshsim.kernel.process import Process

# Tables by loop whose values lead back to the loop, so that no entry ever goes away by itself.
LOOP_TABLES = (
    ("anyio.lowlevel", "_run_vars"),
    ("anyio._core._eventloop", "_run_vars"),
    ("anyio._lowlevel", "_run_vars"),
)


def bury(processes: Iterable[Process], grave: Callable[[Process], None]) -> None:
    """Close what dead processes left pending on their loops; called once when a world has ended.

    Libraries keep tables by loop (anyio's run variables do), and a pending task in one holds all of its world.

    Args:
        processes: the dead.
        grave: makes the calling flow one of a dead process, so that whatever a `finally` does is inert.
    """
    for process in processes:
        loops = process.tables.get("loops")
        if not loops:
            continue
        grave(process)
        for module, name in LOOP_TABLES:
            table: Any = getattr(sys.modules.get(module), name, None)
            for loop in loops if table is not None else ():
                table.pop(loop, None)
        pending = [task for loop in loops for task in asyncio.all_tasks(loop) if isinstance(task, MeshTask)]
        for task in sorted(pending, key=hash):
            coroutine = task.get_coro()
            try:
                coroutine.close()
            except BaseException:  # noqa: BLE001, S112 - the last words of a dead process reach nobody
                continue
