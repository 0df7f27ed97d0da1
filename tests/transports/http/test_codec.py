"""Messages and what they measure."""

from __future__ import annotations

import pytest

from meshsim.transports.http import codec
from meshsim.transports.http.codec import BodyChunk, RequestHead, ResponseHead


def test_a_request_measures_what_its_bytes_would() -> None:
    """A request's size is that of the bytes that HTTP/1.1 would send."""
    head = RequestHead("POST", "/a?b=1", [("Host", "x"), ("Content-Length", "2")], b"hi")
    assert head.size_bytes == len(b"POST /a?b=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")


def test_a_response_measures_what_its_bytes_would() -> None:
    """A response's size is that of the bytes that HTTP/1.1 would send."""
    head = ResponseHead(404, [("A", "b")], b"no")
    assert head.size_bytes == len(b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nno")


@pytest.mark.parametrize(("data", "more"), [(b"x" * 17, True), (b"x" * 17, False), (b"", False)])
def test_a_chunk_measures_what_its_bytes_would(data: bytes, more: bool) -> None:
    """A chunk's size is that of its frame and its data, and of the last frame where it ends the body."""
    frame = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
    assert BodyChunk(data, more=more).size_bytes == len(frame + (b"" if more else b"0\r\n\r\n"))


@pytest.mark.parametrize(
    ("headers", "version", "closes"),
    [
        ([], "HTTP/1.1", False),
        ([("connection", "Close")], "HTTP/1.1", True),
        ([("Connection", "upgrade, close")], "HTTP/1.1", True),
        ([], "HTTP/1.0", True),
        ([("Connection", "keep-alive")], "HTTP/1.0", False),
    ],
)
def test_when_a_connection_ends(headers: codec.Headers, version: str, closes: bool) -> None:
    """A connection ends where the message or its version says so."""
    assert codec.asks_to_close(headers, version) is closes


@pytest.mark.parametrize(
    ("method", "status", "has"),
    [("GET", 200, True), ("HEAD", 200, False), ("GET", 204, False), ("GET", 304, False)],
)
def test_which_responses_have_a_body(method: str, status: int, has: bool) -> None:
    """A HEAD, a 204 and a 304 have no body."""
    assert codec.has_body(method, status) is has
