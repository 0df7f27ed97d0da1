"""Which of several ready tasks runs next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from meshsim.errors import UsageError

if TYPE_CHECKING:
    from meshsim.core.streams import Streams
    from meshsim.kernel.task import Task

# How many times the PCT policy moves a task to the back (Burckhardt et al., ASPLOS 2010: d - 1 changes find
# every bug of depth d with a known probability).
PCT_CHANGES = 3
PCT_HORIZON_STEPS = 20_000


class Policy(Protocol):
    """Takes one of at least two ready tasks out of the list."""

    def pick(self, ready: list[Task]) -> Task:
        """Remove a task from `ready` and return it."""


class Fifo:
    """The task that has been ready for the longest time."""

    def pick(self, ready: list[Task]) -> Task:
        """Remove the oldest and return it."""
        return ready.pop(0)


class Random:
    """Any of them, with equal chances."""

    def __init__(self, streams: Streams) -> None:
        self._choose = streams.get("schedule").choose

    def pick(self, ready: list[Task]) -> Task:
        """Remove a drawn one and return it."""
        index = self._choose(len(ready))
        task = ready[index]
        last = ready.pop()
        if last is not task:
            ready[index] = last
        return task


class Pct:
    """The one of highest priority; priorities are drawn once a task and fall at a few drawn steps."""

    def __init__(self, streams: Streams) -> None:
        self._stream = streams.get("schedule")
        self._priorities: dict[int, int] = {}
        self._changes = {self._stream.choose(PCT_HORIZON_STEPS) for _ in range(PCT_CHANGES)}
        self._picks = 0
        self._lowest = 0

    def pick(self, ready: list[Task]) -> Task:
        """Remove the one of highest priority and return it."""
        priorities = self._priorities
        for task in ready:
            if task.serial not in priorities:
                priorities[task.serial] = 1 + self._stream.choose(1 << 30)
        best = max(ready, key=lambda task: (priorities[task.serial], -task.serial))
        self._picks += 1
        if self._picks in self._changes:
            self._lowest -= 1
            priorities[best.serial] = self._lowest
        ready.remove(best)
        return best


def make(name: str, streams: Streams) -> Policy:
    """Return the policy of that name: `fifo`, `random` or `pct`."""
    if name == "fifo":
        return Fifo()
    if name == "random":
        return Random(streams)
    if name == "pct":
        return Pct(streams)
    msg = f"unknown policy {name!r}; the policies are fifo, random and pct"
    raise UsageError(msg)
