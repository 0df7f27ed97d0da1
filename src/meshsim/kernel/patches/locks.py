"""Locks that were made before the world: found once, and exchanged for its lifetime.

A real lock that a task holds while it parks freezes the process when another task wants it; a real RLock lets
the other task in, because both run on one thread. Usual imports leave 24 locks and 32 RLocks behind
(`concurrent.futures`, `logging`, jinja2, class and module locks). They cannot be trusted, so they are
replaced where they are held.
"""

from __future__ import annotations

import _thread
import gc
import sys
import threading
import types
from typing import Any

from meshsim.kernel.lock import Lock, RLock
from meshsim.kernel.patches.names import OURS, RUNNERS

_LOCKS = (type(_thread.allocate_lock()), type(_thread.RLock()))
# Bound methods that threading.Condition copies from its lock.
_CONDITION_COPIES = ("acquire", "release", "_release_save", "_acquire_restore", "_is_owned")


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
        self._holders: list[tuple[Any, str, Any, Any]] = []
        self._conditions: list[tuple[Any, Any]] = []
        self._active = False

    def enter(self) -> None:
        """Put ours in their places; looks for them again when modules were imported since the last time."""
        if len(sys.modules) != self._modules:
            self._find()
            self._modules = len(sys.modules)
        for holder, key, _, ours in self._holders:
            _put(holder, key, ours)
        for condition, ours in self._conditions:
            _bind(condition, ours)
        self._active = True

    def leave(self) -> None:
        """Put them back."""
        if not self._active:
            return
        for holder, key, real, _ in self._holders:
            _put(holder, key, real)
        for condition, _ in self._conditions:
            _bind(condition, condition._lock)  # noqa: SLF001 - put back just above
        # What was imported inside the world made its locks there, so they are ours already.
        self._modules = len(sys.modules)
        self._active = False

    def _find(self) -> None:
        self._holders.clear()
        self._conditions.clear()
        everything = gc.get_objects()
        locks = [thing for thing in everything if type(thing) in _LOCKS]
        ours: dict[int, Any] = {}
        for lock in locks:
            ours[id(lock)] = (Lock if type(lock) is _LOCKS[0] else RLock)()
        skipped = _runner_dicts() | {id(locks), id(everything)}
        for holder in gc.get_referrers(*locks):
            if id(holder) not in skipped and not type(holder).__module__.startswith("meshsim.kernel"):
                self._note(holder, ours, skipped)
        for thing in everything:
            if issubclass(type(thing), threading.Condition) and id(thing._lock) in ours:  # type: ignore[attr-defined]  # noqa: SLF001
                self._conditions.append((thing, ours[id(thing._lock)]))  # type: ignore[attr-defined]  # noqa: SLF001

    def _note(self, holder: Any, ours: dict[int, Any], skipped: set[int]) -> None:
        kind = type(holder)
        if kind is dict:
            owner = _class_of(holder) if "__module__" in holder and "__dict__" in holder else None
            for key, value in list(holder.items()):
                if type(key) is str and id(value) in ours and type(value) in _LOCKS:
                    self._add(owner or holder, key, value, ours)
        elif kind is types.CellType:
            self._add(holder, "", holder.cell_contents, ours)
        elif kind is list:
            for index, value in enumerate(holder):
                if id(value) in ours and type(value) in _LOCKS:
                    self._add(holder, str(index), value, ours)
        elif not issubclass(kind, (type, types.FrameType, types.BuiltinMethodType, tuple, set, types.ModuleType)):
            for key in _attributes(holder):
                value = getattr(holder, key, None)
                if id(value) in ours and type(value) in _LOCKS and id(getattr(holder, "__dict__", None)) not in skipped:
                    self._add(holder, key, value, ours)

    def _add(self, holder: Any, key: str, lock: Any, ours: dict[int, Any]) -> None:
        if not lock.locked() if hasattr(lock, "locked") else not lock._is_owned():
            self._holders.append((holder, key, lock, ours[id(lock)]))


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


def _put(holder: Any, key: str, value: Any) -> None:
    kind = type(holder)
    if kind is dict:
        holder[key] = value
    elif kind is list:
        holder[int(key)] = value
    elif kind is types.CellType:
        holder.cell_contents = value
    else:
        try:
            setattr(holder, key, value)
        except AttributeError:
            # A frozen instance (a dataclass, an attrs class): its own setattr refuses, the object's does not.
            object.__setattr__(holder, key, value)


def _bind(condition: Any, lock: Any) -> None:
    for name in _CONDITION_COPIES:
        if name in vars(condition):
            method = getattr(lock, name, None)
            if method is None:
                delattr(condition, name)
            else:
                setattr(condition, name, method)
        elif hasattr(lock, name) and name in ("acquire", "release"):
            setattr(condition, name, getattr(lock, name))
