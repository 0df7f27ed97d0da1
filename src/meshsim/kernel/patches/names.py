"""Rebinding: names that hold an original although the world replaced it where it lives.

`from time import sleep`, a default argument, a class attribute or a closure keep what they got. They are
found by looking through the modules once; a module is looked at again only when its number of names changed.
The test runner's own modules are never touched, and get their real clocks by a copy of the module instead.
"""

from __future__ import annotations

import collections
import functools
import os
import sys
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import _time_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

# Whose clocks stay real: a report of "4809.81s teardown" helps nobody.
RUNNERS = (
    "_pytest",
    "pytest",
    "pluggy",
    "hypothesis",
    "coverage",
    "execnet",
    "xdist",
    "pdb",
    "bdb",
    "_hypothesis",
)
# Ours know what they do.
OURS = ("meshsim", "greenlet", "_thread")
# The modules whose functions are patched refer to themselves on purpose: a patch is applied there by name.
HOMES = frozenset(
    {"time", "threading", "random", "os", "posix", "socket", "_socket", "signal", "_signal", "_queue"}
)


_runner_names: dict[str, bool] = {}
_follower_names: dict[str, bool] = {}
_installed_names: dict[str, bool] = {}
_STANDARD_LIBRARY = str(Path(os.__file__).parent)


def _is_runner(name: str) -> bool:
    """Whether a module is the test runner's; asked of every module at every entry, so remembered by name."""
    known = _runner_names.get(name)
    if known is None:
        known = _runner_names[name] = name.partition(".")[0] in RUNNERS
    return known


def is_installed(name: str, module: Any) -> bool:
    """Whether a module is somebody's library: its names are not set by hand from outside while a test runs."""
    known = _installed_names.get(name)
    if known is None:
        file = getattr(module, "__file__", None) or ""
        # A module without a file is one that somebody made: a test's, as a rule.
        known = _installed_names[name] = "site-packages" in file or file.startswith(_STANDARD_LIBRARY)
    return known


def _follows(name: str) -> bool:
    """Whether the names in a module follow the world."""
    known = _follower_names.get(name)
    if known is None:
        head = name.partition(".")[0]
        known = _follower_names[name] = head not in RUNNERS and head not in OURS and name not in HOMES
    return known


# How many decorators are looked through: each keeps what it wraps in a closure.
DECORATORS = 3
# What is put back whole, so that it is the same object again.
_WHOLE = {"default": ("attribute", "__defaults__"), "static method": ("attribute", "")}

# (holder, kind, key): where a name is bound.
Place = tuple[Any, str, Any]


class Rebinder:
    """Finds and exchanges bound names; remembers where they were for the next world of the process."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}
        self._places: dict[str, list[Place]] = {}
        self._undo: list[tuple[Any, str, Any, Any]] = []
        self._ids: frozenset[int] = frozenset()

    def enter(self, pairs: list[tuple[Any, Any]]) -> None:
        """Exchange every known original for its replacement."""
        table = {id(original): replacement for original, replacement in pairs}
        if frozenset(table) != self._ids:
            self._ids = frozenset(table)
            self._seen.clear()
            self._places.clear()
        for name, module in list(sys.modules.items()):
            if type(module) is types.ModuleType and _follows(name):
                self._scan(name, module, table)
        for places in self._places.values():
            for holder, kind, key in places:
                self._exchange(holder, kind, key, table)

    def leave(self, pairs: list[tuple[Any, Any]]) -> None:
        """Put the originals back, also where they were bound while the world was open."""
        for holder, kind, key, original in reversed(self._undo):
            _write(holder, kind, key, original)
        self._undo.clear()
        back = {id(replacement): original for original, replacement in pairs}
        ids = back.keys()
        # What the world imported is looked through once, for this leave and for the next world's enter.
        both = {id(original): replacement for original, replacement in pairs} | back
        for name, module in list(sys.modules.items()):
            if type(module) is not types.ModuleType or not _follows(name):
                continue
            space = vars(module)
            if self._seen.get(name) == (id(space), len(space)) and (
                is_installed(name, module) or ids.isdisjoint(map(id, space.values()))
            ):
                continue
            for holder, kind, key in self._look(name, space, both):
                original = back.get(id(_read(holder, kind, key)))
                if original is not None:
                    _write(holder, kind, key, original)

    def _scan(self, name: str, module: Any, table: dict[int, Any]) -> None:
        space = vars(module)
        mark = (id(space), len(space))
        if self._seen.get(name) == mark:
            return
        self._look(name, space, table)

    def _look(self, name: str, space: dict[str, Any], table: dict[int, Any]) -> list[Place]:
        """Find the places in a module, and remember them."""
        self._seen[name] = (id(space), len(space))
        places = list(_references(name, space, table))
        if places:
            self._places[name] = places
        else:
            self._places.pop(name, None)
        return places

    def _exchange(self, holder: Any, kind: str, key: Any, table: dict[int, Any]) -> None:
        replacement = table.get(id(_read(holder, kind, key)))
        if replacement is not None:
            whole, whole_key = _WHOLE.get(kind, (kind, key))
            self._undo.append((holder, whole, whole_key or key, _read(holder, whole, whole_key or key)))
            _write(holder, kind, key, replacement)


def _references(  # noqa: C901 - one branch a kind of holder
    name: str, space: dict[str, Any], table: dict[int, Any]
) -> Iterator[Place]:
    """Give (holder, kind, key) of each reference from a module to something in the table."""
    ids = table.keys()
    for key, value in list(space.items()):
        if id(value) in table:
            yield space, "item", key
        # type(), not isinstance(): a lazy object (django's settings) would be woken by the question.
        kind = type(value)
        if kind is types.FunctionType:
            if value.__module__ == name:
                yield from _of_function(value, table)
        elif kind is functools.partial:
            if id(value.func) in table:
                yield value, "partial", ""
        elif issubclass(kind, dict):
            if kind is collections.defaultdict and id(value.default_factory) in table:
                yield value, "default_factory", ""
            if not ids.isdisjoint(map(id, dict.values(value))):
                yield from [(value, "item", inner) for inner, held in dict.items(value) if id(held) in table]
        elif kind is list:
            if not ids.isdisjoint(map(id, value)):
                yield from [(value, "index", index) for index, held in enumerate(value) if id(held) in table]
        elif issubclass(kind, type) and value.__module__ == name:
            yield from _of_class(value, table)


def _of_class(owner: type, table: dict[int, Any]) -> Iterator[Place]:
    for attribute, held in list(vars(owner).items()):
        if id(held) in table:
            yield owner, "attribute", attribute
            continue
        kind = type(held)
        if kind is staticmethod and id(held.__func__) in table:
            yield owner, "static method", attribute
            continue
        if kind is staticmethod or kind is classmethod:
            held = held.__func__  # noqa: PLW2901 - what it wraps
        elif kind is property:
            held = held.fget  # noqa: PLW2901 - what it wraps
        if type(held) is types.FunctionType:
            yield from _of_function(held, table)


def _of_function(  # noqa: C901 - one branch a kind of holder
    function: Any, table: dict[int, Any], depth: int = 0
) -> Iterator[Place]:
    defaults = function.__defaults__
    if defaults:
        for index, value in enumerate(defaults):
            if id(value) in table:
                yield function, "default", index
    keywords = function.__kwdefaults__
    if keywords:
        for key, value in keywords.items():
            if id(value) in table:
                yield keywords, "item", key
    if function.__closure__:
        for cell in function.__closure__:
            try:
                value = cell.cell_contents
            except ValueError:
                continue  # a name that its function has not bound yet holds nothing to exchange
            if id(value) in table:
                yield cell, "cell", ""
            elif depth < DECORATORS and type(value) is types.FunctionType:
                yield from _of_function(value, table, depth + 1)


def _read(holder: Any, kind: str, key: Any) -> Any:  # noqa: PLR0911 - one return a kind of holder
    if kind == "item":
        return dict.get(holder, key)
    if kind == "attribute":
        return getattr(holder, key, None) if type(holder) is types.FunctionType else vars(holder).get(key)
    if kind == "static method":
        return getattr(vars(holder).get(key), "__func__", None)
    if kind == "default_factory":
        return holder.default_factory
    if kind == "partial":
        return holder.func
    if kind in {"default", "index"}:
        sequence = holder if kind == "index" else holder.__defaults__ or ()
        return sequence[key] if key < len(sequence) else None
    return holder.cell_contents


def _write(holder: Any, kind: str, key: Any, value: Any) -> None:
    if kind == "item":
        dict.__setitem__(holder, key, value)
    elif kind == "index":
        holder[key] = value
    elif kind == "attribute" and issubclass(type(holder), type):
        # Past the metaclass, which may refuse (an Enum's does).
        type.__setattr__(holder, key, value)
    elif kind == "attribute":
        setattr(holder, key, value)
    elif kind == "static method":
        type.__setattr__(holder, key, staticmethod(value))
    elif kind == "default":
        holder.__defaults__ = (*holder.__defaults__[:key], value, *holder.__defaults__[key + 1 :])
    elif kind == "default_factory":
        holder.default_factory = value
    elif kind == "partial":
        _, _, (_, args, keywords, attributes) = holder.__reduce__()
        holder.__setstate__((value, args, keywords, attributes))
    else:
        holder.cell_contents = value


_WALL_CLOCK = ("time", "time_ns", "localtime", "gmtime", "strftime", "clock_gettime", "clock_gettime_ns")


class RunnerClocks:
    """Gives the test runner's modules the real `time` and `random`: a copy of the module, as it was."""

    MODULES = ("time", "random", "threading", "os")

    def __init__(self) -> None:
        self._undo: list[tuple[dict[str, Any], str, Any]] = []

    # Which names of which runner module are clocks: the same in every world, until it gets more names.
    _seen: ClassVar[dict[str, tuple[tuple[int, int], list[str]]]] = {}

    def enter(self) -> None:
        """Bind copies in the runner's modules; called before anything is patched."""
        # time-machine exchanges the C functions themselves, so that a name kept from before is no way out.
        copies: dict[int, Any] = {
            id(getattr(time, name)): getattr(_time_machine, f"original_{name}") for name in _WALL_CLOCK
        }
        for name in self.MODULES:
            module = sys.modules.get(name)
            if module is not None:
                copy = types.ModuleType(name)
                vars(copy).update({key: copies.get(id(value), value) for key, value in vars(module).items()})
                copies[id(module)] = copy
        for name, module in list(sys.modules.items()):
            if type(module) is not types.ModuleType or not _is_runner(name):
                continue
            space = vars(module)
            mark = (id(space), len(space))
            seen, keys = self._seen.get(name, (None, []))
            if seen != mark:
                keys = [key for key, value in list(space.items()) if id(value) in copies]
                self._seen[name] = (mark, keys)
            for key in keys:
                value = space.get(key)
                found = copies.get(id(value))
                if found is not None:
                    space[key] = found
                    self._undo.append((space, key, value))

    def leave(self) -> None:
        """Bind the modules themselves again."""
        for space, key, value in reversed(self._undo):
            space[key] = value
        self._undo.clear()
