"""Finds whatever holds a lock: modules, classes, instances, slots, closures, defaults, containers, conditions."""

from __future__ import annotations

import collections
import concurrent.futures
import gc
import sys
import threading
import types
from typing import TYPE_CHECKING, Any, Final

from meshsim.kernel.patches.names import OURS, RUNNERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MISSING: Final = object()
_SEQUENCES = (list, collections.deque)
_NO_HOLDERS = (type, types.FrameType, types.BuiltinMethodType, tuple, set, types.ModuleType)
# Bound methods that threading.Condition copies from its lock.
_CONDITION_COPIES = ("acquire", "release", "_release_save", "_acquire_restore", "_is_owned")
# What a pool knows of its threads, which are real ones if it has any.
_POOL_PARTS: dict[str, Callable[[], Any]] = {
    "_threads": set,
    "_idle_semaphore": lambda: threading.Semaphore(0),
}


class Place:
    """Where something is held: `key` of `holder` is `real` outside a world, and what `make` gives inside.

    Args:
        make: gets what replaces each thing, by the thing's id.
    """

    __slots__ = ("_holder", "_key", "make", "real")

    def __init__(self, holder: Any, key: Any, real: Any, make: Callable[[dict[int, Any]], Any]) -> None:
        self._holder = holder
        self._key = key
        self.real = real
        self.make = make

    def get(self) -> Any:
        """Return what is there now."""
        holder, key = self._holder, self._key
        kind = type(holder)
        if issubclass(kind, dict):
            return dict.get(holder, key)
        if issubclass(kind, _SEQUENCES):
            return holder[key] if key < len(holder) else None
        if issubclass(kind, threading.Condition) and key in _CONDITION_COPIES:
            return vars(holder).get(key, MISSING)
        return getattr(holder, key, None)

    def put(self, value: Any) -> None:
        """Put something there."""
        holder, key = self._holder, self._key
        kind = type(holder)
        if issubclass(kind, dict):
            dict.__setitem__(holder, key, value)
        elif issubclass(kind, _SEQUENCES):
            holder[key] = value
        elif value is MISSING:
            delattr(holder, key)
        elif issubclass(kind, type):
            type.__setattr__(holder, key, value)
        else:
            try:
                setattr(holder, key, value)
            except AttributeError:
                # A frozen instance (a dataclass, an attrs class): its own setattr refuses, the object's does not.
                object.__setattr__(holder, key, value)


class HolderFinder:
    """The places of some things.

    Args:
        objects: among these are holders of holders: functions with defaults, conditions, pools.
        things: what is held, anywhere in the process.
    """

    def __init__(self, objects: list[Any], things: list[Any]) -> None:
        self.things = things
        self.places: list[Place] = []
        self._ids = {id(thing) for thing in things}
        self._skipped: set[int] = set()
        if things:
            self._skipped = _runner_dicts() | {id(things), id(objects)}
            for holder in gc.get_referrers(*things):
                if id(holder) not in self._skipped and not type(holder).__module__.startswith(
                    "meshsim.kernel"
                ):
                    self._look(holder)
            self._look_at_kinds(objects)

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

    def _note(self, holder: Any, items: Iterable[tuple[Any, Any]]) -> None:
        for key, value in items:
            if id(value) in self._ids:
                self.places.append(Place(holder, key, value, _instead_of(value)))

    def _look_at_kinds(self, objects: Iterable[Any]) -> None:
        for thing in objects:
            kind = type(thing)
            if kind is types.FunctionType:
                defaults = thing.__defaults__
                if defaults and not self._ids.isdisjoint(map(id, defaults)):
                    self.places.append(Place(thing, "__defaults__", defaults, _defaults_instead_of(defaults)))
            elif issubclass(kind, threading.Condition):
                self._look_at_condition(thing)
            elif issubclass(kind, concurrent.futures.ThreadPoolExecutor):
                for name, make in _POOL_PARTS.items():
                    self.places.append(Place(thing, name, getattr(thing, name), _made_by(make)))

    def _look_at_condition(self, condition: Any) -> None:
        lock = condition._lock
        if id(lock) in self._ids:
            for name in _CONDITION_COPIES:
                copied = vars(condition).get(name, MISSING)
                if copied is not MISSING or name in ("acquire", "release"):
                    self.places.append(Place(condition, name, copied, _method_instead_of(lock, name)))


def _instead_of(thing: Any) -> Callable[[dict[int, Any]], Any]:
    return lambda ours: ours[id(thing)]


def _defaults_instead_of(defaults: tuple[Any, ...]) -> Callable[[dict[int, Any]], Any]:
    return lambda ours: tuple(ours.get(id(value), value) for value in defaults)


def _method_instead_of(lock: Any, name: str) -> Callable[[dict[int, Any]], Any]:
    return lambda ours: getattr(ours[id(lock)], name)


def _made_by(make: Callable[[], Any]) -> Callable[[dict[int, Any]], Any]:
    return lambda _: make()


def _runner_dicts() -> set[int]:
    """Return the ids of the globals of modules whose locks stay real: the runner's threads use them."""
    heads = {*RUNNERS, *OURS, "importlib", "_frozen_importlib", "_frozen_importlib_external"}
    return {
        id(vars(module))
        for name, module in list(sys.modules.items())
        if type(module) is types.ModuleType and name.partition(".")[0] in heads
    }


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
