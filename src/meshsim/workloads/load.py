"""A workload under way: open, closed, or a function of the user's.

Calls are made by tasks of the host `test`. What a client library raises is an outcome of its call, as a
status is: an error at the caller, and no error of a service. What a user's own workload function raises is a
mistake or an assertion of the test's author, and what meshsim itself raises is a mistake in the scenario:
both end up in `failures`.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from meshsim.errors import MeshError
from meshsim.trace.intent import intend
from meshsim.workloads.arrivals import arrivals
from meshsim.workloads.client import make_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meshsim.graph import WorkloadSpec
    from meshsim.workloads.client import Client

__all__ = ["Failure", "Load", "make_load"]

# What a call or a turn costs that took no time at all: a client that fails at once must not stop the clock.
FLOOR_NS: Final = 1_000_000


class Failure(NamedTuple):
    """What went wrong in a workload itself."""

    at_ns: int
    error: str
    trace: str


class Load:
    """One workload.

    Args:
        world: the mesh.
        spec: what the scenario says.
        changed: called after each call, and when nothing more will come.

    Attributes:
        made: how many calls (or turns of a function) were begun.
        outcomes: how they came out, by status or by the name of the exception, in the order of first use.
        in_flight: how many calls are not over.
        failures: what went wrong in the workload itself.
    """

    def __init__(self, world: Any, spec: WorkloadSpec, changed: Callable[[], None]) -> None:
        self.spec = spec
        self.made = 0
        self.in_flight = 0
        self.outcomes: dict[str, int] = {}
        self.failures: list[Failure] = []
        self._world = world
        self._kernel = world.kernel
        self._changed = changed
        # One stream a workload: one more leaves the others' draws alone.
        self._stream = world.streams.get(f"workload:{spec.name}")
        self._working = 1
        self._begin_ns = 0
        self._end_ns: int | None = None

    @property
    def finished(self) -> bool:
        """Whether no call is under way and none will be made."""
        return not self.in_flight and not self._working

    def start(self, base_ns: int, end_ns: int | None) -> None:
        """Begin, or wait for the moment.

        Args:
            base_ns: the moment from which the workload's own moments count.
            end_ns: when the run ends the workload; None leaves that to itself.
        """
        spec = self.spec
        self._begin_ns = base_ns + spec.at_ns
        stated = [end_ns]
        if spec.for_ns is not None:
            stated.append(self._begin_ns + spec.for_ns)
        if spec.until_ns is not None:
            stated.append(base_ns + spec.until_ns)
        self._end_ns = min((moment for moment in stated if moment is not None), default=None)
        self._kernel.call_at(max(self._begin_ns, self._kernel.now), self._begin)

    def _begin(self) -> None:
        """Begin; on the hub."""
        raise NotImplementedError

    # -- what the kinds share ---------------------------------------------------------------------------

    @property
    def _over(self) -> bool:
        """Whether no call may begin any more."""
        if self._end_ns is not None and self._kernel.now >= self._end_ns:
            return True
        return self.spec.count is not None and self.made >= self.spec.count

    def _spawn(self, function: Callable[..., None], *args: object) -> None:
        name = f"{self.spec.name}-{self._kernel.home.count(f'workload {self.spec.name}')}"
        self._kernel.spawn(self._kernel.home, self._guarded, function, *args, name=name)

    def _guarded(self, function: Callable[..., None], *args: object) -> None:
        """Run a task's body; one that cannot even begin must not leave the run waiting for it."""
        try:
            function(*args)
        except Exception as error:  # noqa: BLE001 - as above, and it is told
            self._fail(error)
            self._worker_done()
            self._changed()

    def _make(self, due_ns: int, call: Callable[[], str], *, users_own: bool = False) -> None:
        """Make one call and note how it came out; `made` has counted it already."""
        self.in_flight += 1
        intend(due_ns, f"{self.spec.name}#{self.made}")
        try:
            outcome = call()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises is how it came out
            outcome = type(error).__name__
            if users_own or isinstance(error, MeshError):
                self._fail(error)
        finally:
            self.in_flight -= 1
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self._changed()

    def _fail(self, error: BaseException) -> None:
        said = "".join(traceback.format_exception(error))
        self.failures.append(Failure(self._kernel.now, f"{type(error).__name__}: {error}", said))

    def _worker_done(self) -> None:
        self._working -= 1
        if self.finished:
            self._changed()


class OpenLoad(Load):
    """Calls at their moments, however long the calls before them take: each is a new client."""

    def __init__(self, world: Any, spec: WorkloadSpec, changed: Callable[[], None]) -> None:
        super().__init__(world, spec, changed)
        self._moments: Iterator[int] = iter(())
        self._idle: list[Client] = []

    def _begin(self) -> None:
        if self.spec.rate is not None:
            self._moments = arrivals(self.spec.rate, self._begin_ns, self._end_ns, self._stream)
        self._next()

    def _next(self) -> None:
        moment = next(self._moments, None)
        if moment is None or self._over:
            self._worker_done()
        else:
            self._kernel.call_at(moment, self._arrive, moment)

    def _arrive(self, due_ns: int) -> None:
        if self._over:
            self._worker_done()
            return
        self.made += 1
        self.in_flight += 1
        self._spawn(self._one, due_ns)
        self._next()

    def _one(self, due_ns: int) -> None:
        # From here on `_make` counts it.
        self.in_flight -= 1
        self._make(due_ns, self._as_somebody)

    def _as_somebody(self) -> str:
        client = self._idle.pop() if self._idle else make_client(self._world, self.spec, self._stream)
        try:
            return client.call()
        finally:
            client.leave()
            self._idle.append(client)


class ClosedLoad(Load):
    """Clients that call, think, and call again."""

    def _begin(self) -> None:
        clients = self.spec.clients or 1
        self._working = clients
        for _ in range(clients):
            self._spawn(self._client)

    def _client(self) -> None:
        client = make_client(self._world, self.spec, self._stream)
        if self.spec.think is not None and (self.spec.clients or 1) > 1:
            # Not all at the same moment: each is somewhere in its thinking when the workload begins.
            self._kernel.sleep(int(self._think_ns() * self._stream.random()))
        while not self._over:
            before_ns = self._kernel.now
            self.made += 1
            self._make(before_ns, client.call)
            pause_ns = self._think_ns()
            if not pause_ns and self._kernel.now == before_ns:
                pause_ns = FLOOR_NS
            if pause_ns:
                self._kernel.sleep(pause_ns)
        self._worker_done()

    def _think_ns(self) -> int:
        return 0 if self.spec.think is None else self.spec.think.sample(self._stream)


class FunctionLoad(Load):
    """A function given the mesh, in as many tasks as there are clients.

    Each calls it once; with `count` all of them together call it so often, with `for` or `until` each calls
    it again until the end.
    """

    def __init__(
        self, world: Any, spec: WorkloadSpec, changed: Callable[[], None], function: Callable[..., Any]
    ) -> None:
        super().__init__(world, spec, changed)
        self._function = function

    def _begin(self) -> None:
        clients = self.spec.clients or 1
        self._working = clients
        for _ in range(clients):
            self._spawn(self._client)

    def _client(self) -> None:
        spec = self.spec
        repeats = spec.count is not None or spec.for_ns is not None or spec.until_ns is not None
        while not self._over:
            before_ns = self._kernel.now
            self.made += 1
            self._make(before_ns, self._turn, users_own=True)
            if not repeats:
                break
            if self._kernel.now == before_ns:
                self._kernel.sleep(FLOOR_NS)
        self._worker_done()

    def _turn(self) -> str:
        self._function(self._world)
        return "ok"


def make_load(
    world: Any,
    spec: WorkloadSpec,
    changed: Callable[[], None],
    function: Callable[..., Any] | None,
) -> Load:
    """Return a workload that is not under way yet.

    Args:
        world: the mesh.
        spec: what the scenario says.
        changed: called after each call.
        function: what `run:` names, or None.
    """
    if function is not None:
        return FunctionLoad(world, spec, changed, function)
    return OpenLoad(world, spec, changed) if spec.rate is not None else ClosedLoad(world, spec, changed)
