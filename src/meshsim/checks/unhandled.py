"""`no unhandled errors`: nothing escaped from a task or a handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.checks.result import EVIDENCE_MAX, Result, failed, missed, passed

if TYPE_CHECKING:
    from meshsim.trace import Trace

__all__ = ["UNHANDLED", "no_unhandled_errors"]

UNHANDLED = "unhandled"
"""The kind of event that stands for an exception that reached the end of its task or handler."""


def no_unhandled_errors(trace: Trace) -> Result:
    """Fail for every exception that nobody caught; unknown where no service did anything."""
    events = trace.events(UNHANDLED)
    if not events:
        if not trace.calls and not trace.command_pairs and not trace.events():
            return missed("nothing ran", "no calls and no events were recorded")
        return passed("no unhandled errors", f"{len(trace.calls)} calls")
    first = events[0]
    more = f" (and {len(events) - 1} more)" if len(events) > 1 else ""
    hosts: dict[str, int] = {}
    for event in events:
        hosts[event.host] = hosts.get(event.host, 0) + 1
    counted = ", ".join(f"{host}: {count}" for host, count in sorted(hosts.items()))
    return failed(
        f"{first.host}: {first.text}{more}", f"unhandled errors: {counted}", evidence=events[:EVIDENCE_MAX]
    )
