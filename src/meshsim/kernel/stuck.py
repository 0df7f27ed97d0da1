"""What the reports of a deadlock, a livelock and the watchdog say: each task, its host, what it waits for."""

from __future__ import annotations

import sys
import time
import traceback
from typing import TYPE_CHECKING

from meshsim.kernel import state
from meshsim.kernel.lock import Lock

if TYPE_CHECKING:
    from types import FrameType

    from meshsim.kernel.scheduler import Kernel
    from meshsim.kernel.task import Task

_real_sleep = time.sleep
# How long a thread outside the world may hold a lock that a task waits for, before that is a deadlock.
OUTSIDE_S = 1.0
OUTSIDE_LOOK_S = 0.001
FRAMES_SHOWN = 6
TASKS_SHOWN = 40
# Frames of ours say nothing to a user about where the task stands.
OURS = "/meshsim/kernel/"


def stack_of(frame: FrameType | None) -> list[str]:
    """Return the last frames of a stack, innermost last, without the kernel's own."""
    if frame is None:
        return ["    (no Python frame)"]
    entries = [entry for entry in traceback.extract_stack(frame) if OURS not in entry.filename]
    return [
        f"    {entry.filename}:{entry.lineno} in {entry.name}: {entry.line}"
        for entry in entries[-FRAMES_SHOWN:]
    ]


def describe(kernel: Kernel, task: Task) -> list[str]:
    """Return the lines that say where one task stands."""
    wait = f", waits for {task.wait}" if task.wait else ""
    return [f"  {task.host} {task.name}{wait}", *stack_of(kernel.carrier.frame(task))]


def _living(kernel: Kernel) -> list[Task]:
    return [task for process in kernel.processes for task in process.living_tasks()]


def _all_tasks(kernel: Kernel) -> list[str]:
    tasks = _living(kernel)
    lines: list[str] = []
    for task in tasks[:TASKS_SHOWN]:
        lines += describe(kernel, task)
    if len(tasks) > TASKS_SHOWN:
        lines.append(f"  and {len(tasks) - TASKS_SHOWN} more")
    return lines


def deadlock(kernel: Kernel) -> str:
    """Return the report of a world in which nothing can happen any more."""
    head = (
        f"deadlock at {kernel.now / 1e9:.9f}s: no task is ready and no timer is set; each waits for another:"
    )
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
        return f"watchdog: the kernel's own step has taken more than {seconds:g}s of real time\n" + "\n".join(
            stack_of(frame)
        )
    head = (
        f"watchdog: one step of task {task.name!r} on host {task.host} has held the thread for more than "
        f"{seconds:g}s of real time at {kernel.now / 1e9:.9f}s; an endless loop, or a call that really blocks:"
    )
    return "\n".join([head, *stack_of(frame)])


def freed_from_outside(kernel: Kernel) -> bool:
    """Whether a thread that carries no task made one ready; waits for it in real time if that can be.

    Tasks and other threads share locks (`logging` has some), and what such a thread does is not in the world.
    """
    if not any(isinstance(task.wait, Lock) for task in _living(kernel)):
        return False
    if not sys._current_frames().keys() - state.carriers:
        return False
    for _ in range(int(OUTSIDE_S / OUTSIDE_LOOK_S)):
        if kernel.ready:
            return True
        _real_sleep(OUTSIDE_LOOK_S)
    return False
