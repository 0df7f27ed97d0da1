"""When a fault begins and ends, in nanoseconds of virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.scenario.verbs import VERBS, Aim, Span

if TYPE_CHECKING:
    from meshsim.core.streams import Stream
    from meshsim.graph import FaultSpec, When

__all__ = [
    "counts_before",
    "draw_between",
    "end_ns",
    "first_begin_ns",
    "lasts",
    "meets_many",
    "next_begin_ns",
]


def draw_between(stream: Stream, low_ns: int, high_ns: int) -> int:
    """Draw a moment, both ends included."""
    if high_ns <= low_ns:
        return low_ns
    return min(high_ns, low_ns + int(stream.random() * (high_ns - low_ns + 1)))


def lasts(spec: FaultSpec) -> bool:
    """Say whether a fault acts for a while; verbs that can do either act as their words say."""
    span = VERBS[spec.verb].span
    if span is not Span.EITHER:
        return span is Span.LASTING
    when = spec.when
    chosen = when.probability is not None or when.first is not None
    return (
        when.for_ns is not None
        or (when.until_ns is not None and when.every is None)
        or (when.between is not None and chosen)
    )


def counts_before(spec: FaultSpec) -> bool:
    """Say whether `after_calls` delays the beginning; for verbs at calls it skips the first calls instead."""
    counted = spec.when.after_calls is not None or spec.when.after_messages is not None
    return counted and VERBS[spec.verb].aim is not Aim.CALLS


def first_begin_ns(spec: FaultSpec, base_ns: int, stream: Stream) -> int:
    """Return the moment at which a fault begins for the first time; not for one that a trigger begins.

    Args:
        spec: the fault.
        base_ns: the moment from which its own moments count.
        stream: draws where the fault leaves a choice.
    """
    when = spec.when
    if when.every is not None and when.at_ns is None:
        return base_ns + draw_between(stream, *when.every)
    if when.between is not None:
        low_ns, high_ns = when.between
        fills = lasts(spec) and when.for_ns is None
        return base_ns + (low_ns if fills else draw_between(stream, low_ns, high_ns))
    return base_ns + (when.at_ns or 0)


def next_begin_ns(when: When, base_ns: int, last_ns: int, stream: Stream) -> int | None:
    """Return when a repeated fault begins again, None when it does not."""
    if when.every is None:
        return None
    begin_ns = last_ns + draw_between(stream, *when.every)
    return None if when.until_ns is not None and begin_ns >= base_ns + when.until_ns else begin_ns


def end_ns(spec: FaultSpec, base_ns: int, begin_ns: int) -> int | None:
    """Return when what began at `begin_ns` ends by itself, None for the end of the run."""
    when = spec.when
    if when.for_ns is not None:
        return begin_ns + when.for_ns
    if when.until_ns is not None and when.every is None:
        return base_ns + when.until_ns
    if when.between is not None:
        return base_ns + when.between[1]
    return None


def meets_many(spec: FaultSpec) -> bool:
    """Say whether `probability` and `first` are about packets or calls, not about the fault's occurrences."""
    return VERBS[spec.verb].aim in (Aim.LINK, Aim.CALLS) and lasts(spec)
