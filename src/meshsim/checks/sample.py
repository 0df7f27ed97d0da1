"""The calls that an expectation is about: those a selector means, within a part of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from meshsim.checks.nearest import met_nothing
from meshsim.checks.result import Result, missed, unknown
from meshsim.core.units import format_duration
from meshsim.trace import Window

if TYPE_CHECKING:
    from meshsim.core.selector import Selector
    from meshsim.trace import Call, Trace

__all__ = ["Sample", "take"]

WindowSpec = str | tuple[int, int]
"""`faults`, `settle`, `all`, or nanoseconds from and to."""


class Sample(NamedTuple):
    """Calls that were begun within a window."""

    calls: list[Call]
    window: Window


def take(
    trace: Trace, selector: Selector, window: WindowSpec = "all", at_least: int | None = None
) -> Sample | Result:
    """Collect the calls, or say why they show nothing.

    Args:
        trace: the run.
        selector: which calls.
        window: in which part of the run they were meant to begin.
        at_least: with fewer the answer is unknown.
    """
    stretch = trace.window(window) if isinstance(window, str) else Window(*window)
    if stretch is None:
        return missed(f"the run has no part {window!r}")
    calls = trace.requests(selector)
    if not calls:
        return missed(f"no call was {selector.text}", *met_nothing(trace, selector))
    within = [call for call in calls if stretch.holds(call.intended_ns)]
    if not within:
        span = f"from {format_duration(stretch.begin_ns)} to {format_duration(stretch.end_ns)}"
        return missed(f"no call to {selector.text} in the window", f"{len(calls)} calls, none of them {span}")
    if at_least is not None and len(within) < at_least:
        figures = f"{len(within)} calls, at least {at_least} were asked for"
        return unknown(f"{selector.text}: too few calls to tell", figures)
    return Sample(within, stretch)
