"""Between a byte stream and the http room, which speaks whole messages.

`urllib` calls a Flask service that an adapter booted, `requests` calls an `http.server`:

    ToHttpServer     at a client's end: what it writes becomes requests, the responses become what it reads
    ToHttpClient     at a server's end: the requests become what it reads, what it writes becomes responses

The translation happens where the bytes are, so that the wire carries what the http room's own parties send,
and faults, queues and the trace see no difference.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from meshsim.errors import UnsupportedOperation
from meshsim.network.outcome import ConnectionReset
from meshsim.transports.http import calls
from meshsim.transports.http.codec import BodyChunk, RequestHead, ResponseHead
from meshsim.transports.http.server import ServerEnd
from meshsim.transports.tcp import http1

if TYPE_CHECKING:
    from meshsim.network.connection import Connection
    from meshsim.transports.tcp.stream import Stream

TLS_HANDSHAKE = 0x16
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def toward(stream: Stream, connection: Connection) -> ToHttpServer | None:
    """Return what translates for a stream whose peer is a server of the http room; None for other peers."""
    callback = getattr(connection.peer, "_callback", None)
    if isinstance(getattr(callback, "__self__", None), ServerEnd):
        return ToHttpServer(stream, connection)
    return None


def for_message(stream: Stream, message: object) -> ToHttpClient:
    """Return what translates for a stream that was sent a message instead of bytes.

    Raises:
        UnsupportedOperation: nobody knows how to write this message as bytes.
    """
    if isinstance(message, RequestHead) and stream.connection is not None:
        return ToHttpClient(stream, stream.connection)
    msg = (
        f"{stream.process.host.name} reads bytes from a socket, and its peer sends {message!r}: no bytes are known"
        " for that. Serve it with the same room on both ends, or with plain sockets on both"
    )
    raise UnsupportedOperation(msg)


class ToHttpServer:
    """A client's bytes as requests."""

    def __init__(self, stream: Stream, connection: Connection) -> None:
        self._stream = stream
        self._connection = connection
        self._parser = http1.Parser(http1.request)
        self._writer = http1.Writer()
        self._attempts: deque[tuple[calls.Attempt, str]] = deque()
        self._begun = False

    def write(self, data: bytes) -> None:
        """Take what the client writes.

        Raises:
            UnsupportedOperation: it begins TLS or HTTP/2, which the http room's server does not have.
        """
        if not self._begun and data:
            self._begun = True
            self._check(data)
        try:
            messages = self._parser.feed(data)
        except http1.BadHeadError:
            self._stream.buffer += BAD_REQUEST
            self._stream.ended = True
            self._connection.close()
            self._stream.changed()
            return
        for message in messages:
            if isinstance(message, RequestHead):
                self._begin(message)
            self._connection.send(message, message.size_bytes)

    def _check(self, data: bytes) -> None:
        what = "TLS" if data[0] == TLS_HANDSHAKE else "HTTP/2" if data.startswith(b"PRI * HTTP/2") else None
        if what is not None:
            peer = self._connection.peer.process.host.name
            msg = (
                f"{self._stream.process.host.name} begins {what} on a plain socket with {peer}, whose server is"
                " the http room's and speaks HTTP/1.1 messages. Call it by http://, or through requests or httpx,"
                " for which https works, or let it serve a socket of its own"
            )
            raise UnsupportedOperation(msg)

    def _begin(self, head: RequestHead) -> None:
        attempt = calls.begin(
            self._stream.process,
            self._connection.peer.process.host.service,
            head.method,
            head.target,
            headers=head.headers,
            body=None if head.more else head.body,
            deadline_ns=None,
        )
        attempt.connected(self._connection.peer_host)
        head.call = attempt.call
        self._attempts.append((attempt, head.method))
        for name, value in head.headers:
            if name.lower() == "expect" and value.lower() == "100-continue" and head.more and not head.body:
                self._stream.buffer += CONTINUE
                self._stream.changed()

    def received(self, message: Any) -> bytes:
        """Return what the client reads of a message."""
        method = self._attempts[0][1] if self._attempts else ""
        if self._attempts:
            attempt = self._attempts[0][0]
            if isinstance(message, ResponseHead):
                attempt.head(message)
            elif not message.more:
                attempt.replied()
            if not message.more:
                self._attempts.popleft()
        return self._writer.write(message, bodiless=method == "HEAD")

    def ended(self) -> bytes:
        """Note that the server has closed."""
        while self._attempts:
            self._attempts.popleft()[0].ended(whole=True)
        return b""

    def finish(self) -> None:
        """Note that the client will write no more; nothing of a request is held back."""


class ToHttpClient:
    """A server's bytes as responses."""

    def __init__(self, stream: Stream, connection: Any) -> None:
        self._stream = stream
        self._connection = connection
        self._parser = http1.Parser(self._response)
        self._writer = http1.Writer()
        self._asked: deque[RequestHead] = deque()

    def received(self, message: Any) -> bytes:
        """Return what the server reads of a message."""
        if isinstance(message, RequestHead):
            self._asked.append(message)
            calls.received(message, self._stream.process.host.name)
        return self._writer.write(message)

    def _response(self, line: bytes, headers: Any) -> tuple[ResponseHead | None, http1.Body]:
        request = self._asked[0] if self._asked else None
        head, body = http1.response(line, headers, "GET" if request is None else request.method)
        if head is not None and request is not None:
            self._asked.popleft()
            calls.handled(request, head.status)
        return head, body

    def write(self, data: bytes) -> None:
        """Take what the server writes."""
        try:
            messages = self._parser.feed(data)
        except http1.BadHeadError:
            # No message says this; the client finds the connection broken, and the trace the call failed.
            self._connection.abort()
            return
        self._send(messages)

    def _send(self, messages: list[Any]) -> None:
        for message in messages:
            try:
                self._connection.send(message, message.size_bytes)
            except ConnectionReset:
                return

    def finish(self) -> None:
        """End a body whose length nobody said: it ends with the connection."""
        body = self._parser.body
        if body is not None and body.until_close:
            body.done = True
            self._send([BodyChunk(b"", more=False)])

    def ended(self) -> bytes:
        """Note that the client has closed."""
        return b""
