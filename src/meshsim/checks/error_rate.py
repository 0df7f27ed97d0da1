"""`error_rate`: the share of calls that ended in an error at the caller."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from meshsim.checks.result import EVIDENCE_MAX, Result, failed, passed, unknown
from meshsim.checks.sample import Sample, WindowSpec, take

if TYPE_CHECKING:
    from meshsim.core.selector import Selector
    from meshsim.trace import Call, Trace

__all__ = ["error_rate_below"]

_KINDS_SHOWN = 4


def error_rate_below(
    trace: Trace, selector: Selector, below: float, *, at_least: int | None = None, window: WindowSpec = "all"
) -> Result:
    """Compare the share of failed calls with a limit.

    A call failed when its caller got an exception, an error reply, or a status from 500 on. Calls that are
    still open count neither way.

    Args:
        trace: the run.
        selector: which calls.
        below: the share, 0 to 1, that the errors must stay under.
        at_least: with fewer calls the answer is unknown.
        window: the part of the run in which the calls were meant to begin.
    """
    sample = take(trace, selector, window, at_least)
    if not isinstance(sample, Sample):
        return sample
    ended = [call for call in sample.calls if call.ended_ns is not None]
    if not ended:
        return unknown(f"{selector.text}: no call ended", f"{len(sample.calls)} calls are still open")
    errors = [call for call in ended if call.failed]
    share = len(errors) / len(ended)
    figures = f"{len(errors)} of {len(ended)} calls failed: {share:.2%} (must be below {below:.2%})"
    # Fewer errors than one call more could show: no error at all is under any limit above zero.
    if share < below or not errors:
        return passed(f"error rate of {selector.text}", figures)
    return failed(
        f"{selector.text}: error rate {share:.2%}, not below {below:.2%}",
        figures,
        *_kinds(errors),
        evidence=errors[:EVIDENCE_MAX],
    )


def _kinds(errors: list[Call]) -> list[str]:
    """Count the errors by their beginnings: the class of an exception, or a status."""
    kinds = Counter(call.error.partition(":")[0].partition("(")[0] or str(call.status) for call in errors)
    ranked = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return [", ".join(f"{kind}: {count}" for kind, count in ranked[:_KINDS_SHOWN])]
