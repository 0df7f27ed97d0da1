"""Locks, queues and pools that were made before the world: exchanged where they are held, for its lifetime.

A real lock that a task holds while it parks freezes the process when another task wants it; a real RLock lets
the other task in, because both run on one thread. Usual imports leave 24 locks and 32 RLocks behind
(`concurrent.futures`, `logging`, jinja2, class and module locks). They cannot be trusted, so they are
replaced where they are held. A pool's idle threads are real ones, so it gets none of them inside.

Looking through all objects takes 20 ms. It is done in the first world of a process and when modules were
imported since. Otherwise only what was made since that look is looked at, which the collector keeps in order
of age; and not even that when the types' own reference counts say that there is nothing new. Holders of the
second kind are not remembered: they are a test's fixtures, and would never be freed.
"""

from __future__ import annotations

import _thread
import gc
import sys
import types
import weakref
from typing import TYPE_CHECKING, Any

from meshsim.kernel.lock import Lock, RLock
from meshsim.kernel.patches.holders import HolderFinder, Place
from meshsim.kernel.patches.threading import SimpleQueue, real_simple_queue

if TYPE_CHECKING:
    from collections.abc import Iterable

_OURS = {type(_thread.allocate_lock()): Lock, type(_thread.RLock()): RLock, real_simple_queue: SimpleQueue}
_OLDEST_GENERATION = 2


class _Census:
    """Knows without looking whether a lock was made since the last look.

    Each instance of these types holds a reference to its type, so that the type's own count moves with theirs.
    """

    def __init__(self) -> None:
        self._base: dict[type, int] = {}
        self._known: dict[type, list[weakref.ref[Any]]] = {}

    def begin(self, found: Iterable[Any]) -> None:
        """Take a full look's result as all there are."""
        self._known = {kind: [] for kind in _OURS}
        self._base = dict.fromkeys(_OURS, 0)
        self.add(found)
        for kind in self._base:
            self._base[kind] = self._unknown(kind)

    def add(self, found: Iterable[Any]) -> None:
        """Know these as well."""
        for kind, known in self._known.items():
            known[:] = [reference for reference in known if reference() is not None]
            ids = {id(reference()) for reference in known}
            known += [weakref.ref(thing) for thing in found if type(thing) is kind and id(thing) not in ids]

    def _unknown(self, kind: type) -> int:
        # Called in the same way both times, so that it counts the same references of our own.
        return (
            sys.getrefcount(kind) - sum(known() is not None for known in self._known[kind]) - self._base[kind]
        )

    def nothing_new(self) -> bool:
        """Whether those that were known are all there are."""
        for kind in self._base:  # noqa: SIM110 - a generator would hold one more reference
            if self._unknown(kind):
                return False
        return True


class Adoption:
    """What of before is exchanged; remembers across the worlds of a process where it is held."""

    def __init__(self) -> None:
        self._modules = -1
        self._youngest: Any = None
        self._census = _Census()
        self._lasting = HolderFinder([], [])
        self._passing: list[weakref.ref[Any]] = []
        self._inside: list[tuple[Place, Any]] = []
        self._queues: list[tuple[Any, Any]] = []

    def enter(self) -> None:
        """Put ours in their places."""
        # The young ones join the old ones at their end: only so does the order of age survive a freeze.
        gc.collect(1)
        fresh: list[Any] | None = None
        if len(sys.modules) == self._modules:
            nothing = self._census.nothing_new() and not any(thing() is not None for thing in self._passing)
            fresh = [] if nothing else self._younger()
        if fresh is None:
            everything = gc.get_objects()
            self._youngest = _landmark(everything)
            found = [thing for thing in everything if type(thing) in _OURS]
            self._lasting = HolderFinder(everything, [thing for thing in found if not _held(thing)])
            # The list holds the types themselves as well, whose references are counted now.
            del everything
            self._census.begin(found)
            self._modules = len(sys.modules)
            self._passing = []
            self._put(self._lasting)
        else:
            self._put(self._lasting)
            found = [thing for thing in fresh if type(thing) in _OURS]
            if found:
                self._census.add(found)
                finder = HolderFinder(fresh, [thing for thing in found if not _held(thing)])
                self._put(finder)
                # What somebody holds has to be found again in the next world, where it is held then.
                self._passing = [
                    weakref.ref(place.real) for place in finder.places if type(place.real) in _OURS
                ]

    def _put(self, finder: HolderFinder) -> None:
        # New ones in every world: one that a killed task held stays locked.
        ours = {id(thing): _OURS[type(thing)]() for thing in finder.things}
        for place in finder.places:
            if place.get() is place.real:
                value = place.make(ours)
                place.put(value)
                self._inside.append((place, value))
        for thing in finder.things:
            if type(thing) is real_simple_queue:
                _pour(thing, ours[id(thing)])
                self._queues.append((thing, ours[id(thing)]))

    def leave(self) -> None:
        """Put them back, where the world left ours."""
        for place, value in self._inside:
            if place.get() is value:
                place.put(place.real)
        self._inside.clear()
        for real, ours in self._queues:
            _pour(ours, real)
        self._queues.clear()
        # What was imported inside the world made its locks there, so they are ours already.
        self._modules = len(sys.modules)

    def _younger(self) -> list[Any] | None:
        """Return the objects made since the last full look; None when that cannot be told."""
        oldest = gc.get_objects(_OLDEST_GENERATION)
        for index in range(len(oldest) - 1, -1, -1):
            if oldest[index] is self._youngest:
                return oldest[index + 1 :] + gc.get_objects(0)
        return None


def _landmark(everything: list[Any]) -> Any:
    """Return the youngest function, in the collector's order: what is kept alive with it is next to nothing."""
    return next((thing for thing in reversed(everything) if type(thing) is types.FunctionType), None)


def _held(thing: Any) -> bool:
    """Whether somebody holds a lock: an outside thread, which will release what it took."""
    if type(thing) is real_simple_queue:
        return False
    return bool(thing.locked() if hasattr(thing, "locked") else thing._is_owned())


def _pour(source: Any, target: Any) -> None:
    while not source.empty():
        target.put(source.get_nowait())
