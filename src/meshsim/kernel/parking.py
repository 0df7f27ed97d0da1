"""How tasks wait for each other: a parking lot of tasks, and a mailbox of things.

Trio's parking lot is the model: everything that waits is built on one ordered queue of parked tasks.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from meshsim.kernel import state

if TYPE_CHECKING:
    from meshsim.kernel.task import Task

T = TypeVar("T")


class ParkingLot:
    """Tasks that wait, in the order in which they came."""

    __slots__ = ("_parked",)

    def __init__(self) -> None:
        self._parked: deque[Task] = deque()

    def __len__(self) -> int:
        return len(self._parked)

    def park(self, deadline_ns: int | None = None, wait: object = "") -> bool:
        """Park the calling task here; False when the deadline passed before anybody woke it."""
        task = state.task
        kernel = state.kernel
        if task is None or kernel is None:
            return False
        task.wait = wait
        self._parked.append(task)
        try:
            woken = kernel.park(deadline_ns)
        except BaseException:
            self._gone(task)
            raise
        if not woken:
            self._gone(task)
        elif task in self._parked:
            # A signal handler ran in between: the wake was not for what is waited for here.
            self._parked.remove(task)
        return woken

    def _gone(self, task: Task) -> None:
        if task in self._parked:
            self._parked.remove(task)
        else:
            # It had been chosen and then could not come: the wake goes to the next one.
            self.unpark()

    def unpark(self, count: int = 1) -> None:
        """Wake the first `count` tasks."""
        kernel = state.kernel
        parked = self._parked
        while count and parked:
            task = parked.popleft()
            if kernel is not None:
                kernel.wake(task)
            count -= 1


class Mailbox(Generic[T]):
    """Things put by anybody and taken by tasks, first in first out."""

    __slots__ = ("_lot", "items")

    def __init__(self) -> None:
        self.items: deque[T] = deque()
        self._lot = ParkingLot()

    def put(self, item: T) -> None:
        """Add a thing, and wake one who waits for it; may be called on the hub."""
        self.items.append(item)
        if self._lot:
            self._lot.unpark()

    def get(self, deadline_ns: int | None = None, wait: object = "mail") -> T:
        """Take the oldest thing, parking until there is one.

        Raises:
            TimeoutError: the deadline passed first.
        """
        items = self.items
        while not items:
            if not self._lot.park(deadline_ns, wait) and not items:
                raise TimeoutError
        return items.popleft()
