"""`calls`: how often a target was reached, in all or for each value of something in the request.

What counts is what reached the target's handler: a request that was lost on its way charges nobody twice.
With `per: body.order_id` the calls are put in groups by that value, and every group must fit.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from meshsim.checks.result import EVIDENCE_MAX, Result, failed, missed, passed, unknown
from meshsim.checks.sample import Sample, take
from meshsim.trace import MISSING

if TYPE_CHECKING:
    from meshsim.core.selector import Selector
    from meshsim.trace import Call, Trace

__all__ = ["Times", "calls_are"]

_SHOWN_MAX = 3
_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}|(?<=/):(\w+)")


class Times(NamedTuple):
    """How often is right; None leaves an end open."""

    low: int | None = None
    high: int | None = None

    def fit(self, count: int) -> bool:
        """Say whether a count is right."""
        return (self.low is None or count >= self.low) and (self.high is None or count <= self.high)

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low}"
        if self.high is None:
            return f"at least {self.low}"
        return f"at most {self.high}" if self.low is None else f"{self.low} to {self.high}"


def calls_are(trace: Trace, selector: Selector, times: Times, *, per: str | None = None) -> Result:
    """Compare how often a target was reached with what is right.

    Args:
        trace: the run.
        selector: which calls.
        times: how often is right, for each group where there are groups.
        per: what makes the groups: `body.KEY`, `params.NAME` (of the selector's path) or `headers.NAME`.
    """
    sample = take(trace, selector)
    if not isinstance(sample, Sample):
        # Who says that there shall be none has said what an empty run shows.
        return passed(f"no call was {selector.text}") if times.low == 0 and sample.missed else sample
    reached = [call for call in sample.calls if call.received_ns is not None]
    lost = len(sample.calls) - len(reached)
    on_the_way = [f"{lost} more were sent and never reached it"] if lost else []
    if per is not None:
        return _per_group(selector, reached, times, per, on_the_way)
    figures = [f"{_calls(len(reached))} (expected {times})", *on_the_way]
    if times.fit(len(reached)):
        return passed(f"calls of {selector.text}", *figures)
    evidence = reached[-EVIDENCE_MAX:] or sample.calls[-EVIDENCE_MAX:]
    return failed(f"{selector.text}: {_calls(len(reached))}, expected {times}", *figures, evidence=evidence)


def _per_group(
    selector: Selector, reached: list[Call], times: Times, per: str, on_the_way: list[str]
) -> Result:
    name = per.partition(".")[2]
    groups: dict[str, list[Call]] = {}
    nameless = 0
    for call in reached:
        value = _value(selector, call, per)
        if value is MISSING:
            nameless += 1
        else:
            groups.setdefault(_text(value), []).append(call)
    if not groups:
        return missed(
            f"no call to {selector.text} has {per}",
            f"{_calls(len(reached))}{_keys(reached, per)}",
            *on_the_way,
        )
    wrong = {value: calls for value, calls in groups.items() if not times.fit(len(calls))}
    asides = [f"{_calls(nameless)} without {per}", *on_the_way] if nameless else on_the_way
    if wrong:
        value, calls = max(wrong.items(), key=lambda item: len(item[1]))
        shows = (name,) if per.startswith("body.") else ()
        figures = _figures(name, wrong, groups, times)
        title = f"{selector.text}: {_calls(len(calls))} for {name}={value}, expected {times}"
        return failed(title, figures, *asides, evidence=calls[-EVIDENCE_MAX:], shows=shows)
    if nameless:
        return unknown(f"{selector.text}: not every call has {per}", *asides)
    sizes = Counter(len(calls) for calls in groups.values())
    counted = ", ".join(f"{count} {name}: {size}" for size, count in sorted(sizes.items()))
    return passed(f"calls of {selector.text} per {per}", f"{counted} (expected {times})")


def _figures(name: str, wrong: dict[str, list[Call]], groups: dict[str, list[Call]], times: Times) -> str:
    """Write the wrong groups, worst first, and the others by size."""
    ranked = sorted(wrong.items(), key=lambda item: (-len(item[1]), item[1][0].id))
    shown = [f"{name}={value}: {_calls(len(calls))}" for value, calls in ranked[:_SHOWN_MAX]]
    shown[0] += f" (expected {times})"
    if len(ranked) > _SHOWN_MAX:
        shown.append(f"{len(ranked) - _SHOWN_MAX} more wrong")
    right = Counter(len(calls) for value, calls in groups.items() if value not in wrong)
    shown += [f"{count} other {name}: {size}" for size, count in sorted(right.items())]
    return "; ".join(shown)


def _value(selector: Selector, call: Call, per: str) -> Any:
    """Look up what groups a call, or MISSING."""
    where, _, name = per.partition(".")
    if call.request is None and where != "params":
        return MISSING
    if where == "params":
        return _parameter(selector, call.operation, name)
    if where == "headers":
        found = call.request.header(name) if call.request is not None else None
        return MISSING if found is None else found
    return call.body(name)


def _parameter(selector: Selector, operation: str, name: str) -> Any:
    """Take one parameter of the selector's path out of a concrete operation."""
    path = selector.operation.path if selector.operation is not None else None
    if path is None:
        return MISSING
    pieces, end = [], 0
    for match in _PARAMETER.finditer(path):
        wanted = (match[1] or match[2]) == name
        pieces += [re.escape(path[end : match.start()]), "([^?]+?)" if wanted else "[^?]+?"]
        end = match.end()
    pattern = "".join([*pieces, re.escape(path[end:]), r"(?:\?.*)?"])
    found = re.fullmatch(pattern, operation.partition(" ")[2] or operation)
    return found[1] if found is not None and found.re.groups else MISSING


def _keys(calls: list[Call], per: str) -> str:
    """Name the keys that the bodies do have, where a body's key was asked for."""
    if not per.startswith("body."):
        return ""
    keys: set[str] = set()
    for call in calls:
        body = call.request.json() if call.request is not None else None
        if isinstance(body, dict):
            keys.update(body)
    return f"; their bodies have {', '.join(sorted(keys))}" if keys else "; none has a JSON body"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _calls(count: int) -> str:
    return f"{count} call" if count == 1 else f"{count} calls"
