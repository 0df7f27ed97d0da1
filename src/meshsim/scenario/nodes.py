"""A scenario as it was written: scalars, sequences and mappings, each with its place and its source text.

Three node types of our own instead of plain dicts and lists, because a mistake found in the last pass must
still know the line and column of its key, and because `BUILD: 007` must stay `007`: a scalar keeps its text
beside its value.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsim.errors import Place

__all__ = ["Entry", "Mapping", "Node", "Scalar", "Sequence", "Source", "describe", "to_python"]

_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Source:
    """A stretch of a file's text; cut out only when somebody asks."""

    buffer: str = ""
    start: int = 0
    end: int = 0

    @property
    def text(self) -> str:
        """The stretch without the blanks around it and without the indentation it shares."""
        line_start = self.buffer.rfind("\n", 0, self.start) + 1
        indented = " " * (self.start - line_start) + self.buffer[self.start : self.end].rstrip()
        return textwrap.dedent(indented).strip()


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: its text as written and what YAML 1.2 takes it for.

    `value` may be any object when the scenario came as a Python dict; `plain` is false for quoted text.
    """

    place: Place
    text: str
    value: object
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Whether nothing was written here, or `null`."""
        return self.value is None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: Place
    items: tuple[Node, ...]
    source: Source = Source()


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its place, and its value."""

    key_place: Place
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys, each once, in the order in which they were written."""

    place: Place
    entries: dict[str, Entry]
    source: Source = Source()

    def get(self, key: str) -> Node | None:
        """Return the value of `key`, or None when it is not there."""
        entry = self.entries.get(key)
        return None if entry is None else entry.value

    def items(self) -> Iterator[tuple[str, Place, Node]]:
        """Walk the entries: key, place of the key, value."""
        for key, entry in self.entries.items():
            yield key, entry.key_place, entry.value


Node: TypeAlias = Scalar | Sequence | Mapping


def to_python(node: Node) -> object:
    """Return the plain Python value: dicts, lists and what YAML 1.2 takes the scalars for."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [to_python(item) for item in node.items]
    return {key: to_python(entry.value) for key, entry in node.entries.items()}


def describe(node: Node) -> str:
    """Name a node in an error message: its value when short, else what kind of thing it is."""
    if isinstance(node, Scalar):
        if node.is_null:
            return "nothing"
        return repr(node.text) if len(node.text) <= _SHOWN_MAX else f"{node.text[:_SHOWN_MAX]!r}..."
    if isinstance(node, Sequence):
        return f"a list of {len(node.items)}"
    return f"a mapping ({', '.join(list(node.entries)[:4])})" if node.entries else "an empty mapping"
