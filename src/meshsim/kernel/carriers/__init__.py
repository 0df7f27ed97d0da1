"""What a task runs on. Both carriers give the same trace: that equality tests the kernel itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from meshsim.errors import UsageError

if TYPE_CHECKING:
    from types import FrameType

    from meshsim.kernel.scheduler import Kernel
    from meshsim.kernel.task import Task


class Carrier(Protocol):
    """Switches between the hub's flow and the flows of tasks."""

    name: str

    def open(self, kernel: Kernel) -> None:
        """Begin: the caller's flow becomes the driver's, and the hub gets one of its own."""

    def prepare(self, kernel: Kernel, task: Task) -> None:
        """Give a new task a flow, not yet running."""

    def to_hub(self, task: Task) -> None:
        """Leave the calling task's flow for the hub's; returns when the task is resumed."""

    def switch(self, task: Task, kernel: Kernel) -> None:
        """Leave the calling task's flow for that of `kernel.following`; for the hub's when there is none."""

    def resume(self, task: Task) -> None:
        """Leave the hub's flow for the task's; returns when a task ends, or wants another to begin."""

    def unborn(self, task: Task) -> bool:
        """Whether the task's flow has not begun."""

    def frame(self, task: Task) -> FrameType | None:
        """Return where a parked task stands."""

    def break_step(self, kernel: Kernel, task: Task | None, strikes: int) -> None:
        """End a step that does not end itself; called in a signal's handler, in the main thread.

        Args:
            kernel: whose step it is.
            task: whose step; None is the hub's own.
            strikes: how often this has been tried with this step, from 1.

        Raises:
            Killed: where the step runs, when that is the calling flow.
        """

    def close(self, kernel: Kernel) -> None:
        """End the hub's flow."""


def make(name: str) -> Carrier:
    """Return a carrier by name: `greenlet` or `thread`."""
    if name == "greenlet":
        from meshsim.kernel.carriers.greenlet import GreenletCarrier  # noqa: PLC0415 - only the chosen one loads

        return GreenletCarrier()
    if name == "thread":
        from meshsim.kernel.carriers.thread import ThreadCarrier  # noqa: PLC0415 - only the chosen one loads

        return ThreadCarrier()
    msg = f"unknown carrier {name!r}; the carriers are greenlet and thread"
    raise UsageError(msg)
