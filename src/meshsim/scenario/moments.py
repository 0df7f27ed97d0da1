"""When a fault happens: at, every, between or when, for how long, and to how many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshsim.core.units import format_duration
from meshsim.scenario.fields import Check, Field, Refused, table
from meshsim.scenario.nodes import Mapping
from meshsim.scenario.targets import TRIGGERED
from meshsim.scenario.triggers import trigger
from meshsim.scenario.values import (
    duration,
    duration_range,
    flag,
    positive_duration,
    probability,
    text,
    whole,
)
from meshsim.scenario.verbs import Span, Verb

if TYPE_CHECKING:
    from meshsim.scenario.nodes import Node

__all__ = ["FILTERS", "WHEN", "check_moments"]


def _period(node: Node, check: Check) -> tuple[int, int]:
    low_ns, high_ns = duration_range(node, check)
    if not low_ns:
        raise Refused(f"{text(node, check)!r} may be no time at all: a period is more than 0s")
    return low_ns, high_ns


_STARTS: Final = ("at", "every", "between", "when")

FILTERS: Final = table(
    Field("probability", probability),
    Field("first", whole(1)),
    Field("after_calls", whole(1)),
    Field("after_messages", whole(1)),
)
"""Which calls a fault meets; they may also stand among the verb's parameters."""

WHEN: Final = table(
    Field("at", duration, into="at_ns"),
    Field("for", positive_duration, into="for_ns"),
    Field("until", positive_duration, into="until_ns"),
    Field("every", _period),
    Field("between", duration_range),
    Field("when", trigger, into="trigger"),
    Field("nth", whole(1)),
    Field("plus", duration, into="plus_ns"),
    Field("ramp", positive_duration, into="ramp_ns"),
    Field("may_miss", flag, default=False),
    *FILTERS.values(),
)


def check_moments(node: Mapping, values: dict[str, Any], verb: Verb, check: Check) -> None:
    """Report what does not go together in the moments of one fault."""
    starts = [key for key in _STARTS if key in node.entries]
    if len(starts) > 1 and starts != ["at", "every"]:
        _report(
            node, starts[1], f"{' and '.join(f'{key}:' for key in starts)} both say when: keep one", check
        )
    if "when" not in node.entries:
        for key in ("nth", "plus"):
            _report(node, key, f"{key}: counts from a when:, and there is none", check)
        if values["targets"] and values["targets"][0].target.name in TRIGGERED:
            name = values["targets"][0].target.name
            _report(node, verb.name, f"{name!r} is who took part in a when:, and there is none", check)
    if "after_calls" in node.entries and "after_messages" in node.entries:
        _report(node, "after_messages", "after_calls: and after_messages: both say when: keep one", check)
    _check_span(node, verb, check)
    _check_order(node, values, check)


def _check_span(node: Mapping, verb: Verb, check: Check) -> None:
    if verb.span is Span.INSTANT:
        keys = ("for",) if "every" in node.entries else ("for", "until")
        for key in keys:
            _report(node, key, f"{verb.name} happens at a moment: {key}: has no meaning for it", check)
    if not (verb.span is Span.LASTING or check.at_once or _says_when(node, verb)):
        check.report(node.place, f"nothing says when {verb.name} happens: at: 10s, every:, between: or when:")
    if not verb.ramps:
        _report(node, "ramp", f"{verb.name} has no strength that could grow: ramp: goes with latency", check)
    if "for" in node.entries and "until" in node.entries and "every" not in node.entries:
        _report(node, "until", "for: and until: both say when it ends: keep one", check)


def _says_when(node: Mapping, verb: Verb) -> bool:
    inside = node.entries[verb.name].value
    keys = {*node.entries, *(inside.entries if isinstance(inside, Mapping) else ())}
    ends = {"for", "until"} if verb.span is Span.EITHER else set()
    return bool(keys & {*_STARTS, "after_calls", "after_messages", *ends})


def _check_order(node: Mapping, values: dict[str, Any], check: Check) -> None:
    at_ns, until_ns = values["at_ns"] or 0, values["until_ns"]
    if until_ns is not None and until_ns <= at_ns:
        at = format_duration(at_ns)
        _report(
            node,
            "until",
            f"{format_duration(until_ns)} is not after {at}, when it begins: until a later time",
            check,
        )
    if check.duration_ns is None or values["may_miss"]:
        return
    begins = {"at": values["at_ns"], "between": (values["between"] or (None,))[0]}
    for key, begin_ns in begins.items():
        if begin_ns is not None and begin_ns >= check.duration_ns:
            begin, end = format_duration(begin_ns), format_duration(check.duration_ns)
            _report(
                node, key, f"{begin} never comes: the duration is {end}; longer, or may_miss: true", check
            )


def _report(node: Mapping, key: str, message: str, check: Check) -> None:
    """Report at the place of a key, if the key is there."""
    if (entry := node.entries.get(key)) is not None:
        check.report(entry.key_place, message)
