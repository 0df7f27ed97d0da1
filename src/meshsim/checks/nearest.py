"""What an expectation that met nothing could have meant: the closest parties and operations of the run."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from meshsim.core.names import nearest, split_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsim.core.selector import Selector
    from meshsim.trace import Call, Trace

__all__ = ["met_nothing", "operation_family"]

SHOWN_MAX = 3
_VARYING = re.compile(r"/(?:\d+|[0-9a-fA-F-]{12,})(?=/|$|\?)")


def operation_family(operation: str) -> str:
    """Take the varying parts out of a concrete operation: `POST /orders/17?x=1` is `POST /orders/{id}`."""
    return _VARYING.sub("/{id}", operation.partition("?")[0])


def _service(host: str) -> str:
    return split_host(host)[0]


def _counted(words: Iterable[str]) -> str:
    """Name the most frequent words with their counts; ties by name, not by a set's order."""
    counts = Counter(words)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{word} ({count})" for word, count in ranked[:SHOWN_MAX])
    rest = len(ranked) - SHOWN_MAX
    return f"{shown} and {rest} more" if rest > 0 else shown


def _targets(trace: Trace) -> set[str]:
    return {call.target_service for call in trace.calls} | {target for _, target in trace.command_pairs}


def met_nothing(trace: Trace, selector: Selector) -> tuple[str, ...]:
    """Say what the run has that is closest to a selector that matched no call."""
    targets = _targets(trace)
    if not targets:
        return ("no calls were made at all",)
    target = selector.target.name
    to_target = [call for call in trace.requests(f"* -> {target}") if target != "*"]
    if not to_target:
        close = nearest(target, targets)
        meant = f"did you mean {close}?" if close else f"called were {', '.join(sorted(targets))}"
        return (f"nothing called {target}; {meant}",)
    return _other_calls(selector, to_target)


def _other_calls(selector: Selector, to_target: list[Call]) -> tuple[str, ...]:
    """Explain which part of a selector excludes all the calls to its target."""
    target = selector.target.name
    operation = selector.operation
    asked = [call for call in to_target if operation is None or operation.matches(call.operation)]
    if operation is not None and not asked:
        families = [operation_family(call.operation) for call in to_target]
        close = nearest(operation.text, set(families))
        meant = f"; did you mean {target} {close}?" if close else ""
        return (f"{target} was asked for {_counted(families)}, never for {operation.text}{meant}",)
    if selector.caller is not None and not any(selector.caller.matches(call.caller) for call in asked):
        callers = _counted(_service(call.caller) for call in asked)
        return (f"the callers were {callers}, never {selector.caller}",)
    return (f"the calls went to {_counted(call.target for call in asked)}, none to {selector.target}",)
