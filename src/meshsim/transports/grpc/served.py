"""A call as its server sees it, sans-IO: what has come, and what the application answers.

As on the client's side, a function that is given along is called when what it waits for is there.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from meshsim.kernel import api
from meshsim.transports.grpc import notes, texts
from meshsim.transports.grpc.status import CANCELLED, OK, RESOURCE_EXHAUSTED
from meshsim.transports.grpc.wire import Credit, Data, End, Flow, Headers, Reset

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.timer import Timer
    from meshsim.transports.grpc.server import ServerEnd
    from meshsim.transports.grpc.wire import Begin, Metadata

    Done = Callable[..., Any]


class ServedCall:
    """A call that has come in.

    Args:
        end: the connection that it came by.
        begin: its first frame.

    Attributes:
        deadline_ns: when it is over, on the world's clock; None for never.
        over: whether nothing more is sent: it was answered, or it is cancelled.
        cancelled: whether it was over before it was answered.
    """

    __slots__ = (
        "_end",
        "_flow",
        "_headers",
        "_inbox",
        "_on_close",
        "_on_message",
        "_outbox",
        "_read_all",
        "_status",
        "_timer",
        "begin",
        "cancelled",
        "deadline_ns",
        "on_over",
        "over",
    )

    def __init__(self, end: ServerEnd, begin: Begin) -> None:
        self._end = end
        self.begin = begin
        self.cancelled = False
        self.over = False
        self.on_over: Callable[[], None] | None = None
        self._flow: Flow | None = None
        self._headers: Metadata | None = None
        self._inbox: deque[bytes] = deque()
        self._read_all = begin.last
        self._on_message: Done | None = None
        self._on_close: Done | None = None
        self._outbox: deque[tuple[bytes, Done | None]] = deque()
        self._status: tuple[int, str, Metadata] | None = None
        self._timer: Timer | None = None
        self.deadline_ns: int | None = None
        if begin.timeout_ns is not None:
            self.deadline_ns = api.now() + begin.timeout_ns
            self._timer = api.call_at(self.deadline_ns, self.cancel_here)
        if begin.body is not None:
            self._message(begin.body)

    @property
    def peer(self) -> str:
        """The client's address, as `context.peer()` gives it."""
        connection = self._end.connection
        address = connection._fabric.names.address(connection.peer.process.host)
        return f"ipv4:{address}:{40_000 + self._end.number}"

    @property
    def whole(self) -> bool:
        """Whether all that the client sends is there: one message."""
        return self.begin.last and self.begin.body is not None

    @property
    def caller(self) -> str:
        """The host that calls."""
        return self._end.connection.peer_host

    # -- what arrives, on the hub -----------------------------------------------------------------------

    def arrived(self, frame: Data | Reset | Credit) -> None:
        """Take a frame of this call."""
        if isinstance(frame, Data):
            if frame.last:
                self._read_all = True
            if frame.body is not None:
                self._message(frame.body)
            elif self._on_message is not None:
                done, self._on_message = self._on_message, None
                done(None)
        elif isinstance(frame, Credit):
            self._window.unread -= frame.read_bytes
            self._pump()
        else:
            self.lost()

    def _message(self, body: bytes) -> None:
        limit = self._end.server.options.receive_max
        if limit is not None and len(body) > limit:
            text = texts.too_large("SERVER", "Received", len(body), limit)
            self._end.send(End(self.begin.stream, RESOURCE_EXHAUSTED, text, ()))
            notes.handled(self.begin.note, RESOURCE_EXHAUSTED)  # type: ignore[arg-type]  # the trace's own
            self.lost()
        elif self._on_message is not None:
            done, self._on_message = self._on_message, None
            self._taken(body)
            done(body)
        else:
            self._inbox.append(body)

    def lost(self) -> None:
        """Note that nobody waits for an answer any more."""
        if not self.over:
            self.cancelled = True
            self._close()

    # -- what the application does ----------------------------------------------------------------------

    @property
    def _window(self) -> Flow:
        flow = self._flow
        if flow is None:
            flow = self._flow = Flow()
        return flow

    def on_message(self, done: Done) -> None:
        """Have `done(body)` called with the next message, or with None when there is none any more."""
        if self.cancelled:
            done(None)
        elif self._inbox:
            body = self._inbox.popleft()
            self._taken(body)
            done(body)
        elif self._read_all or self.over:
            done(None)
        else:
            self._on_message = done

    def take(self) -> bytes | None:
        """Return the next message if it is there now."""
        if not self._inbox or self.cancelled:
            return None
        body = self._inbox.popleft()
        self._taken(body)
        return body

    def _taken(self, body: bytes) -> None:
        if not self.begin.last:
            credit = self._window.read(len(body))
            if credit:
                self._end.send(Credit(self.begin.stream, credit))

    def on_close(self, done: Done) -> None:
        """Have `done(cancelled)` called when the call is over."""
        if self.over:
            done(self.cancelled)
        else:
            self._on_close = done

    def send_headers(self, metadata: Metadata) -> None:
        """Set the initial metadata; it leaves with what is sent next, or by `flush`."""
        self._headers = metadata

    def flush(self) -> None:
        """Send what was queued, as far as the client's window is open."""
        self._pump()
        if self._headers is not None and not self._outbox and not self.over:
            metadata, self._headers = self._headers, None
            self._end.send(Headers(self.begin.stream, metadata))

    def send(self, body: bytes, done: Done | None) -> None:
        """Queue a message; `done(sent)` when it has left, or when it never will."""
        limit = self._end.server.options.send_max
        if limit is not None and len(body) > limit:
            self._abort(RESOURCE_EXHAUSTED, texts.too_large("SERVER", "Sent", len(body), limit))
        if self.over:
            if done is not None:
                done(False)  # noqa: FBT003 - a callback's only argument
            return
        self._outbox.append((body, done))

    def reply(self, body: bytes, metadata: Metadata) -> None:
        """Answer with one message and OK, where nothing was sent before: all of it is one frame.

        Args:
            body: the message.
            metadata: the initial metadata.
        """
        if self._outbox or self._status is not None or self._end.server.options.send_max is not None:
            self._headers = metadata
            self.send(body, None)
            self.finish(OK, "", ())
        elif not self.over:
            begin = self.begin
            notes.handled(begin.note, OK)  # type: ignore[arg-type]  # the trace's own
            self._end.send(End(begin.stream, OK, "", (), metadata, body))
            self._close()

    def finish(self, code: int, details: str, trailers: Metadata) -> None:
        """Send the status, behind the messages that still wait."""
        if not self.over:
            self._status = (code, details, trailers)
            notes.handled(self.begin.note, code)  # type: ignore[arg-type]  # the trace's own
            self._pump()

    def _pump(self) -> None:
        outbox = self._outbox
        while outbox and not self.over:
            body, done = outbox[0]
            whole = self._status is not None and len(outbox) == 1 and self._headers is not None
            if not whole and self._flow is not None and not self._flow.may_send(len(body)):
                return
            if whole:
                break
            outbox.popleft()
            self._window.sent(len(body))
            stream = self.begin.stream
            if self._headers is not None:
                metadata, self._headers = self._headers, None
                self._end.send(Headers(stream, metadata, body))
            else:
                self._end.send(Data(stream, body))
            if done is not None:
                done(True)  # noqa: FBT003 - a callback's only argument
        if self._status is not None and not self.over:
            self._answer(*self._status)

    def _answer(self, code: int, details: str, trailers: Metadata) -> None:
        body, done = self._outbox.popleft() if self._outbox else (None, None)
        self._end.send(End(self.begin.stream, code, details, trailers, self._headers, body))
        self._headers = None
        self._close()
        if done is not None:
            done(True)  # noqa: FBT003 - a callback's only argument

    def _abort(self, code: int, details: str) -> None:
        if not self.over:
            self._end.send(End(self.begin.stream, code, details, (), self._headers))
            notes.handled(self.begin.note, code)  # type: ignore[arg-type]  # the trace's own
            self.lost()

    def cancel_here(self, code: int = CANCELLED, details: str = "CANCELLED") -> None:
        """Break the call off from the server's side: its deadline has passed, or its handler says so."""
        if not self.over:
            deadline = self.deadline_ns
            if deadline is None or api.now() < deadline:
                self._end.send(Reset(self.begin.stream, code, details))
            self.lost()

    def _close(self) -> None:
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        self._inbox.clear()
        self._end.forget(self)
        if self.cancelled and self._outbox:
            outbox, self._outbox = self._outbox, deque()
            for _, done in outbox:
                if done is not None:
                    done(False)  # noqa: FBT003 - a callback's only argument
        if self._on_message is not None:
            waiting, self._on_message = self._on_message, None
            waiting(None)
        if self._on_close is not None:
            closing, self._on_close = self._on_close, None
            closing(self.cancelled)
        if self.on_over is not None:
            self.on_over()
