"""`amplification`: how many calls reach for a target for each piece of work that its callers have there.

A piece of work is what a caller wanted done once: calls of one caller, on behalf of one call that it handles
    (the
parent), for one operation with one body, are attempts at one piece of work. So a handler that really wants
the same thing twice, with the same body, counts as retrying; give such calls something that tells them apart.

A call without a parent (a workload's own, the test's) is a piece of work by itself, unless the caller named
its
origin: then calls with one origin belong together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.checks.result import EVIDENCE_MAX, Result, failed, passed
from meshsim.checks.sample import Sample, WindowSpec, take

if TYPE_CHECKING:
    from meshsim.core.selector import Selector
    from meshsim.trace import Call, Trace

__all__ = ["amplification_below"]

_Work = tuple[str, str, str, int]


def _work(call: Call) -> _Work:
    """Name the piece of work that a call is an attempt at."""
    origin = f"origin {call.origin}" if call.origin else f"itself {call.id}"
    if call.parent:
        origin = f"call {call.parent}"
    body = call.request.crc if call.request is not None else 0
    return call.caller, origin, call.operation, body


def amplification_below(
    trace: Trace, selector: Selector, below: float, *, at_least: int | None = None, window: WindowSpec = "all"
) -> Result:
    """Compare attempts for each piece of work with a limit; the figure is the mean over the window.

    Args:
        trace: the run.
        selector: which calls.
        below: what attempts divided by pieces of work must stay under.
        at_least: with fewer calls the answer is unknown.
        window: the part of the run in which the calls were meant to begin.
    """
    sample = take(trace, selector, window, at_least)
    if not isinstance(sample, Sample):
        return sample
    attempts: dict[_Work, list[Call]] = {}
    for call in sample.calls:
        attempts.setdefault(_work(call), []).append(call)
    factor = len(sample.calls) / len(attempts)
    most = max(attempts.values(), key=len)
    figures = (
        f"{len(sample.calls)} calls for {len(attempts)} pieces of work: {factor:.2f} each "
        f"(must be below {below:g}), at most {len(most)}"
    )
    if factor < below:
        return passed(f"amplification of {selector.text}", figures)
    return failed(
        f"{selector.text}: {factor:.2f} calls for each piece of work, not below {below:g}",
        figures,
        evidence=most[:EVIDENCE_MAX],
    )
