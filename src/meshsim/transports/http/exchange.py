"""One request and its response on an httpcore connection: what h11 was asked for, without bytes.

Shared by the blocking and the asyncio seam. Methods that take a part of the request return the message that
is to be sent now, if any; those that take a message return what the client reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
import httpcore
from httpcore._exceptions import map_exceptions

from meshsim.kernel import api
from meshsim.kernel.state import current
from meshsim.transports.http import calls, codec, wire
from meshsim.transports.http.codec import BodyChunk, RequestHead

if TYPE_CHECKING:
    from meshsim.transports.http.codec import ResponseHead

HTTP_VERSIONS = {"HTTP/1.1": b"HTTP/1.1", "HTTP/1.0": b"HTTP/1.0"}


def timeouts(request: httpcore.Request) -> dict[str, float | None]:
    """Return the timeouts of a request by phase, in seconds."""
    found: dict[str, float | None] = request.extensions.get("timeout", {})
    return found


def begin(request: httpcore.Request, *, fresh: bool) -> calls.Attempt:
    """Have the trace know of a request.

    Args:
        request: what is about to be sent.
        fresh: whether a connection has to be made first.
    """
    task = current()
    if task is None:
        return calls.Attempt(None)
    limits = timeouts(request)
    read, connect = limits.get("read"), limits.get("connect")
    deadline = None
    if read is not None:
        seconds = read + connect if fresh and connect is not None else read
        deadline = api.now() + round(seconds * wire.NS_PER_S)
    url = request.url
    host, port = url.host.decode("ascii"), url.port or (443 if url.scheme == b"https" else 80)
    return calls.begin(
        task.process,
        wire.fabric().names.service_of(host, port),
        request.method.decode("ascii"),
        url.target.decode("ascii"),
        headers=_text(request.headers),
        body=_body_at_hand(request.stream),
        deadline_ns=deadline,
    )


def _body_at_hand(stream: Any) -> bytes | None:
    """Return the body of a request whose stream holds it in one piece, as httpx' `ByteStream` does."""
    body = getattr(stream, "_stream", None)
    return body if isinstance(body, bytes) else None


def _text(headers: list[tuple[bytes, bytes]]) -> codec.Headers:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


class ClientExchange:
    """One exchange after another on a connection.

    Attributes:
        attempt: what the trace is told of.
        data: what of the response's body came with its head.
        over: whether all of the response has come.
    """

    def __init__(self) -> None:
        self.attempt = calls.Attempt(None)
        self.data = b""
        self.over = False
        self._used = False
        self._head: RequestHead | None = None
        self._to_send: int | None = None
        self._sent = False
        self._method = ""
        self._expected: int | None = None
        self._received = 0
        self._chunked = False
        self._keep_alive = False

    # -- the request ------------------------------------------------------------------------------------

    def begin(self, request: httpcore.Request, target_host: str) -> RequestHead | None:
        """Take a request's head; where the body's length is known it waits for the body's beginning.

        Raises:
            LocalProtocolError: the head is none that HTTP allows.
        """
        with map_exceptions({h11.LocalProtocolError: httpcore.LocalProtocolError}):
            h11.Request(method=request.method, target=request.url.target, headers=request.headers)
        if self._used:
            self.attempt = begin(request, fresh=False)
        self._used = True
        self.over = self._sent = self._keep_alive = False
        lines = _text(request.headers)
        self._method = request.method.decode("ascii")
        head = RequestHead(self._method, request.url.target.decode("ascii"), lines)
        head.scheme = request.url.scheme.decode("ascii")
        head.call = self.attempt.call
        self.attempt.connected(target_host)
        framing = codec.Framing(lines)
        self._keep_alive = not framing.closes()
        self._to_send = None if framing.chunked else framing.length or 0
        if self._to_send:
            self._head = head
            return None
        head.more = self._to_send is None
        self._sent = not head.more
        return head

    def more(self, data: bytes) -> RequestHead | BodyChunk | None:
        """Take a part of the request's body.

        Raises:
            LocalProtocolError: it is more than was announced.
        """
        if not data:
            return None
        if self._to_send is not None:
            if len(data) > self._to_send:
                msg = "Too much data for declared Content-Length"
                raise httpcore.LocalProtocolError(msg)
            self._to_send -= len(data)
        self._sent = self._to_send == 0
        head, self._head = self._head, None
        if head is None:
            return BodyChunk(bytes(data), more=not self._sent)
        head.body, head.more = bytes(data), not self._sent
        return head

    def last(self) -> BodyChunk | None:
        """Take the end of the request's body.

        Raises:
            LocalProtocolError: it is less than was announced.
        """
        if self._sent:
            return None
        if self._to_send:
            msg = "Too little data for declared Content-Length"
            raise httpcore.LocalProtocolError(msg)
        self._sent = True
        return BodyChunk(b"", more=False)

    # -- the response -----------------------------------------------------------------------------------

    def head(self, reply: ResponseHead | None) -> tuple[bytes, int, bytes, list[tuple[bytes, bytes]], bytes]:
        """Take a response's head, as httpcore wants it.

        Raises:
            RemoteProtocolError: the connection has ended instead.
        """
        if reply is None:
            msg = "Server disconnected without sending a response."
            raise httpcore.RemoteProtocolError(msg)
        self.attempt.head(reply)
        self.over = not reply.more
        self.data = reply.body
        self._received = len(reply.body)
        framing = codec.Framing(reply.headers)
        self._chunked = framing.chunked
        self._expected = None if framing.chunked else framing.length
        if framing.closes(reply.version) or (reply.more and not self._chunked and self._expected is None):
            self._keep_alive = False
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
        return HTTP_VERSIONS[reply.version], reply.status, reply.reason.encode("latin-1"), headers, b""

    def chunk(self, message: BodyChunk | None) -> bytes:
        """Take what follows a response's head.

        Raises:
            RemoteProtocolError: the connection has ended before the body.
        """
        if message is None:
            self.over = True
            self._keep_alive = False
            self._check_whole()
            self.attempt.replied()
            return b""
        self._received += len(message.data)
        if not message.more:
            self.over = True
            self.attempt.replied()
        return message.data

    def _check_whole(self) -> None:
        if self._chunked:
            what = "incomplete chunked read"
        elif self._expected is not None and self._received < self._expected:
            what = f"received {self._received} bytes, expected {self._expected}"
        else:
            return
        # As h11 has it, cause and all.
        with map_exceptions({h11.RemoteProtocolError: httpcore.RemoteProtocolError}):
            msg = f"peer closed connection without sending complete message body ({what})"
            raise h11.RemoteProtocolError(msg)

    def closed(self) -> bool:
        """Take that the client is done with the response; whether the connection can be used again."""
        self.attempt.replied()
        return self.over and self._sent and self._keep_alive
