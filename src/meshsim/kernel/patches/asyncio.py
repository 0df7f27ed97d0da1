"""Event loops: the stock asyncio loop, on a simulated selector.

The loop's own code stays the real one: callbacks, transports, executors, subclasses of a user's. What is
replaced lies under it: the selector parks the task that runs the loop, the self-pipe wakes that task, and
tasks and futures hash by a serial number, so that no set of them has an order of addresses.
"""

from __future__ import annotations

import asyncio
import collections.abc
import inspect
import math
import select
import selectors
import weakref
from asyncio import base_events, events, selector_events, unix_events
from functools import partial
from typing import TYPE_CHECKING, Any

from meshsim.kernel import descriptors, state
from meshsim.kernel.patches import sockets
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.patches.time import NANOSECONDS, zero_wait_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


real_default_selector = selectors.DefaultSelector
real_make_self_pipe = selector_events.BaseSelectorEventLoop._make_self_pipe  # type: ignore[attr-defined]
real_close_self_pipe = selector_events.BaseSelectorEventLoop._close_self_pipe  # type: ignore[attr-defined]
real_write_to_self = selector_events.BaseSelectorEventLoop._write_to_self  # type: ignore[attr-defined]
real_create_future = base_events.BaseEventLoop.create_future
real_call_exception_handler = base_events.BaseEventLoop.default_exception_handler
real_add_signal_handler = unix_events._UnixSelectorEventLoop.add_signal_handler
real_remove_signal_handler = unix_events._UnixSelectorEventLoop.remove_signal_handler
real_poll_register = selectors._PollLikeSelector.register
REAL_POLLERS = (type(select.poll()), select.epoll)
real_select = {
    kind: kind.select for kind in (selectors.EpollSelector, selectors.PollSelector, selectors.SelectSelector)
}

# So many polls without waiting may follow each other before one lets others run: a loop with callbacks to run
# polls once a turn, and each park costs two switches.
POLLS_BETWEEN_PARKS = 16


class SimSelector(selectors.BaseSelector):
    """Parks the task that selects; woken by whoever has something for its loop.

    What is registered may be a simulated descriptor (`kernel/descriptors.py`), which it watches; a real one is
    taken and never ready.
    """

    def __init__(self) -> None:
        self._map: dict[int, selectors.SelectorKey] = {}
        self._set = descriptors.Pollset()
        self._polls = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file object."""
        if not events or events & ~(selectors.EVENT_READ | selectors.EVENT_WRITE):
            msg = f"Invalid events: {events!r}"
            raise ValueError(msg)
        key = selectors.SelectorKey(fileobj, _fd_of(fileobj), events, data)
        if key.fd in self._map:
            msg = f"{fileobj!r} (FD {key.fd}) is already registered"
            raise KeyError(msg)
        file = descriptors.find(key.fd)
        self._map[key.fd] = key
        if file is not None:
            self._set.add(key.fd, file, _poll_mask(events))
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forget a file object, which may be closed."""
        try:
            key = self._map.pop(self._registered_fd(fileobj))
        except KeyError:
            msg = f"{fileobj!r} is not registered"
            raise KeyError(msg) from None
        if key.fd in self._set.interests:
            self._set.remove(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file object for something else."""
        fd = self._registered_fd(fileobj)
        old = self._map.get(fd)
        if old is None:
            msg = f"{fileobj!r} is not registered"
            raise KeyError(msg)
        key = self._map[fd] = old._replace(events=events, data=data)
        if fd in self._set.interests and events != old.events:
            self._set.change(fd, _poll_mask(events))
        return key

    def _registered_fd(self, fileobj: Any) -> int:
        try:
            return _fd_of(fileobj)
        except ValueError:
            for key in self._map.values():
                if key.fileobj is fileobj:
                    return key.fd
            raise

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Return what is registered, by file object or descriptor."""
        return Registered(self._map)

    def close(self) -> None:
        """Watch nothing."""
        self._set.clear()
        self._map.clear()

    def wake(self) -> None:
        """End the wait of whoever selects, or its next one."""
        self._set.wake()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Park until woken, until something is ready, or for `timeout` seconds of virtual time."""
        task = state.task
        kernel = state.kernel
        if task is None or kernel is None:
            return []
        if task.killed:
            # A crash is no shutdown: `asyncio.run` would cancel the loop's tasks and run it to their ends.
            kernel.park()
        pollset = self._set
        if pollset.woken:
            pollset.woken = False
            return self._ready()
        ready = self._ready() if pollset.dirty else []
        if ready or (timeout is not None and timeout <= 0):
            self._polls += 1
            if self._polls < POLLS_BETWEEN_PARKS:
                return ready
            deadline: int | None = kernel.now + zero_wait_ns(task)
        else:
            task.zero_waits = 0
            deadline = None if timeout is None else kernel.now + max(1, math.ceil(timeout * NANOSECONDS))
        self._polls = 0
        pollset.wait(deadline, "events of its loop")
        return self._ready()

    def _ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        keys = self._map
        found = []
        for fd, mask in self._set.ready():
            key = keys[fd]
            events = (selectors.EVENT_READ if mask & ~select.POLLOUT else 0) | (
                selectors.EVENT_WRITE if mask & ~select.POLLIN else 0
            )
            if events & key.events:
                found.append((key, events & key.events))
        return found


class Registered(collections.abc.Mapping):  # type: ignore[type-arg]  # keys are whatever has a descriptor
    """What is registered with a selector, as `get_map()` shows it."""

    def __init__(self, keys: dict[int, selectors.SelectorKey]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, fileobj: Any) -> selectors.SelectorKey:
        try:
            return self._keys[_fd_of(fileobj)]
        except (KeyError, ValueError):
            for key in self._keys.values():
                if key.fileobj is fileobj:
                    return key
            msg = f"{fileobj!r} is not registered"
            raise KeyError(msg) from None

    def __iter__(self) -> Iterator[int]:
        return iter(self._keys)


def _fd_of(fileobj: Any) -> int:
    try:
        fd = fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
    except (AttributeError, TypeError, ValueError):
        msg = f"Invalid file object: {fileobj!r}"
        raise ValueError(msg) from None
    if fd < 0:
        msg = f"Invalid file descriptor: {fd}"
        raise ValueError(msg)
    return fd


def _poll_mask(events: int) -> int:
    return (select.POLLIN if events & selectors.EVENT_READ else 0) | (
        select.POLLOUT if events & selectors.EVENT_WRITE else 0
    )


def default_selector() -> Any:
    """Return a simulated selector inside a host; the replacement of `selectors.DefaultSelector`."""
    return real_default_selector() if state.current() is None else SimSelector()


def make_self_pipe(self: Any) -> None:
    """Give a loop on a simulated selector no pipe, and tasks with serial hashes."""
    if isinstance(self._selector, SimSelector):
        self._ssock = self._csock = None
        task = state.task
        # Weak: libraries keep loops in tables of their own, and a loop must not keep its world.
        self._mesh_process = None if task is None else weakref.ref(task.process)
        if task is not None:
            loops = task.process.tables.get("loops")
            if loops is None:
                loops = task.process.tables["loops"] = weakref.WeakSet()
                task.process.at_death.append(partial(_silence, loops))
            loops.add(self)
        self._internal_fds = 0
        if self._task_factory is None:
            self._task_factory = make_task
    else:
        real_make_self_pipe(self)


def _silence(loops: Any) -> None:
    """Have what a process that has died leaves behind complain no more: nobody was left who could close it."""
    for loop in loops:
        for task in asyncio.all_tasks(loop):
            _forget(task.get_coro())
        for transport in list(getattr(loop, "_transports", {}).values()):
            transport._closing = True
            transport._sock = None
            secured = getattr(transport.get_protocol(), "_app_transport", None)
            if secured is not None:
                secured._closed = True


def _forget(coroutine: Any) -> None:
    """Close what a dead process has not begun, or Python warns that nobody awaited it.

    Not in the task's finalizer: of a cycle of garbage the coroutine may be the first to be finalized.
    """
    if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
        coroutine.close()


def close_self_pipe(self: Any) -> None:
    """Close nothing where there is no pipe."""
    if not isinstance(self._selector, SimSelector):
        real_close_self_pipe(self)


def write_to_self(self: Any) -> None:
    """Wake the task that runs the loop."""
    selector = self._selector
    if isinstance(selector, SimSelector):
        selector.wake()
    elif selector is not None:
        real_write_to_self(self)
        _wake_who_selects(selector)


def _wake_who_selects(selector: Any) -> None:
    """Wake the task that runs a loop which was made before the world, or by pytest-asyncio or anyio."""
    kernel = state.kernel
    if kernel is not None:
        kernel.wake(getattr(selector, "_mesh_task", None) or kernel.driver)


def _on_simulated(selector: Any) -> bool:
    """Whether what is under a selector waits in virtual time by itself: the tcp room's poll, epoll or select."""
    under = getattr(selector, "_selector", None)
    return sockets.room is not None if under is None else type(under) not in REAL_POLLERS


def poll_register(self: Any, fileobj: Any, events: int, data: Any = None) -> Any:
    """Register with a selector that may have been made before the world: it learns of simulated descriptors."""
    if sockets.room is not None and state.current() is not None and not _on_simulated(self):
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if fd >= descriptors.LOWEST:
            self._selector = sockets.room.adopt(self._selector)
    return real_poll_register(self, fileobj, events, data)


def _select_in_driver(kind: Any) -> Callable[..., Any]:
    real: Any = real_select[kind]

    def select(self: Any, timeout: float | None = None) -> Any:
        """Poll what is real; park for the time that is virtual."""
        task = state.current()
        kernel = state.kernel
        if task is None or kernel is None:
            return real(self, timeout)
        if _on_simulated(self):
            return real(self, timeout)
        events = real(self, 0)
        if events or (timeout is not None and timeout <= 0 and task.zero_waits < POLLS_BETWEEN_PARKS):
            task.zero_waits += 1
            return events
        if timeout is not None and timeout <= 0:
            deadline: int | None = kernel.now + zero_wait_ns(task)
        else:
            task.zero_waits = 0
            deadline = None if timeout is None else kernel.now + max(1, math.ceil(timeout * NANOSECONDS))
        self._mesh_task = task
        try:
            kernel.park(deadline)
        finally:
            self._mesh_task = None
        return real(self, 0)

    return select


# -- tasks and futures ----------------------------------------------------------------------------------


def _serial() -> int:
    task = state.task
    return 0 if task is None else task.process.count("asyncio")


class MeshTask(asyncio.Task):  # type: ignore[type-arg]  # generic only to type checkers
    """An asyncio task that hashes by a serial number of its process."""

    def __init__(self, coro: Any, *, loop: Any = None, name: str | None = None, **kwargs: Any) -> None:
        self._mesh_serial = _serial()
        task = state.task
        # What a crash leaves pending is nobody's mistake: its end is not told.
        self._mesh_process = None if task is None else weakref.ref(task.process)
        if task is not None and task.killed:
            _forget(coro)
        if name is None:
            name = f"Task-{task.process.count('asyncio task')}" if task is not None else None
        super().__init__(coro, loop=loop, name=name, **kwargs)

    def set_name(self, value: object, /) -> None:
        """Name the task; 3.13.0 says None to every task that a factory made, and that is no name."""
        if value is not None:
            super().set_name(value)

    def __del__(self) -> None:
        process = None if self._mesh_process is None else self._mesh_process()
        if process is not None and not process.dead:
            super().__del__()

    def __hash__(self) -> int:
        return self._mesh_serial


class MeshFuture(asyncio.Future):  # type: ignore[type-arg]  # generic only to type checkers
    """An asyncio future that hashes by a serial number of its process."""

    def __init__(self, *, loop: Any = None) -> None:
        self._mesh_serial = _serial()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._mesh_serial


def make_task(loop: Any, coro: Any, **kwargs: Any) -> Any:
    """Make a task for a loop; the task factory of every simulated one."""
    return MeshTask(coro, loop=loop, **kwargs)


def create_future(self: Any) -> Any:
    """Make a future for a loop."""
    if isinstance(getattr(self, "_selector", None), SimSelector):
        return MeshFuture(loop=self)
    return real_create_future(self)


def default_exception_handler(self: Any, context: dict[str, Any]) -> None:
    """Note what a loop reports: an exception that nobody will ever retrieve."""
    reference = getattr(self, "_mesh_process", None)
    owner = reference and reference()
    if reference is not None and (owner is None or owner.dead or state.kernel is None):
        # The collector finds what a crash left pending; that is nobody's mistake.
        return
    task = state.current()
    kernel = state.kernel
    if task is None or kernel is None or kernel.on_unhandled is None or context.get("exception") is None:
        real_call_exception_handler(self, context)
        return
    kernel.on_unhandled(task.process, str(context.get("message", "event loop")), context["exception"])


# -- signals --------------------------------------------------------------------------------------------


def add_signal_handler(self: Any, sig: int, callback: Callable[..., Any], *args: Any) -> None:
    """Have a signal of the host call back on the loop."""
    task = state.current()
    if task is None or not isinstance(self._selector, SimSelector):
        real_add_signal_handler(self, sig, callback, *args)
        return
    self._check_closed()
    if task is not task.process.main:
        msg = "add_signal_handler() can only be called from the main thread"
        raise ValueError(msg)
    task.process.signal_handlers[int(sig)] = lambda *_: self.call_soon_threadsafe(callback, *args)


def remove_signal_handler(self: Any, sig: int) -> bool:
    """Give a signal of the host its default again."""
    task = state.current()
    if task is None or not isinstance(self._selector, SimSelector):
        return bool(real_remove_signal_handler(self, sig))
    return task.process.signal_handlers.pop(int(sig), None) is not None


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    loop = selector_events.BaseSelectorEventLoop
    unix = unix_events._UnixSelectorEventLoop
    return [
        Patch(selectors, "DefaultSelector", default_selector),
        Patch(loop, "_make_self_pipe", make_self_pipe),
        Patch(loop, "_close_self_pipe", close_self_pipe),
        Patch(loop, "_write_to_self", write_to_self),
        Patch(base_events.BaseEventLoop, "create_future", create_future),
        Patch(base_events.BaseEventLoop, "default_exception_handler", default_exception_handler),
        Patch(unix, "add_signal_handler", add_signal_handler),
        Patch(unix, "remove_signal_handler", remove_signal_handler),
        *[Patch(kind, "select", _SELECTS[kind]) for kind in real_select],
        Patch(selectors._PollLikeSelector, "register", poll_register),
        # Nobody's policy outlives the world: this one is put back.
        Patch(events, "_event_loop_policy", events._event_loop_policy),  # type: ignore[attr-defined]
    ]


_SELECTS = {kind: _select_in_driver(kind) for kind in real_select}
