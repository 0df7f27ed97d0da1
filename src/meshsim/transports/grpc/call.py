"""A call as its client sees it, sans-IO: what the application asks for, and what has come.

The application's side asks for things with a function that is called when they are there: at once, in the
flow that asks, or later on the hub. Both seams, the blocking one and asyncio's, stand on this.

What happens to a call, in the order in which it can:

    queued     no connection yet; fails with the channel, unless it is to wait until the channel is ready
    attempted  on a stream; more than once where a service config says so and nothing has come yet
    committed  something has come: the status that follows is the call's
    ended      a status, the server's or one of this end
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from meshsim.kernel import api
from meshsim.transports.grpc import notes, texts
from meshsim.transports.grpc.attempt import Attempt
from meshsim.transports.grpc.status import CANCELLED, DEADLINE_EXCEEDED, OK, RESOURCE_EXHAUSTED, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.timer import Timer
    from meshsim.trace.call import Call
    from meshsim.transports.grpc.channel import ClientChannel
    from meshsim.transports.grpc.pipe import Pipe
    from meshsim.transports.grpc.wire import End, Metadata

    Done = Callable[..., Any]

PREVIOUS_ATTEMPTS = "grpc-previous-rpc-attempts"
PUSHBACK = "grpc-retry-pushback-ms"


class ClientCall:
    """A call.

    Args:
        channel: what it is made on.
        method: `/package.Service/Method`.
        deadline_ns: when it is over, on the world's clock; None for never.
        wait_for_ready: what the application says of it; None leaves it to the service config.

    Attributes:
        initial: the server's initial metadata, once it is known.
        status: how it ended, once it has.
    """

    __slots__ = (
        "_attempt",
        "_attempts",
        "_closing",
        "_inbox",
        "_last_body",
        "_note",
        "_outbox",
        "_replay",
        "_retry",
        "_started",
        "_timer",
        "_want_initial",
        "_want_message",
        "_want_status",
        "channel",
        "deadline_ns",
        "initial",
        "metadata",
        "method",
        "status",
        "wait_for_ready",
    )

    def __init__(
        self,
        channel: ClientChannel,
        method: str,
        deadline_ns: int | None,
        wait_for_ready: bool | None,  # noqa: FBT001 - three values
    ) -> None:
        config = channel.options.method(method)
        if config.timeout_ns is not None:
            limit = api.now() + config.timeout_ns
            deadline_ns = limit if deadline_ns is None else min(limit, deadline_ns)
        self.channel = channel
        self.method = method
        self.deadline_ns = deadline_ns
        self.wait_for_ready = bool(config.wait_for_ready if wait_for_ready is None else wait_for_ready)
        self.metadata: Metadata = ()
        self.initial: Metadata | None = None
        self.status: Status | None = None
        self._retry = config.retry
        self._attempts = 0
        self._attempt: Attempt | None = None
        self._note: Call | None = None
        self._outbox: deque[tuple[bytes, Done | None]] = deque()
        self._replay: list[bytes] = []
        self._closing = False
        self._started = False
        self._inbox: deque[bytes] = deque()
        self._last_body: bytes | None = None
        self._want_initial: list[Done] = []
        self._want_message: list[Done] = []
        self._want_status: list[Done] = []
        self._timer: Timer | None = None

    # -- what the application does ----------------------------------------------------------------------

    def send(self, body: bytes, done: Done | None) -> None:
        """Queue a message; `done()` when it has left, or when it never will."""
        limit = self.channel.options.send_max
        if self.status is not None:
            if done is not None:
                done()
        elif limit is not None and len(body) > limit:
            text = texts.too_large("CLIENT", "Sent", len(body), limit)
            self.cancel(RESOURCE_EXHAUSTED, text)
            if done is not None:
                done()
        else:
            self._outbox.append((body, done))

    def finish_sending(self) -> None:
        """Note that the application sends nothing more."""
        self._closing = True

    def start(self, metadata: Metadata) -> None:
        """Begin, with what was queued so far."""
        if self.status is not None:
            return
        self.metadata = metadata
        self._started = True
        deadline = self.deadline_ns
        if deadline is not None:
            if deadline <= api.now():
                self._end(Status(DEADLINE_EXCEEDED, texts.DEADLINE))
                return
            self._timer = api.call_at(deadline, self._expired)
        self._try()

    def on_initial(self, done: Done) -> None:
        """Have `done(metadata)` called when the server's initial metadata is there, or never will be."""
        if self.initial is not None:
            done(self.initial)
        elif self.status is not None:
            done(())
        else:
            self._want_initial.append(done)

    def on_message(self, done: Done) -> None:
        """Have `done(body)` called with the next message, or with None when there is none any more."""
        if self._inbox:
            body = self._inbox.popleft()
            self._taken(body)
            done(body)
            self._tell_status()
        elif self.status is not None:
            done(None)
        else:
            self._want_message.append(done)

    def on_status(self, done: Done) -> None:
        """Have `done(status)` called when the call is over and every message was taken."""
        self._want_status.append(done)
        self._tell_status()

    def cancel(self, code: int = CANCELLED, details: str = "CANCELLED") -> None:
        """End the call from this side; without effect on one that is over."""
        if self.status is None:
            self._inbox.clear()
            attempt = self._attempt
            if attempt is not None:
                attempt.cancel(code, details)
            self._end(Status(code, details))

    def _expired(self) -> None:
        self.cancel(DEADLINE_EXCEEDED, texts.DEADLINE)

    # -- attempts ---------------------------------------------------------------------------------------

    def _try(self) -> None:
        if self.status is not None:
            return
        self._attempts += 1
        channel = self.channel
        first = self._outbox[0][0] if self._outbox else None
        self._note = notes.sent(
            channel.process.host.name,
            channel.service,
            self.method,
            self.metadata,
            first,
            self.deadline_ns,
            self._attempts,
        )
        channel.submit(self)

    def attach(self, pipe: Pipe) -> None:
        """Begin an attempt on a connection; called by the channel when it has one."""
        if self._attempts > 1 and self._retry is not None:
            kept = tuple(pair for pair in self.metadata if pair[0] != PREVIOUS_ATTEMPTS)
            self.metadata = (*kept, (PREVIOUS_ATTEMPTS, str(self._attempts - 1)))
        self._attempt = Attempt(self, pipe, self._note)
        self.pump()

    def refuse(self, status: Status) -> None:
        """Fail for want of a connection; called by the channel."""
        self.attempt_over(None, status)

    def pump(self) -> None:
        """Send what may be sent."""
        attempt, outbox = self._attempt, self._outbox
        if attempt is None or attempt.over or attempt.closed:
            return
        if not attempt.begun:
            body, done = outbox.popleft() if outbox else (None, None)
            attempt.begin(body, last=self._closing and not outbox)
            self._left(body, done)
        while outbox and attempt.may_send(outbox[0][0]):
            body, done = outbox.popleft()
            attempt.send(body, last=self._closing and not outbox)
            self._left(body, done)
        if self._closing and not outbox and not attempt.closed:
            attempt.send(None, last=True)

    def _left(self, body: bytes | None, done: Done | None) -> None:
        if body is not None and self._retry is not None and self.initial is None:
            self._replay.append(body)
        if done is not None:
            done()

    def got_headers(self, metadata: Metadata) -> None:
        """Take the server's initial metadata."""
        if self.initial is None and self.status is None:
            self.initial = metadata
            self._replay.clear()
            wanted, self._want_initial = self._want_initial, []
            for done in wanted:
                done(metadata)

    def got_message(self, body: bytes) -> None:
        """Take a message of the server."""
        if self.status is not None:
            return
        if self.initial is None:
            self.got_headers(())
        self._last_body = body
        if self._want_message:
            done = self._want_message.pop(0)
            self._taken(body)
            done(body)
        else:
            self._inbox.append(body)

    def _taken(self, body: bytes) -> None:
        if self._attempt is not None:
            self._attempt.read(len(body))

    def answered(self, attempt: Attempt, frame: End, body: bytes) -> None:
        """Take a message and the status behind it, which came at once."""
        if frame.metadata is not None:
            self.got_headers(frame.metadata)
        self.got_message(body)
        status = Status(frame.code, frame.details, frame.trailers, answered=True)
        if self.channel.options.throttle is None:
            # A message has come, so there is no other attempt to think of.
            self._end(status)
        else:
            self.attempt_over(attempt, status)

    def attempt_over(self, attempt: Attempt | None, status: Status, *, unseen: bool = False) -> None:
        """Go on after an attempt: with another one, or to the end."""
        if self.status is not None:
            return
        if attempt is not None and unseen:
            # Nobody has seen it: made again on the next connection, as if this one had not been.
            self._rewind()
            self.channel.submit(self)
            return
        policy, throttle = self._retry, self.channel.options.throttle
        retriable = policy is not None and status.code in policy.codes
        if status.code == OK and throttle is not None:
            throttle.succeeded()
        allowed = not retriable or throttle is None or throttle.failed()
        if (
            retriable
            and allowed
            and policy is not None
            and self.initial is None
            and self._attempts < policy.attempts
        ):
            delay = _pushback_ns(status)
            if delay is None or delay >= 0:
                notes.ended(self._note, status, None)
                self._rewind()
                if delay is None:
                    delay = policy.delay_ns(self._attempts - 1, self.channel.process.random)
                api.call_at(api.now() + delay, self._try)
                return
        self._end(status)

    def _rewind(self) -> None:
        self._attempt = None
        replay, self._replay = self._replay, []
        self._outbox.extendleft((body, None) for body in reversed(replay))

    # -- the end ----------------------------------------------------------------------------------------

    def _end(self, status: Status) -> None:
        self.status = status
        self.channel.withdraw(self)
        if self._timer is not None:
            self._timer.cancel()
        notes.ended(self._note, status, self._last_body)
        if self._outbox:
            self._give_up_sending()
        if self._replay:
            self._replay.clear()
        if self._want_initial:
            wanted, self._want_initial = self._want_initial, []
            for done in wanted:
                done(())
        if self._want_message:
            wanted, self._want_message = self._want_message, []
            for done in wanted:
                done(None)
        self._tell_status()

    def _give_up_sending(self) -> None:
        for _, done in self._outbox:
            if done is not None:
                done()
        self._outbox.clear()

    def _tell_status(self) -> None:
        if self.status is not None and not self._inbox and self._want_status:
            wanted, self._want_status = self._want_status, []
            for done in wanted:
                done(self.status)


def _pushback_ns(status: Status) -> int | None:
    """Return what the server says of when to try again: None for nothing, negative for never."""
    for key, value in status.trailers:
        if key == PUSHBACK:
            try:
                return int(value) * 1_000_000
            except ValueError:
                return -1
    return None
