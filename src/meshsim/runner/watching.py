"""`always` and `eventually`: a user's functions, looked at while the run goes on.

`always` is looked at after each call of a workload (those that end while a look goes on share the next one),
at least every 100 ms of virtual time, and once at the end; the first look at which it does not hold ends the
run, so that what shows the failure is the end of the trace. `eventually` is looked at every 100 ms after
everything was healed, until it holds or its time is over. All looks happen in tasks of the host `test`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshsim.checks import ALWAYS, EVENTUALLY, Watched
from meshsim.core.units import MS, SECOND, format_duration
from meshsim.kernel.parking import ParkingLot
from meshsim.workloads.setup import functions_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.task import Task
    from meshsim.world import World

__all__ = ["LOOK_EVERY_NS", "Watching"]

LOOK_EVERY_NS: Final = 100 * MS
# A function that asks a service that never answers must not hold the run for ever.
LOOK_LIMIT_NS: Final = 30 * SECOND
# How long `eventually` has where neither it nor the scenario says so.
PATIENCE_NS: Final = 30 * SECOND


class Watching:
    """The functions of one run, and what became of them.

    Args:
        world: the mesh that they are given.
        broke: called when an `always` does not hold.

    Attributes:
        watched: the records, by the index of their expectation.
        broken: whether an `always` did not hold.
    """

    def __init__(self, world: World, broke: Callable[[], None]) -> None:
        self._world = world
        self._broke = broke
        self._lot = ParkingLot()
        self._due = False
        self._stopped = False
        self._task: Task | None = None
        self.broken = False
        self.watched: dict[int, Watched] = {}
        self._within_ns: dict[int, int] = {}
        for index, spec in enumerate(world.graph.expect):
            if spec.check is not None and spec.kind in (ALWAYS, EVENTUALLY):
                function = functions_of(world).load(spec.check)
                self.watched[index] = Watched(spec.check.text, function, spec.kind)
                self._within_ns[index] = spec.within_ns or world.graph.settle_ns or PATIENCE_NS

    @property
    def _always(self) -> list[Watched]:
        return [record for record in self.watched.values() if record.kind == ALWAYS]

    @property
    def eventually(self) -> bool:
        """Whether there is something that must come true."""
        return any(record.kind == EVENTUALLY for record in self.watched.values())

    # -- always -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look at what must always hold."""
        if self._always:
            kernel = self._world.kernel
            self._task = kernel.spawn(kernel.home, self._look_on, name="always")

    def poke(self) -> None:
        """Look soon: something happened."""
        self._due = True
        self._lot.unpark()

    def stop(self) -> None:
        """Look no more by itself, and once more at what still holds."""
        self._stopped = True
        for record in self._always:
            if not record.decided:
                self._bounded(record)
                self._judge(record)

    def _look_on(self) -> None:
        kernel = self._world.kernel
        while not self._stopped and not self.broken:
            self._due = False
            for record in self._always:
                if not record.decided:
                    self._look(record)
                    self._judge(record)
            if not self._due:
                self._lot.park(kernel.now + LOOK_EVERY_NS, "something to look at")

    def _look(self, record: Watched) -> None:
        record.look(self._world.kernel.now, self._world)

    def _judge(self, record: Watched) -> None:
        if record.broke_ns is not None and not self.broken:
            self.broken = True
            self._broke()

    # -- eventually -------------------------------------------------------------------------------------

    def look_eventually(self, began_ns: int) -> bool:
        """Look at what must come true, and say whether nothing is left to wait for.

        Args:
            began_ns: when everything was healed.
        """
        left = False
        for index, record in self.watched.items():
            if record.kind != EVENTUALLY or record.decided:
                continue
            deadline_ns = began_ns + self._within_ns[index]
            if record.looks and self._world.kernel.now > deadline_ns:
                continue
            self._bounded(record)
            if record.held_ns is None and self._world.kernel.now < deadline_ns:
                left = True
        return not left

    def _bounded(self, record: Watched) -> None:
        """Look in a task of its own, and not for ever; called by the driver."""
        kernel = self._world.kernel
        driver = kernel.driver
        deadline_ns = kernel.now + LOOK_LIMIT_NS
        task = kernel.spawn(kernel.home, self._look, record, name="look")
        task.done_callbacks.append(lambda _: kernel.wake(driver))
        driver.wait = f"{record.name} to return"
        while not task.done and kernel.now < deadline_ns:
            kernel.park(deadline_ns)
        if task.done:
            if task.error is not None:
                raise task.error
            return
        record.looks += 1
        record.reason = f"did not return within {format_duration(LOOK_LIMIT_NS)}"
        if record.broke_ns is None:
            record.broke_ns = kernel.now
