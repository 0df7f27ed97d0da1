"""Which call the running code works for: its parent, for the calls that it makes itself.

A context variable: handlers run in fresh contexts, asyncio hands it on to what a handler starts, and a thread
that a handler starts has none, as it has none of the service's own variables. It stands here and not in a room,
because a handler of one protocol calls by another.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsim.trace.call import Call

__all__ = ["handling"]

handling: ContextVar[Call | None] = ContextVar("meshsim_handling", default=None)
