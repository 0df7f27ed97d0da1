"""`grpc._common.wait`: without its look-around each 100 ms.

The library waits in slices, so that a real signal handler can run in between. A task's signals reach it
wherever it waits, and slices would keep a world from ever coming to rest.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from grpc import _common

from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current

if TYPE_CHECKING:
    from collections.abc import Callable

real_wait = _common.wait


def wait(
    wait_fn: Callable[..., Any],
    wait_complete_fn: Callable[[], bool],
    timeout: float | None = None,
    spin_cb: Callable[[], None] | None = None,
) -> bool:
    """Stand in for `grpc._common.wait`; True when the timeout passed first."""
    if current() is None:
        return bool(real_wait(wait_fn, wait_complete_fn, timeout, spin_cb))
    end = None if timeout is None else time.time() + timeout
    while not wait_complete_fn():
        left = None if end is None else end - time.time()
        if left is not None and left < 0:
            return True
        wait_fn(timeout=left)
    return False


def patches() -> list[Patch]:
    """Return the patch."""
    return [Patch(_common, "wait", wait)]
