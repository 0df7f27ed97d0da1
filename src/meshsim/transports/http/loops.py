"""The way from the hub to an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable


def tell(loop: AbstractEventLoop, function: Callable[..., Any], *args: Any) -> None:
    """Have a loop call a function, from the hub; a loop that is closed has nobody left who waits."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, *args)
