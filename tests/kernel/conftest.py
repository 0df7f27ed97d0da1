"""A small world of bare hosts, on either carrier, that a test drives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest

from meshsim.core.streams import Streams
from meshsim.kernel.patches import threading as main_thread
from meshsim.kernel.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from meshsim.kernel.process import Process
    from meshsim.kernel.task import Task

SECOND = 1_000_000_000
# 2026-01-01T00:00:00Z
EPOCH_NS = 1_767_225_600 * SECOND
# More virtual time than any test needs.
FOREVER_NS = 10**9 * SECOND


class Lab:
    """A simulation with hosts and no network, driven by the test.

    Attributes:
        switches: the serial of each task that ran, in order: the trace of a run.
        unhandled: (host, where, error) of each error that nobody handled.
    """

    def __init__(
        self, carrier: str, seed: int = 7, policy: str = "random", watchdog_s: float | None = 10.0
    ) -> None:
        self.simulation = Simulation(
            Streams(seed), carrier_name=carrier, policy_name=policy, epoch_ns=EPOCH_NS, watchdog_s=watchdog_s
        )
        self.kernel = self.simulation.kernel
        self.switches: list[int] = []
        self.unhandled: list[tuple[str, str, BaseException | None]] = []

    def __enter__(self) -> Self:
        kernel = self.kernel
        kernel.on_switch = self.switches.append
        kernel.on_unhandled = lambda process, where, error: self.unhandled.append(
            (process.host.name, where, error)
        )
        self.simulation.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.simulation.leave()

    def boot(
        self, name: str = "a/0", path: Sequence[Path] = (), isolate: Sequence[str] | None = None
    ) -> Process:
        """Give a host (made when it is new) a process, with private modules when it has a path."""
        host = self.kernel.hosts.get(name) or self.kernel.add_host(name, name.partition("/")[0])
        process = self.kernel.boot(host)
        if path:
            self.simulation.give_modules(process, [str(folder) for folder in path], isolate)
        return process

    def start(self, process: Process, function: Callable[..., Any], *args: Any) -> Task:
        """Start a function as the main task of a process, or as one more."""
        if process.main is not None:
            return self.kernel.spawn(process, function, *args)

        def main() -> Any:
            main_thread.become_main_thread()
            return function(*args)

        return self.kernel.spawn(process, main, name="MainThread")

    def wait(self, *tasks: Task, limit_ns: int = FOREVER_NS) -> Any:
        """Let time pass until the tasks have ended; returns the last one's result, raises its error."""
        kernel = self.kernel
        for task in tasks:
            task.done_callbacks.append(lambda _: kernel.wake(kernel.driver))
        deadline = kernel.now + limit_ns
        while not all(task.done for task in tasks):
            if not kernel.park(deadline):
                pytest.fail(f"not ended: {[task for task in tasks if not task.done]}")
        for task in tasks:
            if task.error is not None:
                raise task.error
        return tasks[-1].result_value

    def run(self, function: Callable[..., Any], *args: Any, host: str = "a/0") -> Any:
        """Run a function as the whole program of a host."""
        return self.wait(self.start(self.boot(host), function, *args))


@pytest.fixture(params=["greenlet", "thread"])
def carrier(request: pytest.FixtureRequest) -> str:
    """Each of the two carriers: what holds on one holds on the other."""
    return str(request.param)


@pytest.fixture
def lab(carrier: str) -> Callable[..., Lab]:
    """A maker of simulations on the carrier under test, each a context manager."""

    def make(**options: Any) -> Lab:
        return Lab(carrier, **options)

    return make
