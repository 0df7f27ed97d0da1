"""The one current world, as the patched functions see it.

Patches are module-level functions that read these two names; none of them closes over a kernel. A library
that was first imported inside one world therefore works in the next one, and in none.

The road not taken is a context variable: it would follow a task into every callback by itself, but it costs
0.1 us a look-up, and user code can run functions in contexts of its own making.
"""

from __future__ import annotations

import _thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsim.kernel.scheduler import Kernel
    from meshsim.kernel.task import Task

real_ident = _thread.get_ident

# The task that runs now; None outside a world, and while the test runner's own code runs.
task: Task | None = None
# The kernel of the current world; None outside a world.
kernel: Kernel | None = None
# The operating system's threads that carry tasks. Any other thread gets the originals of everything.
carriers: set[int] = set()


def current() -> Task | None:
    """Return the task that runs on the calling thread, or None for a thread that carries none."""
    if task is not None and real_ident() in carriers:
        return task
    return None
