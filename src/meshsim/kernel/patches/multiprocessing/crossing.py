"""How a `Process` crosses from its parent to its child: by real pickle, and for a fork by more than that.

A spawned child gets what pickle gives, and what pickle refuses is refused in `start()`, as in reality. A forked
child is a copy of its parent in reality. Here it has modules of its own (`launch.py`), and what is handed to it is
copied: functions that no module has (lambdas, closures) are made again on the child's modules, locks are new ones
in the same state, and what cannot be copied at all is the parent's own object.

The road not taken is to let a forked child share its parent's modules. It would spare their bodies, but a flag that
one child's signal handler sets would stop its brothers, which is what services use processes against.
"""

from __future__ import annotations

import importlib
import io
import pickle
import sys
import types
from multiprocessing import reduction, synchronize
from typing import TYPE_CHECKING, Any

from meshsim.kernel.lock import Lock, RLock
from meshsim.kernel.patches.multiprocessing.semaphores import Semaphore
from meshsim.kernel.patches.multiprocessing.shared import Arena

if TYPE_CHECKING:
    from collections.abc import Callable

# What is one thing for all processes of a host.
_SHARED = (Semaphore, Arena)


class Luggage:
    """A pickle, and beside it the objects that cross by themselves."""

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self.data = b""

    def unpack(self) -> Any:
        """Return the child's copy; called in the child."""
        return _Unpickler(io.BytesIO(self.data), self.objects).load()


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, objects: list[Any]) -> None:
        super().__init__(file)
        self._objects = objects

    def persistent_load(self, pid: Any) -> Any:
        return self._objects[pid]


class _Spawning(reduction.ForkingPickler):
    """Pickles for a spawned child."""

    def __init__(self, file: Any, objects: list[Any]) -> None:
        super().__init__(file)
        self._objects = objects

    def persistent_id(self, obj: Any) -> Any:
        return self.share(obj) if isinstance(obj, _SHARED) else None

    def share(self, obj: Any) -> int:
        """Let an object cross by itself; returns its place."""
        self._objects.append(obj)
        return len(self._objects) - 1


class _Forking(_Spawning):
    """Pickles for a forked child: refuses nothing."""

    def persistent_id(self, obj: Any) -> Any:
        kind = type(obj)
        if isinstance(obj, _SHARED) or kind is types.CodeType or kind.__module__.startswith("meshsim."):
            return None if kind in _COPIED else self.share(obj)
        if issubclass(kind, type):
            return None if _importable(obj) else self.share(obj)
        return None

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if issubclass(kind, type) or (kind is types.FunctionType and _importable(obj)):
            return NotImplemented
        special = _special(kind, obj)
        if special is not None:
            return special
        try:
            known: Callable[[Any], Any] | None = self.dispatch_table.get(kind)
            return obj.__reduce_ex__(4) if known is None else known(obj)
        except Exception:  # noqa: BLE001 - whatever a class answers to being pickled, a fork does not ask it
            return _itself, (_Held(obj),)


def _special(kind: type, obj: Any) -> Any:
    """Reduce what pickle does not know, or refuses; None for everything else."""
    found: Any = None
    if kind is types.FunctionType:
        found = _function(obj)
    elif kind in _COPIED:
        found = _lock(obj)
    elif isinstance(obj, synchronize.SemLock):
        # It refuses to be pickled where it was made for forks.
        core: Any = obj._semlock  # type: ignore[attr-defined]
        found = _new_semlock, (kind, (core.handle, core.kind, core.maxvalue, core.name))
    elif kind is types.ModuleType:
        found = importlib.import_module, (obj.__name__,)
    elif kind is types.CellType:
        found = _make_cell, (), obj, None, None, _fill_cell
    return found


class _Held:
    """Carries an object that cannot be copied."""

    def __init__(self, obj: Any) -> None:
        self.obj = obj


def _itself(held: _Held) -> Any:
    return held.obj


def _lock(lock: Any) -> Any:
    return _new_lock, (type(lock), lock.locked() if isinstance(lock, Lock) else bool(lock._count))


def _new_lock(kind: Any, held: bool) -> Any:  # noqa: FBT001 - the state of a lock
    made = kind()
    if held:
        made.acquire()
    return made


_COPIED = (Lock, RLock)


def _new_semlock(kind: Any, state: Any) -> Any:
    made = kind.__new__(kind)
    made.__setstate__(state)
    made._is_fork_ctx = True
    return made


def _importable(obj: Any) -> bool:
    found: Any = sys.modules.get(getattr(obj, "__module__", None) or "")
    for name in obj.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is obj


def _cell_contents(cell: types.CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def _function(function: types.FunctionType) -> Any:
    """Reduce a function that no module has: its code, made again on the globals of the child's own module."""
    found = {
        "name": function.__name__,
        "qualname": function.__qualname__,
        "defaults": function.__defaults__,
        "kwdefaults": function.__kwdefaults__,
        "dict": function.__dict__,
        "cells": [_cell_contents(cell) for cell in function.__closure__ or ()],
    }
    module = sys.modules.get(function.__module__ or "")
    # Where no module is behind it (`exec`), its globals are the parent's.
    space = (
        module if module is not None and vars(module) is function.__globals__ else _Held(function.__globals__)
    )
    return _make_function, (function.__code__, space), found, None, None, _fill_function


def _make_function(code: types.CodeType, space: Any) -> types.FunctionType:
    spaces = space.obj if isinstance(space, _Held) else vars(space)
    return types.FunctionType(code, spaces, closure=tuple(types.CellType() for _ in code.co_freevars))


def _fill_function(function: Any, found: dict[str, Any]) -> None:
    function.__name__, function.__qualname__ = found["name"], found["qualname"]
    function.__defaults__, function.__kwdefaults__ = found["defaults"], found["kwdefaults"]
    function.__module__ = function.__globals__.get("__name__")
    vars(function).update(found["dict"])
    for cell, contents in zip(function.__closure__ or (), found["cells"], strict=True):
        if contents:
            cell.cell_contents = contents[0]


def _make_cell() -> types.CellType:
    return types.CellType()


def _fill_cell(cell: types.CellType, other: types.CellType) -> None:
    cell.cell_contents = other.cell_contents


def pack(thing: Any, method: str) -> Luggage:
    """Pickle what a child gets.

    Raises:
        Exception: as pickle has it, for a spawned child.
    """
    luggage = Luggage()
    file = io.BytesIO()
    kind = _Forking if method == "fork" else _Spawning
    kind(file, luggage.objects).dump(thing)
    luggage.data = file.getvalue()
    return luggage
