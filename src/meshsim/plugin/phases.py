"""Whose clocks are virtual while a world is open: a test's and a fixture's code, not the runner's."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def users_code() -> Iterator[None]:
    """Run user code: the current world, if one is open by then, knows it as the host `test`."""
    state: Any = sys.modules.get("meshsim.kernel.state")
    if state is not None and state.kernel is not None:
        state.task = state.kernel.driver
    try:
        yield
    finally:
        state = sys.modules.get("meshsim.kernel.state")
        if state is not None:
            # Whatever pytest does until it calls the user again is on the real clock.
            state.task = None
