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
_NO_HOLDERS = (type, types.FrameType, types.BuiltinMethodType, set, types.ModuleType)
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
            return dict.get(holder, key, MISSING)
        if issubclass(kind, _SEQUENCES):
            return holder[key] if key < len(holder) else None
        return getattr(holder, key, None)

    def put(self, value: Any) -> None:
        """Put something there."""
        holder, key = self._holder, self._key
        kind = type(holder)
        if issubclass(kind, dict):
            if value is MISSING:
                dict.__delitem__(holder, key)
            else:
                dict.__setitem__(holder, key, value)
        elif issubclass(kind, _SEQUENCES):
            holder[key] = value
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
        things: what is held, anywhere in the process.
    """

    def __init__(self, things: list[Any]) -> None:
        self.things = things
        self.places: list[Place] = []
        self._ids = {id(thing) for thing in things}
        self._skipped: set[int] = set()
        self._tuples: list[tuple[Any, ...]] = []
        if things:
            self._skipped = _runner_dicts() | {id(things)}
            for holder in gc.get_referrers(*things):
                if id(holder) not in self._skipped and not type(holder).__module__.startswith(
                    "meshsim.kernel"
                ):
                    self._look(holder)
            self._look_at_defaults()

    def _look(self, holder: Any) -> None:
        kind = type(holder)
        if issubclass(kind, dict):
            self._look_at_space(holder)
            owner = _class_of(holder) if _has(holder, "__module__", "__dict__") else None
            self._note(owner or holder, list(dict.items(holder)))
        elif kind is types.CellType:
            self._note(holder, [("cell_contents", holder.cell_contents)])
        elif issubclass(kind, _SEQUENCES):
            self._note(holder, list(enumerate(holder)))
        elif kind is tuple:
            self._tuples.append(holder)
        elif not issubclass(kind, _NO_HOLDERS) and id(getattr(holder, "__dict__", None)) not in self._skipped:
            if issubclass(kind, (threading.Condition, concurrent.futures.ThreadPoolExecutor)):
                self._look_at_space(vars(holder))
            self._note(holder, [(name, getattr(holder, name, None)) for name in _attributes(holder)])

    def _note(self, holder: Any, items: Iterable[tuple[Any, Any]]) -> None:
        for key, value in items:
            if id(value) in self._ids:
                self.places.append(Place(holder, key, value, _instead_of(value)))

    def _look_at_space(self, space: dict[str, Any]) -> None:
        """Look for what an instance keeps beside its lock: the attributes of a condition, of a pool."""
        if _has(space, "_lock", "_waiters") and id(space["_lock"]) in self._ids:
            for name in _CONDITION_COPIES:
                copied = dict.get(space, name, MISSING)
                if copied is not MISSING or name in ("acquire", "release"):
                    self.places.append(Place(space, name, copied, _method_instead_of(space["_lock"], name)))
        if _has(space, "_work_queue", *_POOL_PARTS):
            for name, make in _POOL_PARTS.items():
                self.places.append(Place(space, name, space[name], _made_by(make)))

    def _look_at_defaults(self) -> None:
        """Look for functions with one of these things as the default of an argument."""
        known = {id(held) for held in self._tuples}
        for holder in gc.get_referrers(*self._tuples) if known else ():
            defaults = holder.__defaults__ if type(holder) is types.FunctionType else None
            if defaults is not None and id(defaults) in known:
                self.places.append(Place(holder, "__defaults__", defaults, _defaults_instead_of(defaults)))


def _has(space: dict[Any, Any], *names: str) -> bool:
    return all(dict.__contains__(space, name) for name in names)


# By their ids: a closure that held one of the things would be found as a holder of it by the next look.


def _instead_of(thing: Any) -> Callable[[dict[int, Any]], Any]:
    key = id(thing)
    return lambda ours: ours[key]


def _defaults_instead_of(defaults: tuple[Any, ...]) -> Callable[[dict[int, Any]], Any]:
    return lambda ours: tuple(ours.get(id(value), value) for value in defaults)


def _method_instead_of(lock: Any, name: str) -> Callable[[dict[int, Any]], Any]:
    key = id(lock)
    return lambda ours: getattr(ours[key], name)


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
