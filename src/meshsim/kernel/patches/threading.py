"""Threads, locks, queues and identities.

Everything is patched below `threading.Thread`, so that the class and its subclasses stay the real ones: one
implementation for `start_new_thread` with its sentinel lock (3.11, 3.12), one for `start_joinable_thread`
with its handle (3.13). Each process has its own main thread and its own thread table.
"""

from __future__ import annotations

import _queue
import _thread
import concurrent.futures.thread as pools
import queue
import sys
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from meshsim.kernel import state
from meshsim.kernel.lock import Lock, RLock, nanoseconds
from meshsim.kernel.parking import ParkingLot
from meshsim.kernel.patches.patch import Patch, existing
from meshsim.kernel.patches.time import monotonic
from meshsim.kernel.task import Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meshsim.kernel.task import Task

real_get_ident = _thread.get_ident
real_get_native_id = _thread.get_native_id
real_start_new_thread = _thread.start_new_thread
real_allocate_lock = _thread.allocate_lock
real_rlock = _thread.RLock
real_main_thread = threading.main_thread
real_simple_queue = _queue.SimpleQueue
real_excepthook = threading.excepthook
real_counter = threading._counter  # type: ignore[attr-defined]
real_pool_counter = pools.ThreadPoolExecutor._counter  # type: ignore[attr-defined]
JOINABLE = sys.version_info >= (3, 13)


def _task() -> Task | None:
    task = state.task
    return task if task is not None and real_get_ident() in state.carriers else None


def get_ident() -> int:
    """Return the task's own identity; the replacement of `threading.get_ident`."""
    task = state.task
    if task is None or real_get_ident() not in state.carriers:
        return real_get_ident()
    return task.ident


def get_native_id() -> int:
    """Return a number like a kernel's thread id, equal in every run."""
    task = _task()
    return real_get_native_id() if task is None else task.process.pid + (task.ident >> 8 & 0xFFFF) - 1


def allocate_lock() -> Any:
    """Return a lock; the replacement of `_thread.allocate_lock`."""
    return Lock()


# -- starting threads -----------------------------------------------------------------------------------


def _body(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        function(*args, **kwargs)
    except (Killed, SystemExit):
        return
    finally:
        task = state.task
        sentinel = task.process.tables.pop(("sentinel", task.ident), None) if task else None
        if sentinel is not None and sentinel.locked():
            sentinel.release()


def start_new_thread(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None, /
) -> int:
    """Start a task in the caller's process; the replacement of `_thread.start_new_thread`."""
    task = _task()
    if task is None:
        return real_start_new_thread(function, args, kwargs or {})
    owner = getattr(function, "__self__", None)
    name = owner.name if isinstance(owner, threading.Thread) else getattr(function, "__name__", "thread")
    return state.kernel.spawn(task.process, _body, function, args, kwargs or {}, name=name).ident  # type: ignore[union-attr]


def set_sentinel() -> Any:
    """Return the lock that is released when the calling task ends (3.11, 3.12)."""
    task = _task()
    if task is None:
        return _REAL_SENTINEL()
    sentinel = task.process.tables[("sentinel", task.ident)] = Lock()
    return sentinel


_REAL_SENTINEL: Callable[[], Any] = getattr(_thread, "_set_sentinel", real_allocate_lock)


class ThreadHandle:
    """What `threading.Thread` joins on 3.13: done, or a lot of tasks that wait for it."""

    def __init__(self) -> None:
        self._done = False
        self._lot = ParkingLot()
        self.ident = 0

    def is_done(self) -> bool:
        """Whether the thread has ended."""
        return self._done

    def _set_done(self) -> None:
        self._done = True
        self._lot.unpark(len(self._lot))

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end; None or a negative number waits for ever."""
        kernel = state.kernel
        if kernel is None or _task() is None:
            return
        deadline = None if timeout is None or timeout < 0 else kernel.now + nanoseconds(timeout)
        while not self._done:
            if not self._lot.park(deadline, "thread to end"):
                return


def start_joinable_thread(function: Callable[[], object], handle: Any = None, daemon: bool = True) -> Any:  # noqa: FBT001, FBT002
    """Start a task in the caller's process; the replacement of `_thread.start_joinable_thread` (3.13)."""
    task = _task()
    if task is None:
        if isinstance(handle, ThreadHandle):
            handle = None
        return _thread.start_joinable_thread(function, handle=handle, daemon=daemon)  # type: ignore[attr-defined]
    handle = handle if isinstance(handle, ThreadHandle) else ThreadHandle()

    def body() -> None:
        try:
            function()
        finally:
            handle._set_done()

    owner = getattr(function, "__self__", None)
    name = owner.name if isinstance(owner, threading.Thread) else "thread"
    started = state.kernel.spawn(task.process, _body, body, (), {}, name=name)  # type: ignore[union-attr]
    # A task that is killed before it ran never enters `body`: its joiners are told all the same.
    started.done_callbacks.append(lambda _: handle._set_done())
    handle.ident = started.ident
    return handle


def make_thread_handle(ident: int) -> ThreadHandle:
    """Return the handle of a thread that runs already (3.13: the main thread's)."""
    handle = ThreadHandle()
    handle.ident = ident
    return handle


def get_main_thread_ident() -> int:
    """Return the identity of the process's main thread (3.13)."""
    task = _task()
    if task is None or task.process.main is None:
        return real_main_thread().ident or 0
    return task.process.main.ident


def main_thread() -> threading.Thread:
    """Return the main thread of the caller's process; the replacement of `threading.main_thread`."""
    task = _task()
    if task is None:
        return real_main_thread()
    found = task.process.tables.get("main_thread")
    return found if found is not None else real_main_thread()


def become_main_thread() -> None:
    """Give the calling task's process a main thread object; the task is its main task."""
    task = _task()
    if task is not None:
        task.process.tables["main_thread"] = threading._MainThread()  # type: ignore[attr-defined]


def excepthook(args: Any, /) -> None:
    """Note an exception that ended a thread; a killed task's end is nobody's error."""
    if args.exc_type is not None and issubclass(args.exc_type, Killed):
        return
    task = _task()
    kernel = state.kernel
    if task is None or kernel is None or kernel.on_unhandled is None:
        real_excepthook(args)
        return
    name = args.thread.name if args.thread is not None else "thread"
    kernel.on_unhandled(task.process, f"thread {name}", args.exc_value)


# -- tables a process -----------------------------------------------------------------------------------


class Table:
    """A table of `threading`'s that is another one in each process, and the real one outside a world."""

    def __init__(self, name: str, original: Any, make: Callable[[], Any]) -> None:
        self._name = name
        self._original = original
        self._make = make

    def _now(self) -> Any:
        task = _task()
        if task is None:
            return self._original
        tables = task.process.tables
        table = tables.get(self._name)
        if table is None:
            table = tables[self._name] = self._make()
        return table

    def __getattr__(self, name: str) -> Any:
        return getattr(self._now(), name)

    def __getitem__(self, key: Any) -> Any:
        return self._now()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._now()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._now()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._now()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


def thread_number() -> int:
    """Return the number in the next thread's name: 1, 2, 3, ... in each process."""
    task = _task()
    return real_counter() if task is None else task.process.count("thread name")


def pool_number() -> int:
    """Return the number in the next pool's name: 0, 1, 2, ... in each process."""
    task = _task()
    return real_pool_counter() if task is None else task.process.count("pool name") - 1


# -- queues ---------------------------------------------------------------------------------------------


class SimpleQueue:
    """What `queue.SimpleQueue()` gives inside a world; works for real threads as well."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._lot = ParkingLot()
        self._real: Any = None

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002, FBT001, FBT002
        """Add an item; never blocks."""
        self._items.append(item)
        if self._lot:
            self._lot.unpark()
        if self._real is not None:
            self._real.put(None)

    put_nowait = put

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002 - as the real one
        """Take the oldest item.

        Raises:
            queue.Empty: there is none, or none came in time.
        """
        items = self._items
        if items:
            return items.popleft()
        if block and timeout is not None and timeout < 0:
            msg = "'timeout' must be a non-negative number"
            raise ValueError(msg)
        if not block:
            raise _queue.Empty
        if _task() is None:
            return self._get_for_real(timeout)
        deadline = None if timeout is None else state.kernel.now + nanoseconds(timeout)  # type: ignore[union-attr]
        while not items:
            if not self._lot.park(deadline, "queue") and not items:
                raise _queue.Empty
        return items.popleft()

    def _get_for_real(self, timeout: float | None) -> Any:
        """Block a real thread: it waits on a real queue of tokens."""
        if self._real is None:
            self._real = real_simple_queue()
        while not self._items:
            self._real.get(timeout=timeout)
        return self._items.popleft()

    def get_nowait(self) -> Any:
        """Take the oldest item, or raise `queue.Empty`."""
        return self.get(block=False)

    def empty(self) -> bool:
        """Whether there is no item."""
        return not self._items

    def qsize(self) -> int:
        """Return the number of items."""
        return len(self._items)

    __class_getitem__ = classmethod(lambda cls, _: cls)


def _real_tables() -> list[Patch]:
    tables: list[tuple[Any, str, Callable[[], Any]]] = [
        (threading, "_active", dict),
        (threading, "_limbo", dict),
        (threading, "_dangling", weakref.WeakSet),
        (threading, "_shutdown_locks", set),
        (threading, "_threads_queues", dict),
        (pools, "_threads_queues", weakref.WeakKeyDictionary),
    ]
    return [
        Patch(owner, name, Table(f"{owner.__name__}.{name}", getattr(owner, name), make))
        for owner, name, make in tables
        if hasattr(owner, name)
    ]


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    followed = {
        "get_ident": get_ident,
        "get_native_id": get_native_id,
        "allocate_lock": allocate_lock,
        "RLock": RLock,
        "start_new_thread": start_new_thread,
    }
    found = existing(_thread, followed, rebind=True)
    found += existing(_thread, {"allocate": allocate_lock, "start_new": start_new_thread})
    found += existing(
        threading,
        {
            "get_ident": get_ident,
            "get_native_id": get_native_id,
            "_allocate_lock": allocate_lock,
            "_CRLock": RLock,
            "_start_new_thread": start_new_thread,
            "_set_sentinel": set_sentinel,
            "_start_joinable_thread": start_joinable_thread,
            "_ThreadHandle": ThreadHandle,
            "_make_thread_handle": make_thread_handle,
            "_get_main_thread_ident": get_main_thread_ident,
            # What wait_for() and Barrier measure by.
            "_time": monotonic,
        },
    )
    found += existing(
        threading,
        {"Lock": Lock, "RLock": RLock, "main_thread": main_thread, "excepthook": excepthook},
        rebind=True,
    )
    found += existing(_queue, {"SimpleQueue": SimpleQueue}, rebind=True)
    found += existing(queue, {"SimpleQueue": SimpleQueue})
    found += existing(threading, {"_counter": thread_number})
    found += existing(pools.ThreadPoolExecutor, {"_counter": staticmethod(pool_number)})
    return found + _real_tables()


def enter_driver(driver: Task) -> Callable[[], None]:
    """Let the driver's task be the thread that opened the world; returns what undoes it."""
    thread = threading.current_thread()
    active = threading._active  # type: ignore[attr-defined]
    real = thread._ident  # type: ignore[attr-defined]
    driver.process.tables["main_thread"] = threading.main_thread()
    others = {ident: other for ident, other in list(active.items()) if other is not thread}
    driver.process.tables["threading._active"] = {**others, driver.ident: thread}
    thread._ident = driver.ident  # type: ignore[attr-defined]

    def leave() -> None:
        thread._ident = real  # type: ignore[attr-defined]

    return leave
