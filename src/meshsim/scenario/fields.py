"""The tables that scenarios are checked by: a section is a list of fields, a field is a name and a parser.

A parser takes a node and the check in progress and returns the value, or raises Refused (or UsageError,
as `core` does) to say what is wrong with this node; it may also add mistakes of its own at deeper places.
Nothing stops at the first mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from meshsim.core.names import did_you_mean
from meshsim.errors import Mistake, Place, UsageError
from meshsim.scenario.nodes import Mapping, Node, Scalar, describe

if TYPE_CHECKING:
    from pathlib import Path

    from meshsim.scenario.parties import Parties
    from meshsim.scenario.words import Words

__all__ = [
    "Check",
    "Checked",
    "Field",
    "Parse",
    "Refused",
    "check_mapping",
    "is_cut_off",
    "parse_value",
    "record",
    "source_text",
    "table",
]


class Refused(Exception):  # noqa: N818  not an error to a caller: caught where the node's place is known
    """A node that is not what it should be; the message says what it is and what would be right."""


@dataclass(slots=True)
class Check:
    """One validation in progress: what is known so far and what was found wrong.

    With `at_once` a fault that does not say when happens now: a test asks for it while the run goes on.
    """

    words: Words
    base: Path
    parties: Parties
    mistakes: list[Mistake] = field(default_factory=list)
    duration_ns: int | None = None
    at_once: bool = False

    def report(self, place: Place, message: str) -> None:
        """Add a mistake."""
        self.mistakes.append(Mistake(place, message))


Parse: TypeAlias = Callable[[Node, Check], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One key that a mapping may have.

    `into` is the name of the value in the result, where it differs from the key: units go last in names.
    """

    name: str
    parse: Parse
    into: str = ""
    default: Any = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """A mapping that has been checked: its place, its text and the parsed values by name."""

    place: Place
    text: str
    values: dict[str, Any]


def table(*fields: Field) -> dict[str, Field]:
    """Index fields by their key."""
    return {field.name: field for field in fields}


def parse_value(  # a parser's result is Any, and so is this one's
    parse: Parse,
    node: Node,
    check: Check,
    fallback: Any = None,
) -> Any:
    """Parse one node; a refusal becomes a mistake at its place and the result is `fallback`."""
    try:
        return parse(node, check)
    except (Refused, UsageError) as error:
        check.report(node.place, str(error))
        return fallback


def check_mapping(
    node: Node, fields: dict[str, Field], check: Check, what: str, *, others: Iterable[str] = ()
) -> dict[str, Any]:
    """Parse every field of a mapping, report unknown and missing keys, and fill in the defaults.

    `what` names the mapping in messages; keys in `others` belong to somebody else and are passed over.
    """
    values = {field.into or field.name: field.default for field in fields.values()}
    if not isinstance(node, Mapping):
        check.report(node.place, f"{what} is a mapping, not {describe(node)}")
        return values
    passed_over = set(others)
    cut_off = False
    for key, key_place, value in node.items():
        if cut_off:
            # The rest of a call that a comma cut in pieces: `p99=40ms)` is no key, and one hint is enough.
            cut_off = ")" not in key
        elif key in passed_over:
            cut_off = is_cut_off(value)
        elif (known := fields.get(key)) is not None:
            values[known.into or known.name] = parse_value(known.parse, value, check, known.default)
            cut_off = is_cut_off(value)
        else:
            check.report(key_place, f"{what} has no {key!r}{did_you_mean(key, [*fields, *passed_over])}")
    for field_ in fields.values():
        if field_.required and field_.name not in node.entries:
            check.report(node.place, f"{what} lacks {field_.name}:")
    return values


def is_cut_off(node: Node) -> bool:
    """Say whether a plain scalar ends inside a parenthesis: `lognormal(median=5ms`."""
    return isinstance(node, Scalar) and node.plain and node.text.count("(") > node.text.count(")")


def record(fields: dict[str, Field], what: str) -> Parse:
    """Return a parser of mappings that have the given fields; the result is Checked."""

    def parse(node: Node, check: Check) -> Checked:
        return Checked(node.place, source_text(node), check_mapping(node, fields, check, what))

    return parse


def source_text(node: Node) -> str:
    """Return what stands in the file for this node."""
    return node.text if isinstance(node, Scalar) else node.source.text
