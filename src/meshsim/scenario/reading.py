"""YAML 1.2 text -> nodes, from ruamel's events, with bounds on everything.

Events and not ruamel's composer, for three reasons: the composer recurses, so that deep nesting ends in a
RecursionError; it expands aliases before anybody has counted them; and it gives up the text of scalars.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from meshsim.errors import Mistake, Place, ScenarioError
from meshsim.scenario.hints import place_at, star_hint, syntax_mistake
from meshsim.scenario.nodes import Entry, Mapping, Node, Scalar, Sequence, Source, describe
from meshsim.scenario.resolve import resolve_plain

__all__ = ["read_file", "read_text"]

DEPTH_MAX = 40
NODES_MAX = 50_000
CHARACTERS_MAX = 250_000
_PROBE_CHARACTERS = 20_000


class _OutOfBoundsError(ScenarioError):
    """The text is deeper or larger than a scenario can be."""


def read_file(file: str) -> Node:
    """Return the one document of a YAML file; `file` is how its places will name it.

    Raises ScenarioError with the place of everything that is wrong.
    """
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise _one(Place(file, 1, 1), f"cannot be read: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        readable = data[: error.start].decode("utf-8-sig", "replace")
        place = place_at(readable, len(readable), file)
        raise _one(
            place, f"the byte {data[error.start]:#04x} is not UTF-8: save the file as UTF-8"
        ) from error
    return read_text(text.replace("\r\n", "\n"), file)


def read_text(text: str, file: str) -> Node:
    """Return the one document of `text`. Raises ScenarioError with the place of everything that is wrong."""
    if len(text) <= CHARACTERS_MAX:
        return _Builder(text, file).build()
    # Reading megabytes in Python takes minutes. The beginning shows whether nesting is to blame.
    try:
        _Builder(text[:_PROBE_CHARACTERS], file).build()
    except _OutOfBoundsError:
        raise
    except ScenarioError:
        pass
    raise _one(Place(file, 1, 1), f"{len(text)} characters: a scenario has at most {CHARACTERS_MAX}")


def _one(place: Place, message: str) -> ScenarioError:
    return ScenarioError([Mistake(place, message)])


@dataclass(slots=True)
class _Open:
    """A collection that has begun and not ended."""

    place: Place
    start: int
    anchor: str | None
    nodes_before: int
    items: list[Node] | None
    entries: dict[str, Entry] = field(default_factory=dict)
    key: Node | None = None


class _Builder:
    """Turns one stream of events into one node."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._open: list[_Open] = []
        self._root: Node | None = None
        self._documents = 0
        self._nodes = 0
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._mistakes: list[Mistake] = []

    def build(self) -> Node:
        place = Place(self._file, 1, 1)
        try:
            for event in YAML(typ="safe", pure=True).parse(self._text):
                place = Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)
                self._take(event, place)
        except (YAMLError, ValueError, OverflowError) as error:
            # Duplicate keys found on the way are reported along with the place where reading had to stop.
            innermost = self._open[-1].place if self._open else None
            stop = syntax_mistake(error, self._text, self._file, place, innermost)
            raise ScenarioError([*self._mistakes, stop]) from error
        if self._mistakes:
            raise ScenarioError(self._mistakes)
        if self._root is None:
            raise _one(Place(self._file, 1, 1), "the file is empty: a scenario is a mapping")
        return self._root

    def _take(self, event: Event, place: Place) -> None:
        if isinstance(event, ScalarEvent):
            self._refuse_tag(event, place)
            plain = not event.style
            value = resolve_plain(event.value) if plain else event.value
            self._add(Scalar(place, event.value, value, plain), event.anchor, 1)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._refuse_tag(event, place)
            if len(self._open) >= DEPTH_MAX:
                raise _OutOfBoundsError(
                    [Mistake(place, f"nested more than {DEPTH_MAX} deep: no scenario needs that")]
                )
            items: list[Node] | None = [] if isinstance(event, SequenceStartEvent) else None
            self._open.append(_Open(place, event.start_mark.index, event.anchor, self._nodes, items))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._close(
                event.end_mark.index if event.end_mark.index > event.start_mark.index else None, event
            )
        elif isinstance(event, AliasEvent):
            self._alias(event, place)
        elif isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _one(place, "a second document begins here: a scenario is one document, remove the ---")

    def _refuse_tag(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent, place: Place) -> None:
        if event.tag is not None and event.tag != "!":
            raise _one(place, f"the tag {str(event.tag)[:60]!r} has no meaning in a scenario: remove it")

    def _close(self, end: int | None, event: Event) -> None:
        opened = self._open.pop()
        source = Source(self._text, opened.start, event.start_mark.index if end is None else end)
        node: Node
        if opened.items is not None:
            node = Sequence(opened.place, tuple(opened.items), source)
        else:
            node = Mapping(opened.place, opened.entries, source)
        self._add(node, opened.anchor, self._nodes - opened.nodes_before + 1)

    def _alias(self, event: AliasEvent, place: Place) -> None:
        if any(opened.anchor == event.anchor for opened in self._open):
            raise _one(place, f"*{event.anchor} stands inside what it names: it would never end")
        known = self._anchors.get(event.anchor)
        if known is None:
            raise _one(place, star_hint(self._text, event.start_mark.index))
        node, size = known
        self._count(size, place)
        self._add(node, None, 0, place)

    def _count(self, size: int, place: Place) -> None:
        self._nodes += size
        if self._nodes > NODES_MAX:
            raise _OutOfBoundsError(
                [Mistake(place, f"more than {NODES_MAX} values, aliases counted each time they are used")]
            )

    def _add(self, node: Node, anchor: str | None, size: int, place: Place | None = None) -> None:
        """Put a finished node where it belongs: into the collection around it, or as the document."""
        place = place or node.place
        if isinstance(node, Scalar) or size == 0:
            self._count(min(size, 1), place)
        else:
            self._count(1, place)
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        if parent.items is not None:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = node
            self._check_key(parent, node, place)
        else:
            key = parent.key
            parent.key = None
            if isinstance(key, Scalar):
                parent.entries.setdefault(key.text, Entry(key.place, node))

    def _check_key(self, parent: _Open, key: Node, place: Place) -> None:
        if not isinstance(key, Scalar):
            self._mistakes.append(Mistake(place, f"{describe(key)} cannot be a key: a key is text"))
        elif key.text in parent.entries:
            first = parent.entries[key.text].key_place
            self._mistakes.append(
                Mistake(
                    place, f"the key {key.text!r} stands twice in one mapping; first at line {first.line}"
                )
            )
        elif not key.text:
            self._mistakes.append(Mistake(place, "a key is missing before the colon"))
