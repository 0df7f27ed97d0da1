"""`no work after deadline`: no handler runs on after its caller gave up.

A caller gives up when it gets its error, or at the deadline it set, whichever comes first. A handler that
died with its host is no work; one that was still at it when the run ended is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.checks.result import EVIDENCE_MAX, TOOK, Result, failed, missed, passed
from meshsim.core.units import format_duration

if TYPE_CHECKING:
    from meshsim.trace import Call, Trace

__all__ = ["no_work_after_deadline"]

_DEATHS = ("crash", "terminate", "exit")


def _gave_up_ns(call: Call) -> int | None:
    """Say when nobody waits for the reply any more; None where somebody does, or did until it came."""
    moments = [at for at in (call.failed_ns, call.deadline_ns) if at is not None]
    return min(moments) if moments else None


def no_work_after_deadline(trace: Trace) -> Result:
    """Fail for every call whose handler worked on for nobody; unknown where no caller had a deadline."""
    calls = trace.calls
    limited = [call for call in calls if _gave_up_ns(call) is not None]
    if not limited:
        return missed(
            "no call had a deadline or was given up",
            f"{len(calls)} calls without one; give the clients timeouts, or the links faults",
        )
    late = [(over_ns, call) for call in limited if (over_ns := _overtime_ns(trace, call)) > 0]
    if not late:
        return passed("no work after a deadline", f"{len(limited)} of {len(calls)} calls had one")
    over_ns, worst = max(late, key=lambda item: (item[0], -item[1].id))
    still = "" if worst.handled_ns is not None else " and is at it still"
    return failed(
        f"{worst.target} worked on {worst.operation} for {format_duration(over_ns)} after {worst.caller} "
        f"gave up{still}",
        f"{len(late)} of {len(limited)} calls with a deadline were worked on after it",
        evidence=[call for _, call in late[:EVIDENCE_MAX]],
        shows=(TOOK,),
    )


def _overtime_ns(trace: Trace, call: Call) -> int:
    """Say for how long a handler worked for nobody."""
    gave_up = _gave_up_ns(call)
    begun = call.received_ns
    if gave_up is None or begun is None:
        return 0
    end = call.handled_ns if call.handled_ns is not None else _died_ns(trace, call, begun)
    # A request may arrive after its caller left: then all the work is too late.
    return max(0, end - max(gave_up, begun))


def _died_ns(trace: Trace, call: Call, begun: int) -> int:
    """Say when an unfinished handler's host went down, or now if it lives."""
    deaths = (
        event.at_ns
        for kind in _DEATHS
        for event in trace.events(kind, call.target_host)
        if event.at_ns >= begun
    )
    return min(deaths, default=trace.now_ns)
