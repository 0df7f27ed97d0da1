"""The hub: ready tasks, timers, and time that jumps when nothing is ready.

The hub is a flow of its own, on which what is due runs: timers and packet deliveries, no user code. A task that
blocks switches to its successor, and to the hub only when something is due first. To run that in place as well
would save two switches a packet, but it was tried and is not clean: the frames of a service's stack are the
callers of whatever runs on it, so that an error made and kept by a server held the client's objects alive, whose
finalizers then closed their connections at other moments.
"""

from __future__ import annotations

import gc
from asyncio import _get_running_loop, _set_running_loop
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, NoReturn

from meshsim.errors import DeadlockError, LivelockError, UsageError
from meshsim.kernel import state, stuck
from meshsim.kernel.host import Host
from meshsim.kernel.process import FIRST_PID, Process
from meshsim.kernel.task import DONE, NEW, PARKED, RAISES_BEFORE_ZOMBIE, READY, RUNNING, Killed, Task
from meshsim.kernel.timer import Timer, is_stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.core.streams import Streams
    from meshsim.kernel.policy import Policy

# Virtual time that stands still for this many steps is a livelock.
LIVELOCK_STEPS = 500_000
# The collector runs on the hub at counted steps, never when it likes: a finalizer that emits something would
# otherwise do so at another moment in each run.
COLLECT_EVERY_STEPS = 16_384
FULL_COLLECT_EVERY = 64
# Stale timers go when they are most of the heap.
COMPACT_AT = 4_096
# The thread table of a process, as `patches/threading.py` keeps it.
THREADS = "threading._active"


class Kernel:
    """Tasks, timers and the clock of one world.

    Args:
        streams: where the order of ready tasks and each host's randomness is drawn from.
        policy: which of several ready tasks runs next.
        carrier: makes what tasks run on (`carriers/`).
        epoch_ns: the wall clock's reading at time 0.
        now_ns: where the clock begins; a world boots before 0.
    """

    def __init__(
        self, streams: Streams, policy: Policy, carrier: Any, epoch_ns: int, now_ns: int = 0
    ) -> None:
        self.streams = streams
        self.policy = policy
        self.carrier = carrier
        self.epoch_ns = epoch_ns
        self.now = now_ns
        self.ready: list[Task] = []
        self.heap: list[tuple[int, int, Task | None, Any]] = []
        self.sequence = 0
        self.steps = 0
        self.still_steps = 0
        self.hosts: dict[str, Host] = {}
        self.processes: list[Process] = []
        self.active: Process | None = None
        self.on_enter: Callable[[Process | None, Process], None] | None = None
        self.on_switch: Callable[[int], object] | None = None
        self.on_exit: Callable[[Process], None] | None = None
        self.on_unhandled: Callable[[Process, str, BaseException | None], None] | None = None
        self.paused: dict[Host, list[Task]] = {}
        self.zombies: list[Task] = []
        self.interrupted = False
        self.closing = False
        # What the rooms find through the one current world; set by it.
        self.fabric: Any = None
        self.recorder: Any = None
        self.world: Any = None
        # Whom a task leaves for, on the way there.
        self.following: Task | None = None
        self._serial = 0
        self._pid = FIRST_PID - 1
        self.driver = self._make_driver()
        # The test's own process; the driver's task may run as another host for a while (`mesh.on`).
        self.home = self.driver.process
        # Whose flow finalizers run in: dead from the beginning, so that nothing of theirs can wait.
        self.collector = Task(0, self.home, self.home.next_ident(), "collector", _nothing, ())
        self.collector.killed = True
        # Whose flow the functions of timers run in: it cannot wait either, and says so.
        self.hub = Task(0, self.home, self.home.next_ident(), "hub", _nothing, ())
        self.hub.killed = True

    # -- hosts, processes, tasks ------------------------------------------------------------------------

    def _make_driver(self) -> Task:
        host = self.add_host("test", "test")
        process = self.boot(host)
        driver = Task(self._next_serial(), process, process.next_ident(), "MainThread", _nothing, ())
        driver.state = RUNNING
        process.main = driver
        process.tasks[driver.serial] = driver
        self.active = process
        return driver

    def _next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def add_host(self, name: str, service: str) -> Host:
        """Add a machine; it has no process until `boot`."""
        if name in self.hosts:
            msg = f"host {name!r} exists already; each host needs a name of its own"
            raise UsageError(msg)
        host = self.hosts[name] = Host(name, service, len(self.hosts))
        return host

    def boot(self, host: Host) -> Process:
        """Give a host a new process, without tasks yet."""
        self._pid += 1
        host.boots += 1
        label = f"host:{host.name}" if host.boots == 1 else f"host:{host.name}#{host.boots}"
        process = Process(host, self._pid, self.streams.get(label), label)
        host.process = process
        self.processes.append(process)
        return process

    def spawn(self, process: Process, function: Callable[..., Any], *args: Any, name: str = "") -> Task:
        """Start a task on a process; it runs when the caller parks."""
        serial = self._next_serial()
        task = Task(
            serial, process, process.next_ident(), name or f"task-{process.count('task')}", function, args
        )
        if process.dead:
            task.state = DONE
            return task
        process.tasks[serial] = task
        if process.main is None:
            process.main = task
        self.carrier.prepare(self, task)
        task.state = READY
        self.ready.append(task)
        return task

    # -- what tasks do ----------------------------------------------------------------------------------

    def park(self, deadline_ns: int | None = None) -> bool:
        """Park the calling task until somebody wakes it or the deadline passes.

        Args:
            deadline_ns: the moment to give up, on the world's clock; None waits for ever.

        Returns:
            False when the deadline passed. A wake may be spurious (a signal handler ran): callers look at
            what they waited for, and park again.
        """
        task = state.task
        if task is None:
            msg = "park() was called outside of a task; only code inside a world can wait on virtual time"
            raise UsageError(msg)
        if task.killed:
            self._die_again(task)
        task.token += 1
        if deadline_ns is not None:
            self.sequence += 1
            heappush(self.heap, (deadline_ns, self.sequence, task, task.token))
        task.state = PARKED
        task.woken = False
        loop = _get_running_loop()
        # A loop belongs to the flow that runs it, not to the thread that carries every flow.
        if loop is not None:
            _set_running_loop(None)
        following = self.next_task(on_hub=False)
        if following is not task:
            # Not kept by this frame: it would keep alive what the other task holds, when that has ended.
            self.following = following
            del following
            self.carrier.switch(task, self)
        if loop is not None:
            _set_running_loop(loop)
        if task.signals:
            return self._attend(task)
        return task.woken

    def _attend(self, task: Task) -> bool:
        woken = task.woken
        while task.signals:
            alert = task.signals.pop(0)
            alert()
            woken = True
        return woken

    def _die_again(self, task: Task) -> None:
        if task is self.hub:
            msg = "a function that a timer calls runs on the hub and must not wait; spawn a task for it"
            raise UsageError(msg)
        if self.closing or task is self.collector:
            raise Killed
        task.deaths += 1
        if task.deaths <= RAISES_BEFORE_ZOMBIE:
            raise Killed
        self.bury(task)

    def bury(self, task: Task) -> NoReturn:
        """Park the calling task for good, count it, and tell whoever asks: nothing makes it stop."""
        task.state = DONE
        task.wait = "nothing, it survived its process"
        self.zombies.append(task)
        task.process.tasks.pop(task.serial, None)
        while True:
            self.carrier.to_hub(task)

    def wake(self, task: Task) -> None:
        """Make a parked task ready; a task that is not parked is left alone."""
        if task.state == PARKED:
            task.state = READY
            task.token += 1
            task.woken = True
            self.ready.append(task)

    def alert(self, task: Task, function: Callable[[], None]) -> None:
        """Interrupt a task: `function` runs in its flow at its next step, and may raise there."""
        task.signals.append(function)
        self.wake(task)

    def sleep(self, duration_ns: int) -> None:
        """Park the calling task for a duration of virtual time."""
        deadline = self.now + duration_ns
        task = state.task
        if task is not None:
            task.wait = "sleep"
        while self.now < deadline:
            self.park(deadline)

    def call_at(self, when_ns: int, function: Callable[..., None], *args: Any) -> Timer:
        """Have the hub call `function` at a moment; it must neither park nor run user code."""
        timer = Timer(when_ns, function, args)
        self.sequence += 1
        # No max(): each packet comes through here.
        when_ns = when_ns if when_ns > self.now else self.now  # noqa: FURB136
        heappush(self.heap, (when_ns, self.sequence, None, timer))
        return timer

    # -- the hub ----------------------------------------------------------------------------------------

    def loop(self, *_: object) -> None:
        """Run until the world closes; this is the body of the hub's own flow, to which ended tasks lead."""
        while (task := self.following or self.next_task(on_hub=True)) is not None:
            self.following = None
            self.carrier.resume(task)

    def next_task(self, *, on_hub: bool) -> Task | None:  # noqa: C901, PLR0912 - the hot loop, in one frame
        """Let time jump, and take the task that runs next.

        Args:
            on_hub: whether this is the hub, and may do what is due.

        Returns:
            None when the world closes, or when something is due that only the hub may do.
        """
        ready = self.ready
        heap = self.heap
        while True:
            try:
                while not self.closing:
                    if self.interrupted:
                        self.interrupted = False
                        self.fail(KeyboardInterrupt())
                    while heap and heap[0][0] <= self.now:
                        _, _, task, what = heap[0]
                        if task is None:
                            function = what.function
                            if function is not None:
                                if not on_hub:
                                    return None
                                heappop(heap)
                                what.function = None
                                state.task = self.hub
                                function(*what.args)
                                continue
                        elif task.token == what and task.state == PARKED:
                            task.state = READY
                            ready.append(task)
                        heappop(heap)
                    if ready:
                        if not (self.steps + 1) % COLLECT_EVERY_STEPS and not on_hub:
                            return None
                        task = ready.pop() if len(ready) == 1 else self.policy.pick(ready)
                        if task.process is not self.active and not self._enter(task):
                            continue
                        self.steps += 1
                        self.still_steps += 1
                        if not self.steps % COLLECT_EVERY_STEPS:
                            self._collect()
                        if self.on_switch is not None:
                            self.on_switch(task.serial)
                        task.state = RUNNING
                        state.task = task
                        return task
                    self._advance()
            except Killed:
                # The watchdog's: the driver has got its error.
                continue
            except BaseException as error:  # noqa: BLE001 - whatever goes wrong here is the driver's to see
                self.fail(error)
            else:
                return None

    def _advance(self) -> None:
        heap = self.heap
        while heap:
            when, _, task, what = heap[0]
            if (what.function is None) if task is None else (task.token != what or task.state != PARKED):
                heappop(heap)
                continue
            if when > self.now:
                self.now = when
                self.still_steps = 0
            return
        if not stuck.freed_from_outside(self):
            self.fail(DeadlockError(stuck.deadlock(self)))

    def _collect(self) -> None:
        if self.still_steps > LIVELOCK_STEPS:
            self.still_steps = 0
            self.fail(LivelockError(stuck.livelock(self, LIVELOCK_STEPS)))
        full = not (self.steps // COLLECT_EVERY_STEPS) % FULL_COLLECT_EVERY
        # A finalizer may close a seam; one that wants to wait is cut off, for the hub cannot park.
        before, state.task = state.task, self.collector
        try:
            gc.collect(2 if full else 1)
        finally:
            state.task = before
        heap = self.heap
        if len(heap) > COMPACT_AT:
            alive = [entry for entry in heap if not is_stale(entry)]
            if len(alive) * 2 < len(heap):
                heap[:] = alive
                heapify(heap)

    def _enter(self, task: Task) -> bool:
        """Make the task's process the active one; False when its host is paused."""
        process = task.process
        if process.host.paused and not task.killed:
            self.paused.setdefault(process.host, []).append(task)
            return False
        if self.on_enter is not None:
            self.on_enter(self.active, process)
        self.active = process
        return True

    def fail(self, error: BaseException) -> Callable[[], None]:
        """Raise an error in the driver, whatever runs; returns what does it, in the driver's `signals`."""
        driver = self.driver

        def throw() -> None:
            raise error

        driver.signals.append(throw)
        self.wake(driver)
        return throw

    def take_over(self) -> None:
        """Let the driver run on although it was not resumed: a step was given up."""
        driver = self.driver
        driver.token += 1
        driver.state = RUNNING
        if driver in self.ready:
            self.ready.remove(driver)
        self._leave()
        state.task = driver

    # -- life and death ---------------------------------------------------------------------------------

    def pause(self, host: Host) -> None:
        """Stop running the tasks of a host, as SIGSTOP does; the network goes on without it."""
        host.paused = True
        if self.active is not None and self.active.host is host:
            self._leave()

    def resume(self, host: Host) -> None:
        """Run the tasks of a paused host again."""
        host.paused = False
        self.ready.extend(self.paused.pop(host, []))

    def _leave(self) -> None:
        if self.active is not None and self.on_enter is not None:
            self.on_enter(self.active, self.home)
        self.active = self.home

    def kill(self, process: Process, exit_code: int) -> None:
        """End a process at once, as SIGKILL does: no task of it reaches the network again."""
        if process.dead:
            return
        process.dead = True
        process.exit_code = exit_code
        if process.host.process is process:
            process.host.process = None
        for call in process.at_death:
            call()
        process.at_death.clear()
        mine = False
        for task in list(process.tasks.values()):
            mine |= self._kill_task(task)
        if self.on_exit is not None:
            self.on_exit(process)
        if mine:
            raise Killed

    def _kill_task(self, task: Task) -> bool:
        task.killed = True
        if task.state == NEW or self.carrier.unborn(task):
            self.finish(task)
            self.ready[:] = [other for other in self.ready if other is not task]
            return False
        if task.state == RUNNING:
            return task is state.task
        task.signals.append(_raise_killed)
        self.wake(task)
        held = self.paused.get(task.process.host)
        if held and task in held:
            held.remove(task)
            self.ready.append(task)
        return False

    def finish(self, task: Task) -> None:
        """Note that a task has ended; called in its own flow, or for one that never began."""
        task.state = DONE
        process = task.process
        process.tasks.pop(task.serial, None)
        # `current_thread()` in a task that is no Thread leaves a dummy behind, which nobody else removes.
        threads = process.tables.get(THREADS)
        if threads is not None:
            threads.pop(task.ident, None)
        callbacks, task.done_callbacks = task.done_callbacks, []
        for callback in callbacks:
            callback(task)

    def close(self) -> None:
        """Kill every process and run until their tasks have ended; called by the driver."""
        for process in list(self.processes):
            if process is not self.home:
                self.kill(process, -9)
        for task in list(self.home.tasks.values()):
            if task is not self.driver:
                self._kill_task(task)
        self.heap.clear()
        # The instant is enough: dying takes no virtual time, and whoever asks for some becomes a zombie.
        while any(task.state == READY for task in self.ready):
            self.call_at(self.now, self.wake, self.driver)
            self.park()
        self._leave()
        self.closing = True
        self.carrier.close(self)
        if self.zombies:
            # Their stacks cannot be freed, and lead to this object: it lets go of everything large.
            self.fabric = self.recorder = self.world = None


def _raise_killed() -> None:
    raise Killed


def _nothing() -> None:
    """The driver's function: pytest calls the driver, the kernel never does."""


def start(kernel: Kernel, task: Task) -> None:
    """Run the body of a task; carriers call it in the flow that they made."""
    try:
        if not task.killed:
            task.result_value = task.function(*task.args)
    except Killed:
        pass
    except BaseException as error:  # noqa: BLE001 - kept for whoever joins the task
        task.error = error
    kernel.finish(task)
