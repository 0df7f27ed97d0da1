"""What HTTP looks like on the simulated wire: messages, and how many bytes each would be.

A request or a response whose body is at hand is one message; one that streams is a head and then chunks.
Real stacks send a small body in the segment of its head or right after it, and two packets instead of one
would cost 6 us each and tell a fault nothing new.

    RequestHead, ResponseHead    the head, with all of the body (`more` false) or its beginning (`more` true)
    BodyChunk                    what a streaming body goes on with; `more` false ends it
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

Headers = list[tuple[str, str]]

HTTP_1_1: Final = "HTTP/1.1"
# Statuses and methods whose responses have no body, whatever their headers say (RFC 9110, 6.4.1).
BODILESS_STATUSES: Final = frozenset({204, 304})
# "HTTP/1.1 200 \r\n" without the reason, and the empty line after the headers.
_STATUS_LINE_BYTES: Final = 17
_REQUEST_LINE_BYTES: Final = 6
# ": " and "\r\n" around each header.
_HEADER_BYTES: Final = 4
_REASONS: Final = {int(status): status.phrase for status in HTTPStatus}


class RequestHead:
    """A request as it leaves a client.

    Attributes:
        method, target, version: the request line; `target` still has its percent signs.
        headers: name and value, in the order in which they were sent.
        body: all of the body, or what of it is at hand.
        more: whether chunks follow.
        scheme: `http` or `https`; on a real wire the presence of TLS would tell.
        call: the trace's record of this request, or None.
    """

    __slots__ = ("body", "call", "headers", "method", "more", "scheme", "target", "version")

    def __init__(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: bytes = b"",
        *,
        more: bool = False,
        scheme: str = "http",
        version: str = HTTP_1_1,
        call: Any = None,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.more = more
        self.scheme = scheme
        self.version = version
        self.call = call

    @property
    def size_bytes(self) -> int:
        """What the request line, the headers and the body at hand measure."""
        size = _REQUEST_LINE_BYTES + len(self.method) + len(self.target) + len(self.version)
        return size + headers_size_bytes(self.headers) + len(self.body)

    def __repr__(self) -> str:
        return f"<RequestHead {self.method} {self.target}>"


class ResponseHead:
    """A response as it leaves a server; attributes as in `RequestHead`."""

    __slots__ = ("body", "headers", "more", "reason", "status", "version")

    def __init__(
        self,
        status: int,
        headers: Headers,
        body: bytes = b"",
        *,
        more: bool = False,
        reason: str | None = None,
        version: str = HTTP_1_1,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.more = more
        self.reason = _REASONS.get(status, "") if reason is None else reason
        self.version = version

    @property
    def size_bytes(self) -> int:
        """What the status line, the headers and the body at hand measure."""
        return _STATUS_LINE_BYTES + len(self.reason) + headers_size_bytes(self.headers) + len(self.body)

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} {self.reason}>"


class BodyChunk:
    """A part of a streaming body; the last one has `more` false and may be empty."""

    __slots__ = ("data", "more")

    def __init__(self, data: bytes, *, more: bool = True) -> None:
        self.data = data
        self.more = more

    @property
    def size_bytes(self) -> int:
        """What the data and its chunk's frame measure."""
        size = len(self.data)
        return size + (len(f"{size:x}") + 4 if size else 0) + (0 if self.more else 5)

    def __repr__(self) -> str:
        return f"<BodyChunk {len(self.data)}B{'' if self.more else ' last'}>"


def headers_size_bytes(headers: Iterable[tuple[str, str]]) -> int:
    """Return what the headers measure on a real wire."""
    return sum([len(name) + len(value) + _HEADER_BYTES for name, value in headers])


class Framing:
    """What a message's headers say of its body and of its connection, read in one pass.

    Attributes:
        length: of the body in bytes, or None where it is not said.
        chunked: whether the body is framed in chunks.
        connection: the `Connection` header in lower case, or nothing.
        date, server: whether the message has these headers.
    """

    __slots__ = ("chunked", "connection", "date", "length", "server")

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self.length: int | None = None
        self.chunked = self.date = self.server = False
        self.connection = ""
        for name, value in headers:
            # Lengths first: most headers are none of these, and are not worth a copy in lower case.
            if len(name) in _FRAMING_LENGTHS:
                self._take(name.lower(), value)

    def _take(self, name: str, value: str) -> None:
        if name == "content-length":
            self.length = _whole_number(value)
        elif name == "transfer-encoding":
            self.chunked = "chunked" in value.lower()
        elif name == "connection":
            self.connection = f"{self.connection},{value.lower()}" if self.connection else value.lower()
        elif name == "date":
            self.date = True
        elif name == "server":
            self.server = True

    def closes(self, version: str = HTTP_1_1) -> bool:
        """Whether the connection ends with this message (RFC 9112, 9.3)."""
        if not self.connection:
            return version != HTTP_1_1
        tokens = [token.strip() for token in self.connection.split(",")]
        return "close" in tokens if version == HTTP_1_1 else "keep-alive" not in tokens


_FRAMING_LENGTHS: Final = frozenset(
    map(len, ("content-length", "transfer-encoding", "connection", "date", "server"))
)


def _whole_number(text: str) -> int | None:
    digits = text.strip()
    # int() would take "+1", "1_0" and digits of other scripts; a server that sends those has said nothing.
    return int(digits) if digits.isascii() and digits.isdecimal() else None


def asks_to_close(headers: Iterable[tuple[str, str]], version: str = HTTP_1_1) -> bool:
    """Whether the connection ends with the message that has these headers."""
    return Framing(headers).closes(version)


def has_body(method: str, status: int) -> bool:
    """Whether a response to this method with this status has a body at all."""
    return method != "HEAD" and status >= HTTPStatus.OK and status not in BODILESS_STATUSES
