"""What the reports of a deadlock, a livelock and the watchdog say: each task, its host, what it waits for."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from meshsim.kernel.scheduler import Kernel
    from meshsim.kernel.task import Task

FRAMES_SHOWN = 6
TASKS_SHOWN = 40
# Frames of ours say nothing to a user about where the task stands.
OURS = "/meshsim/kernel/"


def stack_of(frame: FrameType | None) -> list[str]:
    """Return the last frames of a stack, innermost last, without the kernel's own."""
    if frame is None:
        return ["    (no Python frame)"]
    entries = [entry for entry in traceback.extract_stack(frame) if OURS not in entry.filename]
    return [f"    {entry.filename}:{entry.lineno} in {entry.name}: {entry.line}" for entry in entries[-FRAMES_SHOWN:]]


def describe(kernel: Kernel, task: Task) -> list[str]:
    """Return the lines that say where one task stands."""
    wait = f", waits for {task.wait}" if task.wait else ""
    return [f"  {task.host} {task.name}{wait}", *stack_of(kernel.carrier.frame(task))]


def _all_tasks(kernel: Kernel) -> list[str]:
    tasks = [task for host in kernel.hosts.values() if host.process for task in host.process.living_tasks()]
    lines: list[str] = []
    for task in tasks[:TASKS_SHOWN]:
        lines += describe(kernel, task)
    if len(tasks) > TASKS_SHOWN:
        lines.append(f"  and {len(tasks) - TASKS_SHOWN} more")
    return lines


def deadlock(kernel: Kernel) -> str:
    """Return the report of a world in which nothing can happen any more."""
    head = f"deadlock at {kernel.now / 1e9:.9f}s: no task is ready and no timer is set; each waits for another:"
    return "\n".join([head, *_all_tasks(kernel)])


def livelock(kernel: Kernel, steps: int) -> str:
    """Return the report of a world in which tasks run and time does not."""
    head = f"livelock: virtual time stands still at {kernel.now / 1e9:.9f}s after {steps} steps; the tasks that run:"
    lines: list[str] = []
    for task in kernel.ready[:TASKS_SHOWN]:
        lines += describe(kernel, task)
    return "\n".join([head, *(lines or _all_tasks(kernel))])


def held(kernel: Kernel, task: Task | None, frame: FrameType | None, seconds: float) -> str:
    """Return the report of a step that does not end."""
    if task is None:
        return f"watchdog: the kernel's own step has taken more than {seconds:g}s of real time\n" + "\n".join(stack_of(frame))
    head = (
        f"watchdog: one step of task {task.name!r} on host {task.host} has held the thread for more than "
        f"{seconds:g}s of real time at {kernel.now / 1e9:.9f}s; an endless loop, or a call that really blocks:"
    )
    return "\n".join([head, *stack_of(frame)])
