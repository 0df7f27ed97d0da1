"""WSGI on the mesh: the environment, framing, streaming, errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

import pytest
import requests
from flask import Flask, Response, request, stream_with_context

if TYPE_CHECKING:
    from tests.transports.http.small_world import SmallWorld

Start = Callable[..., Callable[[bytes], None]]


def test_the_environment_is_what_wsgi_demands(world: SmallWorld) -> None:
    """The standard library's validator finds nothing wrong with a request or a response."""

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(5)
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"got " + body]

    world.serve("shop", "wsgi", validator(app))
    assert requests.post("http://shop/a%20b?c=d", data=b"12345").text == "got 12345"
    assert world.unhandled == []


def test_the_environment_has_the_request(world: SmallWorld) -> None:
    """Path, query, headers, scheme and addresses are those of the request."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start: Start) -> list[bytes]:
        seen.update(environ)
        start("204 No Content", [])
        return []

    world.serve("shop", "wsgi", app)
    reply = requests.put(
        "http://shop/caf%C3%A9/x?q=%20",
        data="é".encode(),
        headers={"X-Two-Words": "v", "Content-Type": "t/x"},
    )
    assert reply.status_code == 204
    wanted = {
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": "/café/x".encode().decode("latin-1"),
        "QUERY_STRING": "q=%20",
        "CONTENT_TYPE": "t/x",
        "CONTENT_LENGTH": "2",
        "HTTP_X_TWO_WORDS": "v",
        "HTTP_HOST": "shop",
        "SERVER_NAME": "shop",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "REMOTE_ADDR": world.fabric.names.address(world.kernel.hosts["test"]),
    }
    assert {name: seen.get(name) for name in wanted} == wanted


def test_a_generator_is_streamed(world: SmallWorld) -> None:
    """Each chunk that an application yields arrives when it was yielded."""
    app = Flask("stream")

    @app.get("/")
    def index() -> Response:
        def count() -> Iterator[bytes]:
            for number in range(3):
                time.sleep(1)
                yield b"%d\n" % number

        return Response(stream_with_context(count()))

    world.serve("shop", "wsgi", app)
    begun = world.now_s
    reply = requests.get("http://shop/", stream=True)
    arrivals = [(line, round(world.now_s - begun)) for line in reply.iter_lines()]
    assert arrivals == [(b"0", 1), (b"1", 2), (b"2", 3)]
    assert reply.headers["Transfer-Encoding"] == "chunked"


def test_a_streamed_request_is_read_as_it_comes(world: SmallWorld) -> None:
    """A handler reads the parts of a chunked request while the client still sends."""
    arrivals = []
    app = Flask("upload")

    @app.post("/")
    def index() -> str:
        while data := request.stream.read(2):
            arrivals.append((data, round(world.now_s - begun)))
        return "ok"

    def parts() -> Iterator[bytes]:
        for part in (b"ab", b"cd"):
            yield part
            time.sleep(1)

    world.serve("shop", "wsgi", app)
    begun = world.now_s
    assert requests.post("http://shop/", data=parts()).text == "ok"
    assert arrivals == [(b"ab", 0), (b"cd", 1)]


def test_write_sends(world: SmallWorld) -> None:
    """The callable that `start_response` returns sends what it is given."""

    def app(_environ: dict[str, Any], start: Start) -> list[bytes]:
        write = start("200 OK", [("Content-Length", "4")])
        write(b"ab")
        return [b"cd"]

    world.serve("shop", "wsgi", app)
    assert requests.get("http://shop/").text == "abcd"


def test_the_iterable_is_closed(world: SmallWorld) -> None:
    """`close()` of what an application returns is called, also when iterating fails."""
    closed = []

    class Body:
        def __init__(self, *, fails: bool) -> None:
            self.fails = fails

        def __iter__(self) -> Iterator[bytes]:
            yield b"a"
            if self.fails:
                raise ValueError("middle")

        def close(self) -> None:
            closed.append(self.fails)

    def app(environ: dict[str, Any], start: Start) -> Body:
        start("200 OK", [("Content-Type", "text/plain")])
        return Body(fails=environ["PATH_INFO"] == "/fails")

    world.serve("shop", "wsgi", app)
    assert requests.get("http://shop/").text == "a"
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get("http://shop/fails")
    assert closed == [False, True]


def test_an_exception_before_the_headers_is_a_500(world: SmallWorld) -> None:
    """What an application raises is answered 500, reported, and the connection goes on."""

    def app(environ: dict[str, Any], start: Start) -> list[bytes]:
        if environ["PATH_INFO"] == "/boom":
            raise ValueError("no")
        start("200 OK", [])
        return [b"fine"]

    world.serve("shop", "wsgi", app)
    with requests.Session() as session:
        assert session.get("http://shop/boom").status_code == 500
        assert session.get("http://shop/").text == "fine"
    assert [(host, what, str(error)) for host, what, error in world.unhandled] == [
        ("shop", "GET /boom", "no")
    ]


def test_flasks_own_500_is_reported(world: SmallWorld) -> None:
    """An exception that Flask answers by itself is reported with its request."""
    app = Flask("boom")

    @app.get("/boom")
    def boom() -> str:
        raise KeyError("missing")

    world.serve("shop", "wsgi", app)
    assert requests.get("http://shop/boom").status_code == 500
    assert [(host, what) for host, what, _ in world.unhandled] == [("shop", "GET /boom")]


def test_head_and_304_have_no_body(world: SmallWorld) -> None:
    """What an application sends as the body of a HEAD or a 304 never leaves the server."""

    def app(environ: dict[str, Any], start: Start) -> list[bytes]:
        start("304 Not Modified" if environ["PATH_INFO"] == "/old" else "200 OK", [("Content-Length", "4")])
        return [b"body"]

    world.serve("shop", "wsgi", app)
    with requests.Session() as session:
        assert session.head("http://shop/").headers["Content-Length"] == "4"
        assert session.get("http://shop/old").content == b""
        assert session.get("http://shop/").content == b"body"


def test_less_than_was_announced_breaks_the_connection(world: SmallWorld) -> None:
    """A body that is shorter than its Content-Length is a broken response to the client."""

    def app(_environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [("Content-Length", "9")])
        return [b"short"]

    world.serve("shop", "wsgi", app)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="5 bytes read, 4 more expected"):
        requests.get("http://shop/")


def test_standing_headers_are_on_virtual_time(world: SmallWorld) -> None:
    """`Date` is the host's virtual clock; what the application says itself stays."""

    def app(environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [("Server", "mine")] if environ["PATH_INFO"] == "/mine" else [])
        return [b""]

    world.serve("shop", "wsgi", app)
    time.sleep(90)
    reply = requests.get("http://shop/")
    assert reply.headers["Date"] == "Thu, 01 Jan 1970 00:01:30 GMT"
    assert reply.headers["Server"] == "meshsim"
    assert requests.get("http://shop/mine").headers["Server"] == "mine"


def test_a_handler_runs_in_a_fresh_context(world: SmallWorld) -> None:
    """A context variable of the caller is not visible in the handler, nor that of an earlier request."""
    from contextvars import ContextVar

    variable: ContextVar[str] = ContextVar("variable", default="unset")

    def app(_environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [])
        seen = variable.get()
        variable.set("handler")
        return [seen.encode()]

    world.serve("shop", "wsgi", app)
    variable.set("caller")
    assert [requests.get("http://shop/").text for _ in range(2)] == ["unset", "unset"]
    assert variable.get() == "caller"


def test_absolute_targets_reach_the_path(world: SmallWorld) -> None:
    """A service that is called as a proxy gets the path of the absolute target."""

    def app(environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [])
        return [environ["PATH_INFO"].encode() + environ["HTTP_HOST"].encode()]

    world.serve("proxy", "wsgi", app)
    reply = requests.get("http://elsewhere/a", proxies={"http": "http://proxy"})
    assert reply.text == "/aelsewhere"
