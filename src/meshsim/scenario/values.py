"""Parsers of single values: what a field may hold, each with the message that says what would be right."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from meshsim.core.latency import Latency, parse_latency
from meshsim.core.names import did_you_mean
from meshsim.core.units import (
    parse_bandwidth,
    parse_duration,
    parse_duration_range,
    parse_probability,
)
from meshsim.scenario.fields import Check, Parse, Refused, is_cut_off, parse_value
from meshsim.scenario.inheritance import folder_of
from meshsim.scenario.nodes import Mapping, Node, Scalar, Sequence, describe, to_python

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "anything",
    "bandwidth",
    "choice",
    "count_range",
    "duration",
    "duration_range",
    "epoch",
    "flag",
    "latency",
    "list_of",
    "number",
    "one_or_list",
    "optional_duration",
    "positive_duration",
    "probability",
    "text",
    "text_map",
    "whole",
]

_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")


def text(node: Node, check: Check) -> str:  # noqa: ARG001  every parser has this shape
    """Return the text of a scalar as it was written."""
    if isinstance(node, Mapping):
        braces = (
            "an unquoted { starts a mapping: quote it" if node.source.text.startswith("{") else "text is due"
        )
        raise Refused(f"{describe(node)}: {braces}")
    if not isinstance(node, Scalar):
        raise Refused(f"{describe(node)} where text is due")
    if node.is_null:
        raise Refused('nothing where text is due: write it, or "" for empty text')
    if not isinstance(node.value, str | int | float):
        raise Refused(f"an object of type {type(node.value).__name__} where text is due")
    if is_cut_off(node):
        raise Refused(
            f"{node.text!r} is cut off: a comma ends plain text inside {{...}}; "
            "separate the arguments by blanks, as lognormal(median=5ms p99=40ms), or quote the whole"
        )
    return node.text


def flag(node: Node, check: Check) -> bool:
    """Return true or false."""
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    raise Refused(f"{text(node, check)!r} is neither true nor false")


def whole(low: int, high: int = 10**9) -> Parse:
    """Return a parser of whole numbers from `low` to `high`."""

    def parse(node: Node, check: Check) -> int:
        written = text(node, check)
        if not _WHOLE.fullmatch(written):
            raise Refused(f"{written!r} is not a whole number: {low} to {high}")
        value = int(written)
        if not low <= value <= high:
            raise Refused(f"{written} is out of range: {low} to {high}")
        return value

    return parse


def number(low: float, high: float) -> Parse:
    """Return a parser of decimal numbers from `low` to `high`."""

    def parse(node: Node, check: Check) -> float:
        written = text(node, check)
        if not _NUMBER.fullmatch(written):
            raise Refused(f"{written!r} is not a number: {low:g} to {high:g}")
        if not low <= float(written) <= high:
            raise Refused(f"{written} is out of range: {low:g} to {high:g}")
        return float(written)

    return parse


def choice(*words: str) -> Parse:
    """Return a parser of one of some words."""

    def parse(node: Node, check: Check) -> str:
        written = text(node, check)
        if written not in words:
            raise Refused(f"{written!r} is unknown{did_you_mean(written, words)}")
        return written

    return parse


def duration(node: Node, check: Check) -> int:
    """Return nanoseconds."""
    return parse_duration(text(node, check))


def positive_duration(node: Node, check: Check) -> int:
    """Return nanoseconds, more than none."""
    value_ns = duration(node, check)
    if not value_ns:
        raise Refused(f"{text(node, check)!r} is no time at all: more than 0s")
    return value_ns


def optional_duration(node: Node, check: Check) -> int | None:
    """Return nanoseconds, or None for `never`."""
    return None if isinstance(node, Scalar) and node.value == "never" else duration(node, check)


def duration_range(node: Node, check: Check) -> tuple[int, int]:
    """Return the two ends of `a..b` in nanoseconds."""
    return parse_duration_range(text(node, check))


def latency(node: Node, check: Check) -> Latency:
    """Return a distribution of durations."""
    return parse_latency(text(node, check), folder=folder_of(node.place, check.base))


def probability(node: Node, check: Check) -> float:
    """Return a probability from 0 to 1."""
    return parse_probability(text(node, check))


def bandwidth(node: Node, check: Check) -> int:
    """Return bytes a second."""
    return parse_bandwidth(text(node, check))


def count_range(node: Node, check: Check) -> tuple[int, int]:
    """Return the two ends of `a..b`, whole numbers."""
    written = text(node, check)
    low, dots, high = written.partition("..")
    if not (dots and low.strip().isdecimal() and high.strip().isdecimal() and len(written) < 30):
        raise Refused(f"{written!r} is not a range of counts: times: 1..3, or exactly: 2")
    if int(low) > int(high):
        raise Refused(f"{written!r} runs backwards: {high.strip()}..{low.strip()}?")
    return int(low), int(high)


def epoch(node: Node, check: Check) -> int:
    """Return a moment as nanoseconds since 1970."""
    written = text(node, check)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise Refused(f"{written!r} is not a moment: 2026-01-01T00:00:00Z") from error
    if moment.tzinfo is None:
        # A local time would give another run on another machine.
        raise Refused(f"{written!r} has no time zone: {moment.isoformat()}Z?")
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    value_ns = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    if value_ns < 0:
        raise Refused(f"{written!r} lies before 1970")
    return value_ns


def anything(node: Node, check: Check) -> object:  # noqa: ARG001  every parser has this shape
    """Return the plain Python value, whatever it is: a message's body."""
    return to_python(node)


def list_of(parse: Parse) -> Parse:
    """Return a parser of lists; every bad item is reported at its own place."""

    def parse_list(node: Node, check: Check) -> tuple[Any, ...]:
        if not isinstance(node, Sequence):
            raise Refused(f"{describe(node)} where a list is due: [..., ...]")
        return tuple(parse_value(parse, item, check) for item in node.items)

    return parse_list


def one_or_list(parse: Parse, *, least: int = 0) -> Parse:
    """Return a parser of one thing or a list of at `least` so many; the result is always a tuple."""
    many = list_of(parse)

    def parse_either(node: Node, check: Check) -> tuple[Any, ...]:
        if isinstance(node, Sequence) and len(node.items) < least:
            raise Refused(f"a list of {len(node.items)} where at least {least} is due")
        return many(node, check) if isinstance(node, Sequence) else (parse(node, check),)

    return parse_either


def text_map(what: str, valid_key: Callable[[str], bool]) -> Parse:
    """Return a parser of mappings of texts, each as it was written: environment variables, headers."""

    def parse(node: Node, check: Check) -> dict[str, str]:
        if not isinstance(node, Mapping):
            raise Refused(f"{describe(node)} where {what} are due: {{NAME: value}}")
        found: dict[str, str] = {}
        for key, key_place, value in node.items():
            if not valid_key(key):
                check.report(key_place, f"{key!r} cannot be the name of one of the {what}")
            found[key] = parse_value(text, value, check, "")
        return found

    return parse
