"""Tasks on greenlets, all on the thread that opened the world: 0.2 us a switch."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import greenlet

from meshsim.kernel import scheduler, state
from meshsim.kernel.carriers.locals import LocalSlots
from meshsim.kernel.task import RAISES_BEFORE_ZOMBIE, Killed

if TYPE_CHECKING:
    from types import FrameType

    from meshsim.kernel.scheduler import Kernel
    from meshsim.kernel.task import Task


class GreenletCarrier:
    """One OS thread; every task and the hub are greenlets of it."""

    name = "greenlet"

    def __init__(self) -> None:
        self._hub: greenlet.greenlet = greenlet.getcurrent()
        self._slots = LocalSlots()
        self._owner: Task | None = None

    def open(self, kernel: Kernel) -> None:
        """Begin: the calling greenlet is the driver's."""
        state.carriers.add(state.real_ident())
        self._hub = greenlet.greenlet(kernel.loop)
        kernel.driver.carrier = greenlet.getcurrent()
        self._owner = kernel.driver

    def prepare(self, kernel: Kernel, task: Task) -> None:
        """Give a new task a greenlet whose end leads to the hub."""
        task.carrier = greenlet.greenlet(partial(scheduler.start, kernel, task), self._hub)

    def to_hub(self, task: Task) -> None:  # noqa: ARG002 - the thread carrier needs to know who leaves
        """Switch to the hub."""
        self._hub.switch()

    def switch(self, task: Task, kernel: Kernel) -> None:  # noqa: ARG002 - as `to_hub`
        """Switch from the calling task to `kernel.following`; to the hub when there is none."""
        following = kernel.following
        if following is None or not following.carrier:
            # A greenlet stands on the stack of the one that starts it: started by each other, they would pile up.
            del following
            self._hub.switch()
            return
        kernel.following = None
        owner = self._owner
        if owner is not None:
            self._slots.swap(owner, following)
            self._owner = following
        flow = following.carrier
        del following, owner
        flow.switch()

    def resume(self, task: Task) -> None:
        """Switch from the hub to the task, with its own `threading.local` values in place."""
        owner = self._owner
        if task is not owner and owner is not None:
            self._slots.swap(owner, task)
            self._owner = task
        del owner
        task.carrier.switch()

    def unborn(self, task: Task) -> bool:
        """Whether the greenlet has not begun."""
        flow = task.carrier
        return flow is not None and not flow and not flow.dead

    def frame(self, task: Task) -> FrameType | None:
        """Return where a parked task stands."""
        flow = task.carrier
        if flow is None:
            return None
        # The one that asks has no frame of its own to show: it looks for what is due before it leaves.
        return sys._getframe() if flow is greenlet.getcurrent() else flow.gr_frame

    def break_step(self, kernel: Kernel, task: Task | None, strikes: int) -> None:
        """Raise where the handler runs, which is in the step; one that catches everything is left for good."""
        if task is None or strikes <= RAISES_BEFORE_ZOMBIE:
            raise Killed
        task.killed = True
        kernel.bury(task)

    def close(self, kernel: Kernel) -> None:
        """End the hub, and put the driver's own `threading.local` values back."""
        if self._owner is not kernel.driver and self._owner is not None:
            self._slots.swap(self._owner, kernel.driver)
        self._owner = None
        self._hub.parent = greenlet.getcurrent()
        self._hub.switch()
        state.carriers.discard(state.real_ident())
        for zombie in kernel.zombies:
            self._slots.drop(zombie)
