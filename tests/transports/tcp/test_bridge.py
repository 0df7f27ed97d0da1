"""Plain sockets and the http room in one world."""

from __future__ import annotations

import http.client
import http.server
import socket
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import requests

from meshsim.errors import UnsupportedOperation

if TYPE_CHECKING:
    from socket_world import SocketWorld


def shop() -> flask.Flask:
    """Return a service that an adapter boots."""
    app = flask.Flask("shop")

    @app.get("/items")
    def items() -> Any:
        return {"items": [1, 2, 3]}

    @app.post("/echo")
    def echo() -> Any:
        return flask.request.get_data()[::-1], 201

    @app.get("/stream")
    def stream() -> Any:
        return flask.Response((b"part%d," % number for number in range(3)), mimetype="text/plain")

    return app


class Handler(http.server.BaseHTTPRequestHandler):
    """A service on plain sockets."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/until-close":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"to the end")
            self.close_connection = True
            return
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            return
        self.reply(b"hello " + self.path.encode())

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(body[::-1])

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()

    def reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


def serve() -> None:
    """Serve HTTP on plain sockets."""
    http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()


def test_urllib_calls_an_adapter_s_service(world: SocketWorld) -> None:
    """A client on plain sockets calls a WSGI service of the http room: bodies, statuses, streams."""
    world.serve("shop", "wsgi", shop())
    assert b'"items"' in urllib.request.urlopen("http://shop/items").read()
    with urllib.request.urlopen("http://shop/echo", data=b"abc" * 50_000) as reply:
        assert (reply.status, reply.read()) == (201, b"cba" * 50_000)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen("http://shop/nothing")
    assert urllib.request.urlopen("http://shop/stream").read() == b"part0,part1,part2,"


def test_a_kept_connection_serves_several_requests(world: SocketWorld) -> None:
    """Requests follow each other on one connection, chunked ones too."""
    world.serve("shop", "wsgi", shop())
    connection = http.client.HTTPConnection("shop")
    for _ in range(3):
        connection.request("GET", "/items")
        assert b"items" in connection.getresponse().read()
    connection.request("POST", "/echo", body=iter([b"ab", b"cd"]), encode_chunked=True)
    assert connection.getresponse().read() == b"dcba"
    connection.close()


def test_the_trace_knows_of_such_calls(world: SocketWorld) -> None:
    """A call over plain sockets is a call in the trace, seen from both ends."""
    world.serve("shop", "wsgi", shop())
    urllib.request.urlopen("http://shop/items").read()
    (call,) = world.calls
    assert (call.caller, call.target_host, call.operation, call.status) == ("test", "shop", "GET /items", 200)


def test_requests_calls_http_server(world: SocketWorld) -> None:
    """Clients of the http room call a server on plain sockets, however it frames its bodies."""
    world.run("plain", serve)
    with requests.Session() as session:
        assert session.get("http://plain/x").text == "hello /x"
        assert session.get("http://plain/chunked").text == "abcde"
        assert session.get("http://plain/until-close").text == "to the end"
        assert session.head("http://plain/").headers["Content-Length"] == "1000"
        assert session.post("http://plain/", data=b"abc" * 50_000).content == b"cba" * 50_000
        assert session.post("http://plain/", data=iter([b"ab", b"cd"])).content == b"dcba"
    with httpx.Client() as client:
        assert client.get("http://plain/y").text == "hello /y"
    assert {call.status for call in world.calls} == {200}


def test_tls_to_the_http_room_is_refused_with_the_cure(world: SocketWorld) -> None:
    """TLS on a plain socket to a server that has none says what both ends are and what works."""
    world.serve("shop", "wsgi", shop())
    context = ssl.create_default_context()
    with (
        socket.create_connection(("shop", 80)) as plain,
        pytest.raises(UnsupportedOperation, match=r"test begins TLS .* with shop.*requests or httpx"),
    ):
        context.wrap_socket(plain, server_hostname="shop")


def test_what_is_no_http_is_a_bad_request(world: SocketWorld) -> None:
    """Bytes that are no HTTP get the answer that every server gives."""
    world.serve("shop", "wsgi", shop())
    with socket.create_connection(("shop", 80)) as plain:
        plain.sendall(b"hello?\r\n\r\n")
        assert plain.recv(1000).startswith(b"HTTP/1.1 400 ")
        assert plain.recv(1000) == b""
