"""Locks, queues and pools that were made before the world: exchanged where they are held, for its lifetime.

A real lock that a task holds while it parks freezes the process when another task wants it; a real RLock lets
the other task in, because both run on one thread. Usual imports leave 24 locks and 32 RLocks behind
(`concurrent.futures`, `logging`, jinja2, class and module locks). They cannot be trusted, so they are
replaced where they are held. A pool's idle threads are real ones, so it gets none of them inside.

Looking through all objects takes 20 ms. It is done in the first world of a process and when modules were
imported since. Otherwise the types' own reference counts say whether a lock was made meanwhile, and only then
is anything looked for. The order in which the collector keeps objects was tried as a sign of age; a full
collection changes it. Holders of what was made between worlds are not remembered: they are a test's fixtures,
and would never be freed.
"""

from __future__ import annotations

import _thread
import gc
import sys
import weakref
from typing import TYPE_CHECKING, Any

from meshsim.kernel.carriers.baton import Baton
from meshsim.kernel.lock import Lock, RLock
from meshsim.kernel.patches.holders import HolderFinder, Place
from meshsim.kernel.patches.threading import SimpleQueue, real_simple_queue

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOCK = type(_thread.allocate_lock())
_OURS = {_LOCK: Lock, type(_thread.RLock()): RLock, real_simple_queue: SimpleQueue}
# What of ours holds a real lock each, and where.
_HOLDERS: dict[type, str] = {Lock: "_real", Baton: "lock"}
_KINDS = {*_OURS, *_HOLDERS}


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
        self.rest()

    def add(self, found: Iterable[Any]) -> None:
        """Know these as well."""
        for kind, known in self._known.items():
            ids = {id(reference()) for reference in known}
            known += [weakref.ref(thing) for thing in found if type(thing) is kind and id(thing) not in ids]

    def _unknown(self, kind: type) -> int:
        # Called in the same way each time, so that it counts the same references of our own.
        known = sum(thing() is not None for thing in self._known[kind])
        # Those of a closed world live until the collector comes.
        held_by_ours = sum(map(sys.getrefcount, _HOLDERS)) if kind is _LOCK else 0
        return sys.getrefcount(kind) - known - held_by_ours - self._base[kind]

    def news(self) -> list[Any]:
        """Look for those that are not known, and know them from now on."""
        known = {
            id(thing)
            for kind in self._known.values()
            for reference in kind
            if (thing := reference()) is not None
        }
        found = [thing for thing in _of_before() if id(thing) not in known]
        self.add(found)
        self.rest()
        return found

    def rest(self) -> None:
        """Take what is counted now as all there is: a name or a tuple may refer to the types as well."""
        for known in self._known.values():
            known[:] = [reference for reference in known if reference() is not None]
        for kind in self._base:
            uncounted = self._unknown(kind)
            self._base[kind] += uncounted

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
        self._census = _Census()
        self._lasting = HolderFinder([])
        self._passing: list[weakref.ref[Any]] = []
        self._inside: list[tuple[Place, Any]] = []
        self._queues: list[tuple[Any, Any]] = []

    def enter(self) -> None:
        """Put ours in their places."""
        if len(sys.modules) != self._modules:
            self._look_at_everything()
            self._put(self._lasting)
            return
        self._put(self._lasting)
        passing = [thing for reference in self._passing if (thing := reference()) is not None]
        if not self._census.nothing_new():
            passing += self._census.news()
        # What somebody holds has to be found again in the next world, where it is held then.
        self._passing = [weakref.ref(thing) for thing in passing]
        # In place: another list of them would be taken for a holder.
        passing[:] = [thing for thing in passing if not _held(thing)]
        if passing:
            self._put(HolderFinder(passing))

    def _look_at_everything(self) -> None:
        # What the last look found is no holder for this one.
        self._lasting = HolderFinder([])
        found = _of_before()
        self._census.begin(found)
        found[:] = [thing for thing in found if not _held(thing)]
        self._lasting = HolderFinder(found)
        self._modules = len(sys.modules)
        self._passing = []

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
        self._census.rest()


def _of_before() -> list[Any]:
    """Return the locks and queues of the process that no lock of ours holds."""
    found = [thing for thing in gc.get_objects() if type(thing) in _KINDS]
    inner = {id(getattr(thing, _HOLDERS[type(thing)])) for thing in found if type(thing) in _HOLDERS}
    return [thing for thing in found if type(thing) not in _HOLDERS and id(thing) not in inner]


def _held(thing: Any) -> bool:
    """Whether somebody holds a lock: an outside thread, which will release what it took."""
    if type(thing) is real_simple_queue:
        return False
    return bool(thing.locked() if hasattr(thing, "locked") else thing._is_owned())


def _pour(source: Any, target: Any) -> None:
    while not source.empty():
        target.put(source.get_nowait())
