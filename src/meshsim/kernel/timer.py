"""What is to happen at a moment: a call that the hub makes, or a task that wakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.kernel.task import PARKED

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.task import Task


class Timer:
    """A call that the hub makes at a moment; `cancel()` takes it back."""

    __slots__ = ("args", "function", "when_ns")

    def __init__(self, when_ns: int, function: Callable[..., None], args: tuple[Any, ...]) -> None:
        self.when_ns = when_ns
        self.function: Callable[..., None] | None = function
        self.args = args

    def cancel(self) -> None:
        """Take the call back; without effect once it was made."""
        self.function = None
        self.args = ()


def is_stale(entry: tuple[int, int, Task | None, Any]) -> bool:
    """Whether an entry of the heap has nothing to do any more: its task was woken before, its call taken back."""
    _, _, task, what = entry
    if task is None:
        return bool(what.function is None)
    return task.token != what or task.state != PARKED
