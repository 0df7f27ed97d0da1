"""Which calls are still work at a moment, and which only look so because somebody always asks.

A mesh that is quiet is not silent: services poll queues and send heartbeats for ever. What tells them from work is
that nobody waits for them (no test, no call that they are part of), that the same one was answered before, and that
this one has not taken much longer than those did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from meshsim.trace.call import Call

__all__ = ["in_flight"]

SECOND: Final = 1_000_000_000
# How often a poll may last as long as the longest one before it, which was at least a second.
PATIENCE: Final = 2
# Operations whose purpose is to wait until there is something.
WAITING_OPERATIONS: Final = ("ReceiveMessage", "GetRecords")
TEST: Final = "test"


def in_flight(
    calls: Iterable[Call], now_ns: int, lives: Callable[[str, int], bool]
) -> list[tuple[Call, str]]:
    """Return the calls that are not over, each with what it waits for, oldest first.

    Args:
        calls: every call, in the order sent.
        now_ns: the moment.
        lives: `lives(host, since_ns)`, whether the process of a host that lived at a moment lives now.
    """
    found = []
    longest_ns: dict[tuple[str, str, str], int] = {}
    for call in calls:
        kind = (call.caller, call.target_service, call.operation)
        ended_ns = call.ended_ns
        if ended_ns is not None:
            if not call.failed:
                longest_ns[kind] = max(longest_ns.get(kind, SECOND), ended_ns - call.sent_ns)
            if _is_handled_in_vain(call) and lives(call.target_host, call.received_ns or 0):
                found.append((call, "its caller gave up, its handler runs on"))
        elif lives(call.caller, call.sent_ns) and not _is_poll(call, now_ns, longest_ns.get(kind)):
            found.append((call, "being handled" if call.received_ns is not None else "not received"))
    return found


def _is_handled_in_vain(call: Call) -> bool:
    return call.failed_ns is not None and call.received_ns is not None and call.handled_ns is None


def _is_poll(call: Call, now_ns: int, longest_ns: int | None) -> bool:
    if call.caller == TEST or call.parent:
        return False
    if call.operation.startswith(WAITING_OPERATIONS):
        return True
    return longest_ns is not None and now_ns - call.sent_ns <= PATIENCE * longest_ns
