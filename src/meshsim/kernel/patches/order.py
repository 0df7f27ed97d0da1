"""Orders that would follow addresses: what libraries keep in sets of objects that hash by `id()`.

Threads and futures of pools get a serial hash, as those of asyncio have (`patches/asyncio.py`): a pool joins its
threads in the order of a set. Coroutines and asynchronous generators cannot be given one: `asyncio.as_completed`
gets futures that were made in the caller's order, and a loop keeps its generators in the order of their first step,
as anyio's cancel scopes keep their children. `all_tasks` makes its set from a sorted list, because the layout of a
set whose hashes collide depends on what stood in the interpreter's table of tasks before.
"""

from __future__ import annotations

import sys
import weakref
from asyncio import _get_running_loop, base_events, coroutines, ensure_future, futures, tasks
from concurrent.futures import Future, _base
from threading import Thread
from typing import TYPE_CHECKING, Any

from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch, existing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

real_thread_init: Any = Thread.__init__
real_future_init: Any = Future.__init__
real_as_completed: Any = tasks.as_completed
real_all_tasks: Any = tasks.all_tasks
real_loop_init: Any = base_events.BaseEventLoop.__init__


# -- threads and futures of pools -----------------------------------------------------------------------


def number(thing: Any, kind: str) -> None:
    """Give what a task makes the next number of its kind in its process, for `serial_hash`."""
    task = state.current()
    if task is not None:
        thing._mesh_serial = task.process.count(kind)


def thread_init(self: Any, *args: Any, **kwargs: Any) -> None:
    """Make a thread, with a serial number of its process."""
    number(self, "thread")
    real_thread_init(self, *args, **kwargs)


def future_init(self: Any) -> None:
    """Make a future of a pool, with a serial number of its process."""
    number(self, "pool future")
    real_future_init(self)


def serial_hash(self: Any) -> int:
    """Hash by the serial number; what was made outside of a world hashes as ever."""
    serial: int | None = getattr(self, "_mesh_serial", None)
    return object.__hash__(self) if serial is None else serial


def identity(thing: Any) -> int:
    """Return what stands for the address of a future: `wait` takes the locks of futures in the order of `id`.

    It is put in the place of the builtin in `concurrent.futures._base` alone, whose other use of it is a repr.
    """
    return hash(thing) if isinstance(thing, Future) else id(thing)


# -- asyncio --------------------------------------------------------------------------------------------


def _started(awaitables: Any) -> Any:
    """Make a future of each awaitable, in the order in which they were given; what is none is left to the real."""
    if state.current() is None or futures.isfuture(awaitables) or coroutines.iscoroutine(awaitables):
        return awaitables
    loop = _get_running_loop()
    return (
        awaitables if loop is None else [ensure_future(one, loop=loop) for one in dict.fromkeys(awaitables)]
    )


def _as_completed_generator(fs: Any, *, timeout: float | None = None) -> Iterator[Any]:
    # A generator, as the real one is up to 3.12: nothing starts before the first step.
    yield from real_as_completed(_started(fs), timeout=timeout)


def _as_completed_iterator(fs: Any, *, timeout: float | None = None) -> Any:
    return real_as_completed(_started(fs), timeout=timeout)


as_completed: Any = _as_completed_iterator if sys.version_info >= (3, 13) else _as_completed_generator


def all_tasks(loop: Any = None) -> Any:
    """Return the unfinished tasks of a loop, as a set that iterates alike in every run."""
    found = real_all_tasks(loop)
    if state.current() is None:
        return found
    in_order = sorted(found, key=hash)
    return set(in_order)


class InOrder:
    """A set of objects by identity, in the order of their addition.

    Args:
        table: where they are kept, by their ids: a dict, or a WeakValueDictionary for a WeakSet's place.
    """

    def __init__(self, table: MutableMapping[int, Any]) -> None:
        self._table = table

    def add(self, thing: Any) -> None:
        """Add an object behind the others."""
        self._table[id(thing)] = thing

    def discard(self, thing: Any) -> None:
        """Forget an object, if it is there."""
        self._table.pop(id(thing), None)

    def remove(self, thing: Any) -> None:
        """Forget an object.

        Raises:
            KeyError: it is not there.
        """
        del self._table[id(thing)]

    def clear(self) -> None:
        """Forget all."""
        self._table.clear()

    def __contains__(self, thing: object) -> bool:
        return id(thing) in self._table

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._table.values()))

    def __len__(self) -> int:
        return len(self._table)


def loop_init(self: Any) -> None:
    """Make a loop that closes its generators in the order in which they began."""
    real_loop_init(self)
    if state.current() is not None:
        self._asyncgens = InOrder(weakref.WeakValueDictionary())


# -- anyio ----------------------------------------------------------------------------------------------

ANYIO = "anyio._backends._asyncio"
_real: dict[str, Callable[..., None]] = {}


def scope_init(self: Any, *args: Any, **kwargs: Any) -> None:
    """Make a scope that cancels its children in the order in which they began."""
    _real["scope"](self, *args, **kwargs)
    if state.current() is not None:
        self._child_scopes = InOrder({})


def anyio_patches() -> list[Patch]:
    """Return the patch of anyio's cancel scopes, once somebody has imported it."""
    scope = getattr(sys.modules.get(ANYIO), "CancelScope", None)
    if scope is None:
        return []
    if scope.__init__ is not scope_init:
        _real["scope"] = scope.__init__
    return [Patch(scope, "__init__", scope_init)]


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    return [
        Patch(Thread, "__init__", thread_init),
        Patch(Thread, "__hash__", serial_hash),
        Patch(Future, "__init__", future_init),
        Patch(Future, "__hash__", serial_hash),
        Patch(_base, "id", identity),
        Patch(base_events.BaseEventLoop, "__init__", loop_init),
        *existing(tasks, {"as_completed": as_completed, "all_tasks": all_tasks}, rebind=True),
    ]
