"""How one mapping is laid over another: maps merge, lists replace, `+faults:` appends, null deletes.

Used for `extends` and for `cases`. What the overlay does not touch keeps its place in the file it came from.
"""

from __future__ import annotations

from meshsim.core.names import did_you_mean
from meshsim.errors import Mistake, Place
from meshsim.scenario.nodes import Entry, Mapping, Node, Scalar, Sequence, describe

__all__ = ["merge"]

_APPEND = "+"


def merge(base: Mapping, over: Mapping, mistakes: list[Mistake]) -> Mapping:
    """Return `base` with `over` laid over it; what cannot be done is added to `mistakes`."""
    entries = dict(base.entries)
    for key, key_place, value in over.items():
        if key.startswith(_APPEND):
            _append(entries, key.removeprefix(_APPEND), key_place, value, mistakes)
        elif isinstance(value, Scalar) and value.is_null:
            _delete(entries, key, key_place, mistakes)
        elif (
            key in entries and isinstance(below := entries[key].value, Mapping) and isinstance(value, Mapping)
        ):
            entries[key] = Entry(entries[key].key_place, merge(below, value, mistakes))
        else:
            entries[key] = Entry(key_place, _settled(value, mistakes))
    return Mapping(base.place, entries, over.source)


def _append(
    entries: dict[str, Entry], key: str, key_place: Place, value: Node, mistakes: list[Mistake]
) -> None:
    below = entries[key].value if key in entries else Sequence(key_place, ())
    if not isinstance(value, Sequence):
        mistakes.append(Mistake(value.place, f"+{key}: appends a list, not {describe(value)}"))
    elif not isinstance(below, Sequence):
        mistakes.append(Mistake(key_place, f"+{key}: appends to a list, but {key} is {describe(below)}"))
    else:
        entries[key] = Entry(key_place, Sequence(below.place, below.items + value.items, value.source))


def _delete(entries: dict[str, Entry], key: str, key_place: Place, mistakes: list[Mistake]) -> None:
    if key in entries:
        del entries[key]
    else:
        # A null that deletes nothing is a misspelt one, or one that the base has outlived.
        message = f"{key}: null deletes what is extended, but there is no {key!r}{did_you_mean(key, entries)}"
        mistakes.append(Mistake(key_place, message))


def _settled(value: Node, mistakes: list[Mistake]) -> Node:
    """Return a value that lies over nothing: its own `+key:` appends to nothing, its nulls stay nulls."""
    if not isinstance(value, Mapping) or not any(key.startswith(_APPEND) for key in value.entries):
        return value
    plain = {key: entry for key, entry in value.entries.items() if not key.startswith(_APPEND)}
    for key, key_place, inner in value.items():
        if key.startswith(_APPEND):
            _append(plain, key.removeprefix(_APPEND), key_place, inner, mistakes)
    return Mapping(value.place, plain, value.source)
