"""A response as `http.client` hands it to urllib3, made from messages instead of parsed from bytes.

The class is `http.client.HTTPResponse` with its fields filled in: how much is read, when a chunk ends, what
`IncompleteRead` says, are then the standard library's own code over `BodyFile`, a file of what would have
been on the wire after the head.
"""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING, Any

from meshsim.transports.http import codec

if TYPE_CHECKING:
    from meshsim.transports.http.calls import Attempt
    from meshsim.transports.http.codec import BodyChunk, ResponseHead
    from meshsim.transports.http.wire import Wire

LAST_CHUNK = b"0\r\n\r\n"


class Reply(http.client.HTTPResponse):
    """The head of a response, and a file of its body.

    Args:
        wire: where the rest of the body comes from.
        head: the response's head.
        method: of the request; a HEAD has no body to read.
        attempt: what the trace is told of.
    """

    def __init__(self, wire: Wire, head: ResponseHead, method: str, attempt: Attempt) -> None:
        self.debuglevel = 0
        self._method = method
        message = http.client.HTTPMessage()
        message._headers = self.header_lines = head.headers  # type: ignore[attr-defined]
        self.headers = self.msg = message
        self.code = self.status = head.status
        self.reason = head.reason
        self.version = 11 if head.version == codec.HTTP_1_1 else 10
        framing = codec.Framing(head.headers)
        self.chunked = framing.chunked
        self.chunk_left = None
        self.length = framing.length
        if not codec.has_body(method, head.status):
            self.length = 0
        elif framing.chunked:
            self.length = None
        self.will_close = framing.closes(head.version) or (self.length is None and not self.chunked)
        if head.more or self.chunked or self.will_close:
            framed = framing.chunked or framing.length is not None
            self.fp = io.BufferedReader(BodyFile(wire, head, attempt, self, framed=framed))
        else:
            # All of it is at hand, and the connection goes on: no file of ours has anything to do.
            self.fp = io.BufferedReader(io.BytesIO(head.body))  # a raw file in all but name

    @classmethod
    def wait(cls, wire: Wire, method: str, attempt: Attempt) -> Reply:
        """Wait for a response's head.

        Raises:
            RemoteDisconnected: the peer closed instead.
            OSError: nothing came in time, or the connection broke.
        """
        head = wire.receive()
        if head is None:
            raise http.client.RemoteDisconnected("Remote end closed connection without response")
        attempt.head(head)
        return cls(wire, head, method, attempt)


class BodyFile(io.RawIOBase):
    """What follows a response's head on the wire, chunk frames included.

    Args:
        wire: where the rest comes from.
        head: what came so far.
        attempt: what the trace is told of.
        reply: whose body it is.
        framed: whether the body's end is known otherwise than by the connection's.
    """

    def __init__(
        self, wire: Wire, head: ResponseHead, attempt: Attempt, reply: Reply, *, framed: bool
    ) -> None:
        self._wire = wire
        self._attempt = attempt
        self._framed = framed
        self._chunked = reply.chunked
        self._will_close = reply.will_close
        self._pending = self._frame(head.body, more=head.more)
        self._ended = not head.more

    def _frame(self, data: bytes, *, more: bool) -> bytes:
        if not self._chunked:
            return data
        framed = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        return framed if more else framed + LAST_CHUNK

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what is at hand, or wait for more; 0 at the end."""
        while not self._pending:
            if self._ended:
                return 0
            try:
                message = self._wire.receive()
            except OSError as error:
                self._attempt.failed(error)
                raise
            self._take(message)
        count = min(len(buffer), len(self._pending))
        buffer[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def _take(self, message: Any) -> None:
        if message is None:
            self._ended = True
            self._attempt.ended(whole=not self._framed)
            return
        chunk: BodyChunk = message
        self._pending = self._frame(chunk.data, more=chunk.more)
        self._ended = not chunk.more
        if self._ended:
            self._attempt.replied()

    def close(self) -> None:
        """Close the file, and the connection with it when that ends here."""
        if not self.closed:
            self._attempt.replied()
            if self._will_close:
                self._wire.close()
        super().close()
