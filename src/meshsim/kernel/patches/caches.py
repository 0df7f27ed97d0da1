"""Caches of libraries that filled inside a world: they would keep it alive, and lend its objects to the next.

`functools.lru_cache` keeps what it was asked with. FastAPI keeps every endpoint so, `typing` every annotation, and a
private module's function or class leads to its host and from there to the whole world: 60 boots of a demo kept 100 MB.
A cache of an installed package that grew while the world was open is emptied, which costs it some work and nothing
else. Those of somebody's own modules are left alone: they may be how an object is made only once.
"""

from __future__ import annotations

import functools
import sys
import types
import typing
from typing import TYPE_CHECKING, Any

from meshsim.kernel.patches.names import is_installed

if TYPE_CHECKING:
    from collections.abc import Iterator

_CACHE: type = type(functools.lru_cache(lambda: None))


class LibraryCaches:
    """Knows the caches of the process; remembers from world to world where they are."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}
        self._known: dict[str, list[Any]] = {}
        self._sizes: dict[int, int] = {}

    def enter(self) -> None:
        """Note how full each cache is."""
        self._look()
        self._sizes = {id(cache): _size(cache) for caches in self._known.values() for cache in caches}

    def leave(self) -> None:
        """Empty those that are fuller."""
        self._look()
        for caches in self._known.values():
            for cache in caches:
                if _size(cache) > self._sizes.get(id(cache), 0):
                    cache.cache_clear()
        self._sizes = {}
        # Those of `typing` hang in closures; this is how the standard library's own tests empty them.
        for clear in getattr(typing, "_cleanups", ()):
            clear()

    def _look(self) -> None:
        for name, module in list(sys.modules.items()):
            if type(module) is not types.ModuleType:
                continue
            space = vars(module)
            mark = (id(space), len(space))
            if self._seen.get(name) != mark:
                self._seen[name] = mark
                found = list(_caches(name, space)) if is_installed(name, module) else []
                if found:
                    self._known[name] = found
                else:
                    self._known.pop(name, None)


def _caches(name: str, space: dict[str, Any]) -> Iterator[Any]:
    """Give the caches that a module or one of its classes holds."""
    for value in list(space.values()):
        # type(), not isinstance(): a lazy object would be woken by the question.
        kind = type(value)
        if kind is _CACHE:
            yield value
        elif issubclass(kind, type) and value.__module__ == name:
            for held in list(vars(value).values()):
                inner = held.__func__ if type(held) in {staticmethod, classmethod} else held
                if type(inner) is _CACHE:
                    yield inner


def _size(cache: Any) -> int:
    size: int = cache.cache_info().currsize
    return size
