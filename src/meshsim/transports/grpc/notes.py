"""What the trace is told of calls: sent, received, handled, replied, failed.

A call's record travels with its first frame, so that both ends complete one. Which call a handler works for is
a context variable, as in every room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.kernel import state
from meshsim.trace.handling import handling
from meshsim.trace.message import Message
from meshsim.transports.grpc.status import name_of

if TYPE_CHECKING:
    from meshsim.trace.call import Call
    from meshsim.trace.recorder import Recorder
    from meshsim.transports.grpc.status import Status
    from meshsim.transports.grpc.wire import Metadata

ROOM = "grpc"


def recorder() -> Recorder | None:
    """Return the recorder of the current world, or None where nothing is recorded."""
    kernel = state.kernel
    found: Recorder | None = None if kernel is None else kernel.recorder
    return found


def sent(  # noqa: PLR0917 - a record has this many parts
    caller: str,
    service: str,
    method: str,
    metadata: Metadata,
    body: bytes | None,
    deadline_ns: int | None,
    attempt: int,
) -> Call | None:
    """Note that a call leaves its caller."""
    found = recorder()
    if found is None:
        return None
    headers = [(key, value) for key, value in metadata if isinstance(value, str)]
    return found.call_sent(
        ROOM,
        caller,
        service,
        method.lstrip("/"),
        request=Message("POST", method, headers, body),
        deadline_ns=deadline_ns,
        parent=handling.get(),
        attempt=attempt,
    )


def received(call: Call | None, host: str) -> None:
    """Note that a call has reached its server, where it may still wait for its turn."""
    found = recorder()
    if found is not None and call is not None:
        found.call_received(call, host)


def handled(call: Call | None, code: int) -> None:
    """Note that a handler is done."""
    found = recorder()
    if found is not None and call is not None and call.handled_ns is None:
        found.call_handled(call, name_of(code))


def ended(call: Call | None, status: Status, body: bytes | None) -> None:
    """Note that the caller knows how it went."""
    found = recorder()
    if found is None or call is None or call.ended_ns is not None:
        return
    if status.answered:
        found.call_replied(call, name_of(status.code), Message(body=body))
    else:
        found.call_failed(call, f"{name_of(status.code)}: {status.details}")
