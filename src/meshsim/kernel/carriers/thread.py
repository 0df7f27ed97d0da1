"""Tasks on operating-system threads that wait for a baton: about 7 us a switch, full thread semantics."""

from __future__ import annotations

import _thread
import ctypes
import sys
from typing import TYPE_CHECKING, Any

from meshsim.kernel import scheduler, state
from meshsim.kernel.carriers.baton import Baton
from meshsim.kernel.task import DONE, Killed

if TYPE_CHECKING:
    from types import FrameType

    from meshsim.kernel.scheduler import Kernel
    from meshsim.kernel.task import Task

# How often a thread is asked to raise before it is given up.
STRIKES_BEFORE_LOST = 2
_start_thread = _thread.start_new_thread


def _raise_in_thread(ident: int, kind: type[BaseException]) -> None:
    """Raise in another thread, at its next bytecode."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(kind))


class _Flow:
    """A thread's baton; the thread runs while it holds it."""

    __slots__ = ("baton", "begun", "ident", "lost")

    def __init__(self) -> None:
        self.baton = Baton()
        self.begun = False
        self.ident = 0
        self.lost = False


class ThreadCarrier:
    """One OS thread a task, and one for the hub; exactly one of them runs."""

    name = "thread"

    def __init__(self) -> None:
        self._hub = _Flow()
        self._driver: Task | None = None
        self._ended = Baton()

    def open(self, kernel: Kernel) -> None:
        """Begin: the calling thread is the driver's."""
        flow = _Flow()
        flow.begun = True
        flow.ident = state.real_ident()
        kernel.driver.carrier = flow
        state.carriers.add(flow.ident)
        _start_thread(self._run_hub, (kernel,))

    def _run_hub(self, kernel: Kernel) -> None:
        ident = self._hub.ident = state.real_ident()
        state.carriers.add(ident)
        self._hub.baton.acquire()
        kernel.loop()
        state.carriers.discard(ident)
        self._ended.release()

    def _run_task(self, kernel: Kernel, task: Task) -> None:
        flow = task.carrier
        flow.ident = state.real_ident()
        state.carriers.add(flow.ident)
        scheduler.start(kernel, task)
        state.carriers.discard(flow.ident)
        if not flow.lost:
            self._hub.baton.release()

    def prepare(self, kernel: Kernel, task: Task) -> None:
        """Give a new task a baton; its thread starts when it first gets it."""
        task.carrier = _Flow()
        task.carrier.ident = 0
        task.local_slots = None
        self._kernel: Any = kernel

    def to_hub(self, task: Task) -> None:
        """Hand the baton to the hub, and wait for it to come back."""
        flow = task.carrier
        if not flow.lost:
            self._hub.baton.release()
        flow.baton.acquire()

    def switch(self, task: Task, kernel: Kernel) -> None:
        """Hand the baton to `kernel.following`, and wait for it to come back; to the hub when there is none."""
        following, kernel.following = kernel.following, None
        if following is None:
            self.to_hub(task)
            return
        flow = task.carrier
        self._give(following)
        del following
        flow.baton.acquire()

    def resume(self, task: Task) -> None:
        """Hand the hub's baton to the task, and wait for it to come back."""
        self._give(task)
        self._hub.baton.acquire()

    def _give(self, task: Task) -> None:
        flow = task.carrier
        if flow.begun:
            flow.baton.release()
        else:
            flow.begun = True
            _start_thread(self._run_task, (self._kernel, task))

    def unborn(self, task: Task) -> bool:
        """Whether the thread has not been started."""
        return task.carrier is not None and not task.carrier.begun

    def frame(self, task: Task) -> FrameType | None:
        """Return where a parked task stands."""
        if task.carrier is None:
            return None
        return sys._current_frames().get(task.carrier.ident)

    def break_step(self, kernel: Kernel, task: Task | None, strikes: int) -> None:
        """Have the thread of the step raise; one that really blocks in C is given up, and the hub goes on.

        The calling thread is the driver's, which waits for its baton. When a thread was given up, the driver
        runs on without: what it does next hands the hub's baton over, and that ends the lost step.
        """
        flow = self._hub if task is None else task.carrier
        if task is None or strikes < STRIKES_BEFORE_LOST:
            _raise_in_thread(flow.ident, Killed)
            return
        flow.lost = True
        state.carriers.discard(flow.ident)
        task.killed = True
        task.state = DONE
        task.process.tasks.pop(task.serial, None)
        kernel.zombies.append(task)
        kernel.take_over()

    def close(self, kernel: Kernel) -> None:
        """End the hub's thread."""
        self._hub.baton.release()
        self._ended.acquire()
        state.carriers.discard(kernel.driver.carrier.ident)
