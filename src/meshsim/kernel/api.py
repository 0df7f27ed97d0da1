"""What the rooms call: the kernel of the current world, without its insides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError
from meshsim.kernel import state
from meshsim.kernel.parking import Mailbox, ParkingLot
from meshsim.kernel.state import current as current_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.process import Process
    from meshsim.kernel.scheduler import Kernel
    from meshsim.kernel.task import Task
    from meshsim.kernel.timer import Timer

__all__ = [
    "Mailbox",
    "ParkingLot",
    "alert",
    "call_at",
    "current_task",
    "kernel",
    "now",
    "park",
    "sleep",
    "spawn",
    "wake",
    "wall_ns",
]


def kernel() -> Kernel:
    """Return the kernel of the current world.

    Raises:
        UsageError: no world is open.
    """
    found = state.kernel
    if found is None:
        msg = "no world is open; use the `mesh` fixture or `with World(...) as mesh:`"
        raise UsageError(msg)
    return found


def now() -> int:
    """Return the virtual time in nanoseconds since the world began."""
    return kernel().now


def wall_ns(host_offset_ns: int = 0) -> int:
    """Return the wall clock in nanoseconds since 1970, plus a host's own offset."""
    found = kernel()
    return found.epoch_ns + found.now + host_offset_ns


def park(deadline_ns: int | None = None) -> bool:
    """Park the calling task; False when the deadline passed. A wake may be spurious: look again."""
    return kernel().park(deadline_ns)


def wake(task: Task) -> None:
    """Make a parked task ready."""
    kernel().wake(task)


def alert(task: Task, function: Callable[[], None]) -> None:
    """Run `function` in a task's own flow at its next step; it may raise there."""
    kernel().alert(task, function)


def sleep(duration_ns: int) -> None:
    """Park the calling task for a duration."""
    kernel().sleep(duration_ns)


def call_at(when_ns: int, function: Callable[..., None], *args: Any) -> Timer:
    """Have the hub call `function`; it must neither park nor run user code."""
    return kernel().call_at(when_ns, function, *args)


def spawn(process: Process, function: Callable[..., Any], *args: Any, name: str = "") -> Task:
    """Start a task on a process."""
    return kernel().spawn(process, function, *args, name=name)
