"""The phases of one run: faults and workloads, then everything healed, until it is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshsim.core.units import SECOND
from meshsim.errors import ScenarioError
from meshsim.runner.watching import LOOK_EVERY_NS, Watching
from meshsim.workloads import Load, make_load
from meshsim.workloads.client import check_call
from meshsim.workloads.setup import functions_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.world import World

    Progress = Callable[[float, float | None], object]

__all__ = ["Stage"]

# How long calls that are under way have after the run, where the scenario does not say: a client of ours over
# HTTP gives up after 30 s to connect and 30 s to read.
GRACE_NS: Final = 60 * SECOND
PROGRESS_EVERY_NS: Final = SECOND


class Stage:
    """One run of a world that is open; driven by the test's own flow.

    Args:
        world: the mesh.
        on_progress: told the virtual seconds so far, and of how many, about every virtual second in which a
            workload's call ends. It is the only one who depends on it: the run is the same without.

    Attributes:
        loads: the workloads.
        watching: the user's checks.
        whole: whether the run went to its end, and was not stopped by a check or by being stuck.
        ends_ns: when its faults and workloads were over.
    """

    def __init__(self, world: World, on_progress: Progress | None = None) -> None:
        self._world = world
        self._kernel = world.kernel
        self._on_progress = on_progress
        self._awaited: Callable[[], bool] | None = None
        self._next_progress_ns = 0
        self.whole = False
        self.began_ns = self.ends_ns = self._kernel.now
        self.loads: list[Load] = []
        self.watching: Watching | None = None

    def go(self) -> None:
        """Run it to its end, or to the first `always` that does not hold.

        Raises:
            ScenarioError: a workload calls what its service's adapter cannot be asked for.
            StuckError: the run cannot go on.
        """
        world = self._world
        self._prepare()
        self.began_ns = self._kernel.now
        world.recorder.phase("faults")
        self._begin()
        self._faults()
        self.ends_ns = self._kernel.now
        if not self._broken:
            world.recorder.phase("settle")
            self._settle()
        self._finish()
        world.recorder.phase("end")

    @property
    def _broken(self) -> bool:
        return self.watching is not None and self.watching.broken

    def _prepare(self) -> None:
        world, graph = self._world, self._world.graph
        mistakes = [mistake for spec in graph.workload if (mistake := check_call(world, spec)) is not None]
        if mistakes:
            raise ScenarioError(mistakes)
        functions = functions_of(world)
        for spec in graph.workload:
            function = None if spec.run is None else functions.load(spec.run)
            self.loads.append(make_load(world, spec, self._changed, function))
        self.watching = Watching(world, self._look_up)

    def _begin(self) -> None:
        graph, began_ns = self._world.graph, self.began_ns
        self._world.nemesis.start(graph.faults, began_ns)
        end_ns = None if graph.duration_ns is None else began_ns + graph.duration_ns
        for load in self.loads:
            load.start(began_ns, end_ns)
        if self.watching is not None:
            self.watching.start()

    def _faults(self) -> None:
        """Let faults and workloads happen."""
        graph = self._world.graph
        if graph.duration_ns is not None:
            self._wait(_never, self.began_ns + graph.duration_ns)
        elif self.loads:
            self._wait(lambda: all(load.finished for load in self.loads), None)
        else:
            last_ns = max((fault.when.last_ns for fault in graph.faults), default=0)
            self._wait(_never, self.began_ns + last_ns)

    def _settle(self) -> None:
        """Heal everything, let calls end, and let come true what must."""
        graph, watching = self._world.graph, self.watching
        began_ns = self._kernel.now
        self._world.nemesis.heal_all()
        limit_ns = began_ns + (graph.settle_ns or GRACE_NS)
        if watching is None or not watching.eventually:
            self._wait(self._quiet, limit_ns)
            if graph.settle_ns is not None:
                self._wait(_never, limit_ns)
            return
        while not self._broken:
            settled = watching.look_eventually(began_ns)
            if settled and (self._quiet() or self._kernel.now >= limit_ns):
                return
            self._wait(_never, self._kernel.now + LOOK_EVERY_NS)

    def _finish(self) -> None:
        self.whole = not self._broken
        if self.watching is not None:
            self.watching.stop()

    def _quiet(self) -> bool:
        return not any(load.in_flight for load in self.loads)

    # -- waiting ----------------------------------------------------------------------------------------

    def _wait(self, done: Callable[[], bool], deadline_ns: int | None) -> None:
        """Let virtual time pass until something is so, an `always` broke, or the deadline passed."""
        kernel = self._kernel
        self._awaited = done
        while not done() and not self._broken and (deadline_ns is None or kernel.now < deadline_ns):
            kernel.driver.wait = "the end of the run"
            kernel.park(deadline_ns)
        self._awaited = None

    def _changed(self) -> None:
        """Hear that a call of a workload ended."""
        if self.watching is not None:
            self.watching.poke()
        self._tell_progress()
        self._look_up()

    def _look_up(self) -> None:
        """Wake the driver if what it waits for has come."""
        if self._awaited is not None and (self._broken or self._awaited()):
            self._kernel.wake(self._kernel.driver)

    def _tell_progress(self) -> None:
        now = self._kernel.now
        if self._on_progress is None or now < self._next_progress_ns:
            return
        self._next_progress_ns = now + PROGRESS_EVERY_NS
        duration_ns = self._world.graph.duration_ns
        total_s = None if duration_ns is None else duration_ns / SECOND
        self._on_progress((now - self.began_ns) / SECOND, total_s)


def _never() -> bool:
    return False
