"""A kernel with every boundary patched: what a world enters and leaves."""

from __future__ import annotations

import gc
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError
from meshsim.kernel import carriers, policy, state, watchdog
from meshsim.kernel.patches import asyncio as loops
from meshsim.kernel.patches import (
    ending,
    graves,
    masks,
    multiprocessing,
    order,
    signals,
    sockets,
    threading,
    time,
    uvloop,
)
from meshsim.kernel.patches import process as surroundings
from meshsim.kernel.patches import random as entropy
from meshsim.kernel.patches.caches import LibraryCaches
from meshsim.kernel.patches.late import LatePatches
from meshsim.kernel.patches.locks import Adoption
from meshsim.kernel.patches.logging import LoggingState
from meshsim.kernel.patches.modules import Modules, ModuleSpace, space_for
from meshsim.kernel.patches.names import Rebinder, RunnerClocks
from meshsim.kernel.patches.patch import Patch, Patches
from meshsim.kernel.scheduler import Kernel
from meshsim.kernel.task import Killed, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from meshsim.core.streams import Streams
    from meshsim.kernel.process import Process

BOUNDARIES = (
    time,
    threading,
    loops,
    order,
    entropy,
    surroundings,
    signals,
    masks,
    sockets,
    multiprocessing,
    ending,
)
# The same, of modules that are there only where somebody uses them.
LATER = (
    ("uvloop", uvloop.patches),
    (order.ANYIO, order.anyio_patches),
    ("concurrent.futures.process", ending.process_pool_patches),
    *multiprocessing.late(),
)

# What is known of the process that runs us: kept from world to world, because looking takes 20 ms.
_adoption = Adoption()
_rebinder = Rebinder()
_caches = LibraryCaches()
# How much more may be allocated than after the last full collection before the next world asks for one. The
# collector's own rule counts what survives its young collections, which hardly run between worlds.
GROWTH = 1.25
_blocks_after_collection = 0


class Simulation:
    """The kernel of a world, entered.

    Args:
        streams: the randomness of the world.
        policy_name: `fifo`, `random` or `pct`.
        carrier_name: `greenlet` or `thread`.
        epoch_ns: the wall clock at time 0.
        now_ns: where the world's clock begins.
        watchdog_s: how much real time one step may take; None switches the watchdog off.
    """

    def __init__(
        self,
        streams: Streams,
        *,
        policy_name: str = "random",
        carrier_name: str = "greenlet",
        epoch_ns: int = 0,
        now_ns: int = 0,
        watchdog_s: float | None = 20.0,
    ) -> None:
        self.kernel = Kernel(
            streams, policy.make(policy_name, streams), carriers.make(carrier_name), epoch_ns, now_ns
        )
        self.patches = Patches()
        self.late = LatePatches(self.patches)
        self.modules = Modules()
        self._wall = time.WallClock()
        self._surroundings = surroundings.Surroundings()
        self._clocks = RunnerClocks()
        self._watchdog = watchdog.Watchdog(self.kernel, watchdog_s)
        self._logging = LoggingState()
        # What puts things back, in reverse: also when entering fails half way.
        self._back = ExitStack()

    # -- entering and leaving ---------------------------------------------------------------------------

    def enter(self, rooms: Iterable[tuple[str, Callable[[], list[Patch]]]] = ()) -> None:
        """Begin: patch every boundary; the calling flow becomes the test's.

        Args:
            rooms: (module, patches) of the rooms in use; applied when the module is, or was, imported.
        """
        if state.kernel is not None:
            msg = "a world is open already; close it first (one world at a time, one after another)"
            raise UsageError(msg)
        try:
            self._enter(rooms)
        except BaseException:
            self._back.close()
            raise

    def _enter(self, rooms: Iterable[tuple[str, Callable[[], list[Patch]]]]) -> None:
        kernel, back = self.kernel, self._back
        _caches.enter()
        back.callback(_caches.leave)
        self._clocks.enter()
        back.callback(self._clocks.leave)
        back.callback(self.patches.undo)
        for boundary in BOUNDARIES:
            self.patches.apply(boundary.patches())
        self.late.enter()
        back.callback(self.late.leave)
        for module, make in (*LATER, *rooms):
            self.late.want(module, make)
        _rebinder.enter(self.patches.pairs())
        back.callback(lambda: _rebinder.leave(self.patches.pairs()))
        _adoption.enter()
        back.callback(_adoption.leave)
        self.modules.enter()
        back.callback(self.modules.leave)
        self._wall.enter()
        back.callback(self._wall.leave)
        self._logging.enter()
        back.callback(self._logging.leave)
        self._unraisable = sys.unraisablehook
        sys.unraisablehook = self._quiet
        back.callback(setattr, sys, "unraisablehook", self._unraisable)
        back.callback(_collect_as_before, on=gc.isenabled())
        _collect_closed_worlds()
        gc.disable()
        gc.freeze()
        back.callback(self._surroundings.leave)
        kernel.on_enter = self._switch
        kernel.carrier.open(kernel)
        back.callback(threading.enter_driver(kernel.driver))
        back.callback(_out_of_the_world)
        state.kernel = kernel
        state.task = kernel.driver
        self._watchdog.enter()
        back.callback(self._watchdog.leave)

    def leave(self) -> None:
        """End every task, and put every name back."""
        kernel = self.kernel
        state.task = kernel.driver
        try:
            kernel.close()
            graves.bury([process for process in kernel.processes if process.dead], self._grave)
        finally:
            self._back.close()

    def _quiet(self, args: Any, /) -> None:
        """Say nothing of a finalizer that was cut off; the rest is the runner's to tell."""
        if args.exc_type is None or not issubclass(args.exc_type, Killed):
            self._unraisable(args)

    def _grave(self, process: Process) -> None:
        task = Task(0, process, process.next_ident(), "grave", _nothing, ())
        task.killed = True
        state.task = task

    # -- processes --------------------------------------------------------------------------------------

    def _switch(self, old: Process | None, new: Process) -> None:
        self.modules.switch(new.modules)
        self._surroundings.enter(old, new)

    def give_modules(
        self, process: Process, path: Sequence[str], isolate: Iterable[str] | None = None
    ) -> ModuleSpace:
        """Give a process private modules: packages under `path`, or the ones named."""
        space = space_for(process, path, isolate)
        self.modules.hide(space.packages, process.host.name)
        process.modules = space
        return space


def _nothing() -> None:
    """Stand where a task has a function: this one is never run."""


def _out_of_the_world() -> None:
    state.task = None
    state.kernel = None


def _collect_closed_worlds() -> None:
    global _blocks_after_collection  # noqa: PLW0603 - of the process
    if sys.getallocatedblocks() > _blocks_after_collection * GROWTH:
        if _blocks_after_collection:
            gc.collect()
        _blocks_after_collection = sys.getallocatedblocks()


def _collect_as_before(*, on: bool) -> None:
    gc.unfreeze()
    if on:
        gc.enable()
