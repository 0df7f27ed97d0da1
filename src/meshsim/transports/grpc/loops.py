"""The way from the hub, or from a call's own code, to an event loop."""

from __future__ import annotations

from asyncio import _get_running_loop
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable


def tell(loop: AbstractEventLoop, function: Callable[..., Any], *args: Any) -> None:
    """Have a loop call a function; at once when the loop itself is running the caller.

    A loop that is closed has nobody left who waits.
    """
    if _get_running_loop() is loop:
        function(*args)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(function, *args)


def settle(future: Future[Any], value: Any = None) -> None:
    """Give a future its result, unless whoever waited has gone."""
    if not future.done():
        future.set_result(value)


def awaited(loop: AbstractEventLoop, ask: Callable[[Callable[..., None]], None]) -> Future[Any]:
    """Return a future of what `ask` will call back with."""
    future: Future[Any] = loop.create_future()

    def done(value: Any = None) -> None:
        tell(loop, settle, future, value)

    ask(done)
    return future
