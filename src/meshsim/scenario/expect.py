"""The section `expect`: what must hold, one kind an entry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from meshsim.core.names import did_you_mean, nearest
from meshsim.core.units import parse_duration_range
from meshsim.scenario.fields import (
    Check,
    Checked,
    Field,
    Parse,
    Refused,
    check_mapping,
    parse_value,
    source_text,
    table,
)
from meshsim.scenario.nodes import Mapping, Node, Scalar, Sequence, describe
from meshsim.scenario.references import callable_reference
from meshsim.scenario.targets import selector
from meshsim.scenario.values import count_range, flag, number, positive_duration, probability, text, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.core.selector import Selector

__all__ = ["KINDS", "PERCENTILES", "SENTENCES", "Kind", "check_expect"]

SENTENCES: Final = {
    "no unhandled errors": "no_unhandled_errors",
    "no work after deadline": "no_work_after_deadline",
}
"""Expectations that are written out in words."""

PERCENTILES: Final = ("p50", "p75", "p90", "p95", "p99", "p999")
_PER: Final = re.compile(r"(?:body|params|headers)(?:\.[A-Za-z0-9_-]+)+")


def _window(node: Node, check: Check) -> str | tuple[int, int]:
    written = text(node, check)
    if written in ("faults", "all"):
        return written
    if ".." not in written:
        raise Refused(f"{written!r} is no window: faults, all, or 10s..20s")
    return parse_duration_range(written)


def _per(node: Node, check: Check) -> str:
    written = text(node, check)
    if not _PER.fullmatch(written):
        raise Refused(
            f"{written!r} names nothing in a request: body.order_id, params.id or headers.x-request-id"
        )
    return written


def _answered(node: Node, check: Check) -> Selector:
    found = selector(node, check)
    if found.target.name == "*" and found.operation is None and found.caller is None:
        raise Refused(f"{found.text!r} is every call there is: name a target")
    return found


def _percentiles(values: dict[str, Any]) -> str | None:
    if any(values[name] is not None for name in PERCENTILES):
        return None
    return f"does not say how fast: p99: 500ms, or another of {', '.join(PERCENTILES)}"


def _counts(values: dict[str, Any]) -> str | None:
    exact = [name for name in ("exactly", "times") if values[name] is not None]
    bounds = [name for name in ("at_least", "at_most") if values[name] is not None]
    if len(exact) == 1 and not bounds:
        return None
    if not exact and bounds:
        low, high = values["at_least"], values["at_most"]
        both = low is not None and high is not None
        return f"at_least: {low} is more than at_most: {high}" if both and low > high else None
    if not exact:
        return "does not say how many: exactly: 1, times: 1..3, at_least: 1 or at_most: 3"
    return f"says how many more than once: {', '.join(f'{name}:' for name in exact + bounds)}"


def _whole_is_right(values: dict[str, Any]) -> str | None:  # noqa: ARG001  the shape of a refusal
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: the word, what its value is (`about`, under the name `into`), and its parameters."""

    name: str
    about: Parse
    into: str
    fields: dict[str, Field]
    refuse: Callable[[dict[str, Any]], str | None] = _whole_is_right


_AT_LEAST: Final = Field("at_least", whole(0))
_WINDOW: Final = Field("window", _window, default="all")

KINDS: Final = {
    row.name: row
    for row in (
        Kind("always", callable_reference, "check", {}),
        Kind(
            "eventually",
            callable_reference,
            "check",
            table(Field("within", positive_duration, into="within_ns")),
        ),
        Kind(
            "latency",
            _answered,
            "selector",
            table(*(Field(name, positive_duration) for name in PERCENTILES), _AT_LEAST, _WINDOW),
            _percentiles,
        ),
        Kind(
            "error_rate",
            _answered,
            "selector",
            table(Field("below", probability, required=True), _AT_LEAST, _WINDOW),
        ),
        Kind(
            "amplification",
            _answered,
            "selector",
            table(Field("below", number(0, 1e9), required=True), _AT_LEAST, _WINDOW),
        ),
        Kind(
            "calls",
            _answered,
            "selector",
            table(
                Field("per", _per),
                Field("exactly", whole(0)),
                Field("times", count_range),
                _AT_LEAST,
                Field("at_most", whole(0)),
            ),
            _counts,
        ),
    )
}

_COMMON: Final = table(Field("may_miss", flag, default=False))


def check_expect(node: Node, check: Check) -> tuple[Checked, ...]:
    """Check all expectations."""
    if not isinstance(node, Sequence):
        raise Refused(f"expect: is a list, not {describe(node)}: [no unhandled errors]")
    found = (parse_value(_check_one, item, check) for item in node.items)
    return tuple(checked for checked in found if checked is not None)


def _check_one(node: Node, check: Check) -> Checked | None:
    if isinstance(node, Scalar):
        written = " ".join(text(node, check).split())
        if written not in SENTENCES:
            raise Refused(f"{written!r} is no expectation{did_you_mean(written, [*SENTENCES, *KINDS])}")
        return Checked(node.place, written, {"kind": SENTENCES[written], "may_miss": False})
    if not isinstance(node, Mapping):
        raise Refused(f"an expectation is a mapping or a sentence, not {describe(node)}")
    kinds = [key for key in node.entries if key in KINDS]
    if len(kinds) != 1:
        _report_kinds(node, kinds, check)
        return None
    kind = KINDS[kinds[0]]
    fields = {kind.name: Field(kind.name, kind.about, into=kind.into), **kind.fields, **_COMMON}
    before = len(check.mistakes)
    values = check_mapping(node, fields, check, f"expect {kind.name}")
    if len(check.mistakes) == before and (message := kind.refuse(values)):
        check.report(node.place, f"expect {kind.name} {message}")
    return Checked(node.place, source_text(node), {"kind": kind.name, **values})


def _report_kinds(node: Mapping, kinds: list[str], check: Check) -> None:
    if kinds:
        second = node.entries[kinds[1]].key_place
        check.report(second, f"an expectation has one kind, not {' and '.join(kinds)}: write two")
        return
    for key, key_place, value in node.items():
        # `no: unhandled errors` is a sentence that a stray colon made into a key.
        written = key if nearest(key, KINDS) or not isinstance(value, Scalar) else f"{key} {value.text}"
        near = did_you_mean(written, [*SENTENCES, *KINDS])
        check.report(key_place, f"{key!r} is no kind of expectation{near}")
        return
    check.report(node.place, f"an expectation is empty: one of {', '.join(KINDS)}")
