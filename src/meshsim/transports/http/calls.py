"""What the trace is told of requests: sent, received, handled, replied, failed.

A call travels with its request's head, so that both ends complete one record. Which call a handler works for
is a context variable: handlers run in fresh contexts, asyncio hands it on to what a handler starts, and a
thread that a handler starts has none, as it has none of the service's own variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.kernel import state
from meshsim.trace.handling import handling
from meshsim.trace.message import Message

if TYPE_CHECKING:
    from meshsim.kernel.process import Process
    from meshsim.trace.call import Call
    from meshsim.trace.recorder import Recorder
    from meshsim.transports.http.codec import RequestHead, ResponseHead

ROOM = "http"


def recorder() -> Recorder | None:
    """Return the recorder of the current world, or None where nothing is recorded."""
    return getattr(state.kernel, "recorder", None)


class Attempt:
    """One request as its caller sees it, from before it connects to the end of the reply's body.

    Attributes:
        call: the trace's record, or None where nothing is recorded.
    """

    __slots__ = ("_over", "_reply", "call")

    def __init__(self, call: Call | None) -> None:
        self.call = call
        self._reply: ResponseHead | None = None
        self._over = call is None

    def connected(self, target_host: str) -> None:
        """Note which replica is asked."""
        if self.call is not None:
            self.call.target_host = target_host

    def head(self, reply: ResponseHead) -> None:
        """Note the reply's head; the reply is there when all of its body is."""
        self._reply = reply
        if not reply.more:
            self.replied()

    def replied(self) -> None:
        """Note that the caller has its reply, or has seen enough of it."""
        found, reply, call = recorder(), self._reply, self.call
        if self._over or found is None or call is None:
            return
        self._over = True
        if reply is None:
            found.call_failed(call, "closed before a reply")
        else:
            body = None if reply.more else reply.body
            found.call_replied(call, reply.status, Message(headers=reply.headers, body=body))

    def ended(self, *, whole: bool) -> None:
        """Note that the connection ended while the reply's body came."""
        if whole:
            self.replied()
        else:
            self.failed(ConnectionError("closed in the middle of a reply"))

    def failed(self, error: BaseException) -> None:
        """Note that the caller gets an exception."""
        found, call = recorder(), self.call
        if self._over or found is None or call is None:
            return
        self._over = True
        found.call_failed(call, f"{type(error).__name__}: {error}")


def begin(
    process: Process,
    target_service: str,
    method: str,
    target: str,
    *,
    headers: list[tuple[str, str]],
    body: bytes | None,
    deadline_ns: int | None,
    attempt: int = 1,
) -> Attempt:
    """Note that a request leaves its caller."""
    found = recorder()
    if found is None:
        return Attempt(None)
    call = found.call_sent(
        ROOM,
        process.host.name,
        target_service,
        f"{method} {target.partition('?')[0]}",
        request=Message(method, target, headers, body),
        deadline_ns=deadline_ns,
        parent=handling.get(),
        attempt=attempt,
    )
    return Attempt(call)


def received(head: RequestHead, host: str) -> None:
    """Note that a request has reached its server, where it may still wait for its turn."""
    found = recorder()
    if found is not None and head.call is not None:
        found.call_received(head.call, host)


def work_for(head: RequestHead) -> None:
    """Have what the calling context does from now on count as done on behalf of a request."""
    handling.set(head.call)


def handled(head: RequestHead, status: int) -> None:
    """Note that a handler is done."""
    found = recorder()
    if found is not None and head.call is not None:
        found.call_handled(head.call, status)
