"""HTTP/1.1 between bytes and the http room's messages, sans-IO: parsers and writers of heads and bodies.

h11 would do it, and is not there for everybody who has sockets; nothing here needs to be strict, for both ends
are programs under test, and what is wrong between them should reach the other end as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshsim.transports.http import codec
from meshsim.transports.http.codec import BodyChunk, RequestHead, ResponseHead

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.transports.http.codec import Headers

HEAD_BYTES_MAX: Final = 1 << 20
LAST_CHUNK: Final = b"0\r\n\r\n"


class BadHeadError(ValueError):
    """What came is not the head of an HTTP message."""


def find(headers: Headers, lower_name: str) -> str | None:
    """Return the first value of a header by its name in lower case, or None."""
    return next((value for name, value in headers if name.lower() == lower_name), None)


def _headers(lines: list[bytes]) -> Headers:
    found: Headers = []
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name.strip():
            raise BadHeadError(line)
        found.append((name, value.strip(" \t")))
    return found


def _chunked(headers: Headers) -> bool:
    value = find(headers, "transfer-encoding")
    return value is not None and "chunked" in value.lower()


class Body:
    """The frame of a body: how many bytes are its, and when it ends.

    Args:
        headers: of its message.
        empty: whether it has none, whatever the headers say.
        until_close: whether one without a length goes on to the end of the connection.
    """

    def __init__(self, headers: Headers, *, empty: bool, until_close: bool) -> None:
        length = find(headers, "content-length")
        self.chunked = not empty and _chunked(headers)
        self.until_close = False
        self.left = 0
        self.done = empty
        if empty or self.chunked:
            pass
        elif length is not None and length.isdecimal():
            self.left = int(length)
            self.done = not self.left
        else:
            self.until_close = until_close
            self.done = not until_close

    def take(self, buffer: bytearray) -> bytes:
        """Take out of a buffer what is the body's, without its frame."""
        if self.until_close:
            data = bytes(buffer)
            buffer.clear()
            return data
        if self.chunked:
            return self._take_chunks(buffer)
        data = bytes(buffer[: self.left])
        del buffer[: self.left]
        self.left -= len(data)
        self.done = not self.left
        return data

    def _take_chunks(self, buffer: bytearray) -> bytes:
        parts: list[bytes] = []
        while True:
            line = buffer.find(b"\r\n")
            if line < 0:
                break
            try:
                size = int(bytes(buffer[:line]).partition(b";")[0], 16)
            except ValueError:
                raise BadHeadError(bytes(buffer[:line])) from None
            end = line + 2 + size
            if not size:
                trailer = buffer.find(b"\r\n\r\n", line)
                if trailer < 0:
                    break
                del buffer[: trailer + 4]
                self.done = True
                break
            if len(buffer) < end + 2:
                break
            parts.append(bytes(buffer[line + 2 : end]))
            del buffer[: end + 2]
        return b"".join(parts)


class Parser:
    """Bytes in, messages out.

    Args:
        head: makes a head of its first line and its headers, and says how its body is framed; None in place of a
            head is one that is skipped.
    """

    def __init__(
        self, head: Callable[[bytes, Headers], tuple[RequestHead | ResponseHead | None, Body]]
    ) -> None:
        self._make = head
        self._buffer = bytearray()
        self._body: Body | None = None

    @property
    def body(self) -> Body | None:
        """The body that is under way."""
        return self._body

    def feed(self, data: bytes) -> list[RequestHead | ResponseHead | BodyChunk]:
        """Take bytes, return what is complete.

        Raises:
            BadHeadError: this is not HTTP.
        """
        buffer = self._buffer
        buffer += data
        found: list[RequestHead | ResponseHead | BodyChunk] = []
        while buffer:
            if self._body is not None:
                part = self._body.take(buffer)
                done = self._body.done
                if part or done:
                    found.append(BodyChunk(part, more=not done))
                if not done:
                    break
                self._body = None
                continue
            head = self._head()
            if head is None:
                break
            message, body = head
            if message is None:
                continue
            if not body.done:
                message.body = body.take(buffer)
                message.more = not body.done
                if message.more:
                    self._body = body
            found.append(message)
        return found

    def _head(self) -> tuple[RequestHead | ResponseHead | None, Body] | None:
        buffer = self._buffer
        while buffer[:2] == b"\r\n":
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > HEAD_BYTES_MAX:
                raise BadHeadError(bytes(buffer[:80]))
            return None
        lines = bytes(buffer[:end]).split(b"\r\n")
        del buffer[: end + 4]
        return self._make(lines[0], _headers(lines[1:]))


def request(line: bytes, headers: Headers) -> tuple[RequestHead, Body]:
    """Make a request's head.

    Raises:
        BadHeadError: the line is no request line.
    """
    parts = line.decode("latin-1").split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadHeadError(line)
    method, target, version = parts
    return RequestHead(method, target, headers, version=version), Body(
        headers, empty=False, until_close=False
    )


def response(line: bytes, headers: Headers, method: str) -> tuple[ResponseHead | None, Body]:
    """Make the head of a response to a method; one that is only informational is None.

    Raises:
        BadHeadError: the line is no status line.
    """
    version, _, rest = line.decode("latin-1").partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not status.isdecimal():
        raise BadHeadError(line)
    number = int(status)
    if number in {100, 102, 103}:
        return None, Body(headers, empty=True, until_close=False)
    head = ResponseHead(number, headers, reason=reason, version=version)
    return head, Body(headers, empty=not codec.has_body(method, number), until_close=True)


def _lines(first: str, headers: Headers) -> bytes:
    text = "".join([first, "\r\n", *[f"{name}: {value}\r\n" for name, value in headers], "\r\n"])
    return text.encode("latin-1")


def _framed(data: bytes, *, chunked: bool, more: bool) -> bytes:
    if not chunked:
        return data
    framed = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
    return framed if more else framed + LAST_CHUNK


class Writer:
    """Messages in, bytes out."""

    def __init__(self) -> None:
        self._chunked = False

    def write(self, message: RequestHead | ResponseHead | BodyChunk, *, bodiless: bool = False) -> bytes:
        """Return a message as it would be on a real wire.

        Args:
            message: what to write.
            bodiless: whether it is a response that has no body, so that its frame is not written either.
        """
        if isinstance(message, BodyChunk):
            return _framed(message.data, chunked=self._chunked, more=message.more)
        self._chunked = _chunked(message.headers) and not bodiless
        if isinstance(message, RequestHead):
            first = f"{message.method} {message.target} {message.version}"
        else:
            first = f"{message.version} {message.status} {message.reason}"
        return _lines(first, message.headers) + _framed(
            message.body, chunked=self._chunked, more=message.more
        )
