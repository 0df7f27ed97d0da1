"""One server, twice: on a real socket of the loopback, and on the mesh.

What it does with a request is a script of steps, so that it can misbehave the same way in both places:

    head(...)       a status line, headers and the beginning of a body
    chunk(...)      more of the body
    close, reset    the connection ends in order, or breaks
    stall           nothing more comes
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from meshsim.network.connection import EOF
from meshsim.transports.http.codec import BodyChunk, RequestHead, ResponseHead

PORT = 8080


@dataclass
class Step:
    """One thing that the server does."""

    kind: str
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: bytes = b""
    more: bool = False
    chunked: bool = False

    def message(self) -> ResponseHead | BodyChunk:
        """Return the step as a message of the mesh."""
        if self.kind == "head":
            return ResponseHead(self.status, self.headers, self.data, more=self.more)
        return BodyChunk(self.data, more=self.more)

    def wire(self) -> bytes:
        """Return the step as bytes."""
        body = self.data
        if self.chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (
                b"" if self.more else b"0\r\n\r\n"
            )
        if self.kind != "head":
            return body
        message = ResponseHead(self.status, self.headers)
        lines = [
            f"HTTP/1.1 {self.status} {message.reason}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def head(
    status: int = 200,
    data: bytes = b"",
    *headers: tuple[str, str],
    length: int | None = None,
    more: bool = False,
) -> Step:
    """Return a head whose body has a length."""
    sized = ("Content-Length", str(len(data) if length is None else length))
    return Step("head", status, [*headers, sized], data, more or (length or 0) > len(data))


def chunked_head(data: bytes, *headers: tuple[str, str], more: bool = True) -> Step:
    """Return a head whose body comes in chunks."""
    return Step("head", 200, [*headers, ("Transfer-Encoding", "chunked")], data, more, chunked=True)


def chunk(data: bytes, *, more: bool = True, chunked: bool = True) -> Step:
    """Return more of a body."""
    return Step("chunk", data=data, more=more, chunked=chunked)


CLOSE, RESET, STALL = Step("close"), Step("reset"), Step("stall")
Script = Callable[[str, str], list[Step]]


class RealPeer:
    """The server on the loopback, a thread a connection."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self.connections = 0
        self._open = True
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while self._open:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._sockets.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            file = connection.makefile("rb")
            while line := file.readline():
                method, target, _ = line.decode("latin-1").split(" ", 2)
                headers = {}
                while (line := file.readline()) not in (b"\r\n", b""):
                    name, _, value = line.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                file.read(int(headers.get("content-length", "0")))
                if not self._act(connection, self._script(method, target)):
                    file.close()
                    return
            file.close()
            connection.close()

    @staticmethod
    def _act(connection: socket.socket, steps: list[Step]) -> bool:
        for step in steps:
            if step.kind == "close":
                connection.shutdown(socket.SHUT_RDWR)
                connection.close()
                return False
            if step.kind == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # The file of the request holds the socket open until `_serve` closes it.
                connection.close()
                return False
            if step.kind == "stall":
                return True
            connection.sendall(step.wire())
        return True

    def close(self) -> None:
        """Free the port."""
        self._open = False
        self._listener.close()
        for connection in self._sockets:
            connection.close()


class MeshPeer:
    """The server on a host of a mesh."""

    def __init__(self, world: Any, script: Script) -> None:
        self._script = script
        self.connections = 0
        self.process = world.process("misbehaving", PORT)
        world.fabric.listen(self.process.host, PORT, self._accept)
        self.address = ("misbehaving", PORT)

    def _accept(self, connection: Any) -> None:
        self.connections += 1
        body_of: list[RequestHead] = []

        def arrived(message: Any) -> None:
            if message is EOF or isinstance(message, Exception):
                connection.close()
            elif isinstance(message, RequestHead):
                body_of.append(message)
                if not message.more:
                    self._act(connection, body_of.pop())
            elif not message.more:
                self._act(connection, body_of.pop())

        connection.on_message(arrived)

    def _act(self, connection: Any, request: RequestHead) -> None:
        for step in self._script(request.method, request.target):
            if step.kind == "close":
                connection.close()
            elif step.kind == "reset":
                connection.abort()
            elif step.kind != "stall":
                message = step.message()
                connection.send(message, message.size_bytes)


def describe(error: BaseException, address: tuple[str, int]) -> list[str]:
    """Return an exception and all that hangs on it, as text without what differs between two places."""
    return list(_walk(error, address, 0, set()))


def _walk(error: BaseException, address: tuple[str, int], depth: int, seen: set[int]) -> Iterator[str]:
    if id(error) in seen:
        return
    seen.add(id(error))
    kind = type(error)
    module = "builtins" if kind.__module__ in {"socket", "builtins"} else kind.__module__
    # The mesh's connections are subclasses of the libraries' own.
    text = re.sub(r"Mesh(?=HTTPS?Connection|Connection)", "", str(error)).replace(
        "Connection(host", "HTTPConnection(host"
    )
    text = text.replace("HTTPHTTP", "HTTP")
    text = re.sub(r" at 0x[0-9a-f]+|(?<=cancel scope )[0-9a-f]+", "", text)
    text = text.replace(str(address[1]), "PORT").replace(address[0], "PEER")
    yield f"{'  ' * depth}{module}.{kind.__qualname__}: {text}"
    for inner in error.args:
        if isinstance(inner, BaseException):
            yield from _walk(inner, address, depth + 1, seen)
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        yield from _walk(reason, address, depth + 1, seen)
    if error.__cause__ is not None:
        yield from _walk(error.__cause__, address, depth + 1, seen)
    elif error.__context__ is not None and not error.__suppress_context__:
        yield from _walk(error.__context__, address, depth + 1, seen)
