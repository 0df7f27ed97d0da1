"""Locks that were made before the world: found where they are held, and exchanged for its lifetime.

A real lock that a task holds while it parks freezes the process when another task wants it; a real RLock lets
the other task in, because both run on one thread. Usual imports leave 24 locks and 32 RLocks behind
(`concurrent.futures`, `logging`, jinja2, class and module locks). They cannot be trusted, so they are
replaced where they are held.

Looking through all objects takes 20 ms. It is done in the first world of a process and when modules were
imported since; otherwise only what was made since that look is looked at, which the collector keeps in order
of age. Holders of the second kind are not remembered: they are a test's fixtures, and would never be freed.
"""

from __future__ import annotations

import _thread
import collections
import gc
import sys
import threading
import types
from typing import TYPE_CHECKING, Any, NamedTuple

from meshsim.kernel.lock import Lock, RLock
from meshsim.kernel.patches.names import OURS, RUNNERS

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOCKS = (type(_thread.allocate_lock()), type(_thread.RLock()))
_SEQUENCES = (list, collections.deque)
_NO_HOLDERS = (type, types.FrameType, types.BuiltinMethodType, tuple, set, types.ModuleType)
# Bound methods that threading.Condition copies from its lock.
_CONDITION_COPIES = ("acquire", "release", "_release_save", "_acquire_restore", "_is_owned")
_OLDEST_GENERATION = 2
_MISSING = object()


class _Place(NamedTuple):
    """Where a lock is held: `key` of `holder` is `real` outside a world, and `ours` inside."""

    holder: Any
    key: Any
    real: Any
    ours: Any


def _runner_dicts() -> set[int]:
    """Return the ids of the globals of modules whose locks stay real: the runner's threads use them."""
    heads = {*RUNNERS, *OURS, "importlib", "_frozen_importlib", "_frozen_importlib_external"}
    return {
        id(vars(module))
        for name, module in list(sys.modules.items())
        if type(module) is types.ModuleType and name.partition(".")[0] in heads
    }


class Adoption:
    """The locks of before; remembers across the worlds of a process where they are held."""

    def __init__(self) -> None:
        self._modules = -1
        self._youngest: Any = None
        self._lasting: list[_Place] = []
        self._passing: list[_Place] = []

    def enter(self) -> None:
        """Put ours in their places."""
        fresh = None if len(sys.modules) != self._modules else self._younger()
        if fresh is None:
            everything = gc.get_objects()
            self._youngest = _landmark(everything)
            self._lasting = _Finder(everything).places
            self._modules = len(sys.modules)
        else:
            self._passing = _Finder(fresh).places
        for place in (*self._lasting, *self._passing):
            if _get(place) is place.real:
                _put(place, place.ours)

    def leave(self) -> None:
        """Put them back, where the world left ours."""
        for place in (*self._lasting, *self._passing):
            if _get(place) is place.ours:
                _put(place, place.real)
        self._passing = []
        # What was imported inside the world made its locks there, so they are ours already.
        self._modules = len(sys.modules)

    def _younger(self) -> list[Any] | None:
        """Return the objects made since the last full look; None when that cannot be told."""
        oldest = gc.get_objects(_OLDEST_GENERATION)
        for index in range(len(oldest) - 1, -1, -1):
            if oldest[index] is self._youngest:
                return oldest[index + 1 :] + gc.get_objects(1) + gc.get_objects(0)
        return None


def _landmark(everything: list[Any]) -> Any:
    """Return the youngest function, in the collector's order: what is kept alive with it is next to nothing."""
    return next((thing for thing in reversed(everything) if type(thing) is types.FunctionType), None)


class _Finder:
    """Finds the places of the locks among some objects, wherever in the process those are held."""

    def __init__(self, things: list[Any]) -> None:
        self.places: list[_Place] = []
        locks = [thing for thing in things if type(thing) in _LOCKS and not _held(thing)]
        self._ours: dict[int, Any] = {
            id(lock): (Lock if type(lock) is _LOCKS[0] else RLock)() for lock in locks
        }
        if locks:
            self._skipped = _runner_dicts() | {id(locks), id(things)}
            for holder in gc.get_referrers(*locks):
                if id(holder) not in self._skipped and not type(holder).__module__.startswith(
                    "meshsim.kernel"
                ):
                    self._look(holder)
            self._look_at_kinds(things)

    def _look(self, holder: Any) -> None:
        kind = type(holder)
        if issubclass(kind, dict):
            owner = _class_of(holder) if "__module__" in holder and "__dict__" in holder else None
            self._note(owner or holder, list(dict.items(holder)))
        elif kind is types.CellType:
            self._note(holder, [("cell_contents", holder.cell_contents)])
        elif issubclass(kind, _SEQUENCES):
            self._note(holder, list(enumerate(holder)))
        elif not issubclass(kind, _NO_HOLDERS) and id(getattr(holder, "__dict__", None)) not in self._skipped:
            self._note(holder, [(name, getattr(holder, name, None)) for name in _attributes(holder)])

    def _look_at_kinds(self, things: Iterable[Any]) -> None:
        """Look for holders of holders: default arguments, and what conditions copy from their locks."""
        for thing in things:
            kind = type(thing)
            if kind is types.FunctionType:
                defaults = thing.__defaults__
                if defaults and any(id(value) in self._ours for value in defaults):
                    ours = tuple(self._ours.get(id(value), value) for value in defaults)
                    self.places.append(_Place(thing, "__defaults__", defaults, ours))
            elif issubclass(kind, threading.Condition):
                self._look_at_condition(thing)

    def _look_at_condition(self, condition: Any) -> None:
        ours = self._ours.get(id(condition._lock))
        for name in _CONDITION_COPIES if ours is not None else ():
            copied = vars(condition).get(name, _MISSING)
            method = getattr(ours, name, _MISSING)
            if copied is not _MISSING or method is not _MISSING:
                self.places.append(_Place(condition, name, copied, method))

    def _note(self, holder: Any, items: Iterable[tuple[Any, Any]]) -> None:
        for key, value in items:
            ours = self._ours.get(id(value))
            if ours is not None:
                self.places.append(_Place(holder, key, value, ours))


def _held(lock: Any) -> bool:
    """Whether somebody holds a lock: an outside thread, which will release what it took."""
    return bool(lock.locked() if hasattr(lock, "locked") else lock._is_owned())


def _attributes(holder: Any) -> list[str]:
    names = list(getattr(holder, "__dict__", ()))
    for kind in type(holder).__mro__:
        slots = vars(kind).get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    return names


def _class_of(space: dict[str, Any]) -> Any:
    for owner in gc.get_referrers(space):
        if issubclass(type(owner), type):
            return owner
    return None


def _get(place: _Place) -> Any:
    holder, key = place.holder, place.key
    kind = type(holder)
    if issubclass(kind, dict):
        return dict.get(holder, key)
    if issubclass(kind, _SEQUENCES):
        return holder[key] if key < len(holder) else None
    if issubclass(kind, threading.Condition) and key in _CONDITION_COPIES:
        return vars(holder).get(key, _MISSING)
    return getattr(holder, key, None)


def _put(place: _Place, value: Any) -> None:
    holder, key = place.holder, place.key
    kind = type(holder)
    if issubclass(kind, dict):
        dict.__setitem__(holder, key, value)
    elif issubclass(kind, _SEQUENCES):
        holder[key] = value
    elif value is _MISSING:
        delattr(holder, key)
    else:
        try:
            setattr(holder, key, value)
        except AttributeError:
            # A frozen instance (a dataclass, an attrs class): its own setattr refuses, the object's does not.
            object.__setattr__(holder, key, value)
