"""`latency`: percentiles at the caller, from the moment at which the workload meant to send.

Counting from the intended moment and not from the real one keeps a stalled system from slowing its own
measurement down (coordinated omission). A call that failed counts with the time until its error; one that is
still open counts with the time it has waited, if that is over the limit already. The percentile is the
nearest rank: a latency that some call really had.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from meshsim.checks.result import EVIDENCE_MAX, TOOK, Result, failed, passed, unknown
from meshsim.checks.sample import Sample, WindowSpec, take
from meshsim.core.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsim.core.selector import Selector
    from meshsim.trace import Call, Trace

__all__ = ["latency_at_most", "percentile"]


def percentile(ordered: list[int], share: float) -> int:
    """Give the nearest-rank percentile of values in rising order; `share` is above 0 and at most 1."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def latency_at_most(
    trace: Trace,
    selector: Selector,
    limits_ns: Mapping[str, int],
    *,
    at_least: int | None = None,
    window: WindowSpec = "all",
) -> Result:
    """Compare percentiles with limits.

    Args:
        trace: the run.
        selector: which calls.
        limits_ns: by percentile's name, `{"p50": ..., "p999": ...}`.
        at_least: with fewer calls the answer is unknown.
        window: the part of the run in which the calls were meant to begin.
    """
    sample = take(trace, selector, window, at_least)
    if not isinstance(sample, Sample):
        return sample
    now = trace.now_ns
    limit = max(limits_ns.values())
    timed = [(took, call) for call in sample.calls if (took := _took_ns(call, now, limit)) is not None]
    if not timed or (at_least is not None and len(timed) < at_least):
        asked = f"at least {at_least} were asked for" if at_least else "none ended"
        return unknown(f"{selector.text}: too few calls ended to tell", f"{len(timed)} calls, {asked}")
    ordered = sorted(took for took, _ in timed)
    over, figures = [], []
    for name, limit_ns in limits_ns.items():
        value = percentile(ordered, float(f"0.{name[1:]}"))
        figures.append(f"{name} {format_duration(value)} (limit {format_duration(limit_ns)})")
        if value > limit_ns:
            over.append(f"{name} is {format_duration(value)}, over {format_duration(limit_ns)}")
    lines = ", ".join([*figures, f"{len(timed)} calls", *_asides(timed)])
    if not over:
        return passed(f"latency of {selector.text}", lines)
    slowest = sorted(timed, key=lambda item: (-item[0], item[1].sent_ns))[:EVIDENCE_MAX]
    evidence = sorted((call for _, call in slowest), key=lambda call: call.sent_ns)
    return failed(f"{selector.text}: {'; '.join(over)}", lines, evidence=evidence, shows=(TOOK,))


def _took_ns(call: Call, now: int, limit_ns: int) -> int | None:
    """Say how long the caller waited; None for an open call that may still be in time."""
    if call.ended_ns is not None:
        return call.ended_ns - call.intended_ns
    waited = now - call.intended_ns
    return waited if waited > limit_ns else None


def _asides(timed: list[tuple[int, Call]]) -> list[str]:
    failures = sum(1 for _, call in timed if call.failed)
    return [f"{failures} of them failed"] if failures else []
