"""One attempt at a call: a stream on a connection, from its first frame to its status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.kernel import api
from meshsim.transports.grpc import notes, texts
from meshsim.transports.grpc.status import CANCELLED, RESOURCE_EXHAUSTED, Status
from meshsim.transports.grpc.wire import Begin, Credit, Data, End, Flow, Headers, Reset

if TYPE_CHECKING:
    from meshsim.trace.call import Call
    from meshsim.transports.grpc.call import ClientCall
    from meshsim.transports.grpc.pipe import Pipe

    Frame = End | Headers | Data | Reset | Credit


class Attempt:
    """One attempt at a call.

    Args:
        call: whose attempt it is.
        pipe: the connection.
        note: the trace's record.
    """

    __slots__ = ("_call", "_flow", "_pipe", "begun", "closed", "note", "over", "stream")

    def __init__(self, call: ClientCall, pipe: Pipe, note: Call | None) -> None:
        self._call = call
        self._pipe = pipe
        self._flow: Flow | None = None
        self.note = note
        self.stream = pipe.add(self)
        self.begun = False
        self.closed = False
        self.over = False
        if note is not None:
            note.target_host = pipe.server_host

    @property
    def _window(self) -> Flow:
        flow = self._flow
        if flow is None:
            flow = self._flow = Flow()
        return flow

    # -- sending ----------------------------------------------------------------------------------------

    def begin(self, body: bytes | None, *, last: bool) -> None:
        """Send the call's head, and what goes along."""
        call = self._call
        deadline = call.deadline_ns
        frame = Begin(
            self.stream,
            call.method,
            call.channel.authority,
            call.metadata,
            None if deadline is None else deadline - api.now(),
            self.note,
        )
        if body is not None:
            frame.carry(body)
            if not last:
                self._window.sent(len(body))
        frame.last = self.closed = last
        self.begun = True
        self._pipe.send(frame)

    def may_send(self, body: bytes) -> bool:
        """Whether the server's window is open for a message."""
        return self._flow is None or self._flow.may_send(len(body))

    def send(self, body: bytes | None, *, last: bool) -> None:
        """Send a message, or only say that it was the last one."""
        if body is not None:
            self._window.sent(len(body))
        self.closed = last
        self._pipe.send(Data(self.stream, body, last=last))

    def read(self, size: int) -> None:
        """Note that the application has taken a message."""
        if self.over:
            return
        credit = self._window.read(size)
        if credit:
            self._pipe.send(Credit(self.stream, credit))

    def cancel(self, code: int = CANCELLED, details: str = "") -> None:
        """Break off, and tell the server."""
        if not self.over:
            self.over = True
            if self.begun:
                self._pipe.send(Reset(self.stream, code, details))
            self._pipe.forget(self.stream)

    # -- what arrives, on the hub -----------------------------------------------------------------------

    def arrived(self, frame: Frame) -> None:
        """Take a frame of this stream."""
        call = self._call
        if isinstance(frame, End):
            self._ended(frame)
        elif isinstance(frame, Headers):
            call.got_headers(frame.metadata)
            if frame.body is not None:
                self._message(frame.body)
        elif isinstance(frame, Data):
            if frame.body is not None:
                self._message(frame.body)
        elif isinstance(frame, Credit):
            self._window.unread -= frame.read_bytes
            call.pump()
        else:
            self._over(Status(frame.code, frame.details, answered=True))

    def _message(self, body: bytes) -> None:
        limit = self._call.channel.options.receive_max
        if limit is not None and len(body) > limit:
            self.cancel()
            text = texts.too_large("CLIENT", "Received", len(body), limit)
            self._call.attempt_over(self, Status(RESOURCE_EXHAUSTED, text))
        else:
            self._call.got_message(body)

    def _ended(self, frame: End) -> None:
        call = self._call
        limit = call.channel.options.receive_max
        body = frame.body
        if body is not None and (limit is None or len(body) <= limit):
            # Nothing of this stream is read any more, so nobody is told of it.
            self.over = True
            self._pipe.forget(self.stream)
            call.answered(self, frame, body)
            return
        if frame.metadata is not None and (frame.code == 0 or frame.metadata):
            call.got_headers(frame.metadata)
        if body is not None:
            self._message(body)
        if not self.over:
            self._over(Status(frame.code, frame.details, frame.trailers, answered=True))

    def lost(self, status: Status, *, unseen: bool) -> None:
        """Note that the connection is gone; `unseen` when the server never looked at this call."""
        if not self.over:
            self.over = True
            self._call.attempt_over(self, status, unseen=unseen or not self.begun)

    def _over(self, status: Status) -> None:
        self.over = True
        self._pipe.forget(self.stream)
        self._call.attempt_over(self, status)

    def noted(self, status: Status, body: bytes | None) -> None:
        """Tell the trace how the attempt went."""
        notes.ended(self.note, status, body)
