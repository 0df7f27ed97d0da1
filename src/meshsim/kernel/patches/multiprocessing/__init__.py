"""`multiprocessing`: children are processes of the same simulated host.

Everything of the package that is Python stays the real one (`Process`, `Queue`, `Pool`, conditions, barriers). What it
stands on is replaced:

    semaphores.py   `_multiprocessing.SemLock`: what locks, conditions, events and queues are made of
    pipes.py        descriptors under `Connection`, and `connection.wait`
    shared.py       memory under `Value` and `Array`; the fence for shared memory by name and for managers
    family.py       current process, parent, children, finalizers: each process has its own
    crossing.py     how a `Process` crosses to its child: pickle
    launch.py       starts the child
    child.py        what runs in it
"""

from __future__ import annotations

import _multiprocessing  # type: ignore[import-not-found]  # a module of C's without stubs
from multiprocessing import connection, synchronize
from typing import TYPE_CHECKING

from meshsim.kernel.patches.multiprocessing import family, launch, pipes, semaphores, shared
from meshsim.kernel.patches.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    return [
        Patch(_multiprocessing, "SemLock", semaphores.SemLock),
        Patch(synchronize.SemLock, "_make_name", staticmethod(semaphores.make_name)),
        Patch(connection, "Pipe", pipes.make_pipe),
        Patch(connection, "wait", pipes.wait, rebind=True),
        Patch(connection.Connection, "__init__", pipes.init),
        Patch(connection.Connection, "_send", pipes.send),
        Patch(connection.Connection, "_recv", pipes.recv),
        *shared.patches(),
        *family.patches(),
        *launch.patches(),
    ]


def late() -> list[tuple[str, Callable[[], list[Patch]]]]:
    """Return (module, patches) of what is patched when somebody imports it."""
    return [
        ("multiprocessing.shared_memory", shared.shared_memory_patches),
        ("multiprocessing.managers", shared.manager_patches),
    ]
