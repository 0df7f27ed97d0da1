"""What pyzmq keeps by address or a process: the context's set of sockets, and the one global context."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsim.kernel.process import Process

__all__ = ["OrderedWeakSet", "instance_of"]

TABLE = "zeromq.instances"


class OrderedWeakSet:
    """Weak references in the order in which they came; a `WeakSet` would close sockets in order of address."""

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[Any]] = {}

    def add(self, item: Any) -> None:
        """Add an item, once."""
        key = id(item)
        self._references[key] = weakref.ref(item, lambda _: self._references.pop(key, None))

    def discard(self, item: Any) -> None:
        """Take an item out, if it is there."""
        self._references.pop(id(item), None)

    def __iter__(self) -> Iterator[Any]:
        found = [reference() for reference in self._references.values()]
        return iter([item for item in found if item is not None])

    def __len__(self) -> int:
        return len(self._references)


def instance_of(process: Process, cls: Any, io_threads: int) -> Any:
    """Return the global context of a class in a process, made when it is asked for.

    A subclass without a place of its own shares its base's, as the class attribute `_instance` has it.
    """
    table: dict[type, Any] = process.tables.setdefault(TABLE, {})
    for kind in cls.__mro__:
        if kind in table or "_instance" in vars(kind):
            found = table.get(kind)
            if found is not None and not found.closed:
                return found
            break
    made = table[cls] = cls(io_threads=io_threads)
    return made
