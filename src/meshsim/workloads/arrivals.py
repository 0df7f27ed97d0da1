"""When an open workload calls: evenly, at random (`poisson`), and on ramps.

All four come from one thing, the number of calls that are due after a time: it grows by the rate. An even
workload calls whenever it passes a whole number, a random one whenever it passes the next sum of draws.
"""

from __future__ import annotations

from math import log1p, sqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsim.core.streams import Stream
    from meshsim.scenario.rates import Rate

__all__ = ["arrivals"]

_NS_PER_S: Final = 1_000_000_000


def arrivals(rate: Rate, begin_ns: int, end_ns: int | None, stream: Stream) -> Iterator[int]:
    """Give the moments of an open workload's calls, without end where `end_ns` is None.

    Args:
        rate: calls a second; a ramp is up at `end_ns`.
        begin_ns: the workload begins; the first even call is then.
        end_ns: it ends; no call is at or after it.
        stream: draws the gaps of a random one.
    """
    length_s = None if end_ns is None else (end_ns - begin_ns) / _NS_PER_S
    due = 0.0
    while True:
        if rate.poisson:
            due += -log1p(-stream.random())
        after_s = _after_s(rate, due, length_s)
        if after_s is None:
            return
        at_ns = begin_ns + round(after_s * _NS_PER_S)
        if end_ns is not None and at_ns >= end_ns:
            return
        yield at_ns
        if not rate.poisson:
            due += 1


def _after_s(rate: Rate, due: float, length_s: float | None) -> float | None:
    """Return after how many seconds `due` calls are due; None when a falling rate never gets there."""
    if rate.start_per_s == rate.end_per_s or not length_s:
        return due / rate.start_per_s if rate.start_per_s else None
    # calls(t) = start t + slope t^2 / 2, solved for t.
    slope = (rate.end_per_s - rate.start_per_s) / length_s
    inside = rate.start_per_s**2 + 2 * slope * due
    if inside < 0:
        return None
    # The form that does not cancel where the slope is small.
    return 2 * due / (rate.start_per_s + sqrt(inside)) if due else 0.0
