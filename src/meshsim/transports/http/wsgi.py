"""WSGI (PEP 3333) on the mesh: each exchange is answered by a task of the host, as a thread would.

The environment is built from the message, not parsed from bytes. Where servers differ we do as Werkzeug's and
gunicorn's threads do: HTTP/1.1, keep-alive, chunks where no length is known, 500 for what the application
raises before its headers were sent, and a broken connection after.
"""

from __future__ import annotations

import io
import sys
from contextvars import Context
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from meshsim.kernel import api
from meshsim.transports.http import calls, codec
from meshsim.transports.http.codec import BodyChunk, ResponseHead
from meshsim.transports.http.dates import standing_headers
from meshsim.transports.http.server import CLOSE, RequestBody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from meshsim.kernel.process import Process
    from meshsim.kernel.task import Task
    from meshsim.transports.http.server import Exchange

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
    ExcInfo = tuple[type[BaseException], BaseException, TracebackType]

# More idle tasks than these end; each keeps a stack.
IDLE_TASKS = 32
INTERNAL_ERROR = (
    b"<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n"
    b"<h1>Internal Server Error</h1>\n"
    b"<p>The server encountered an internal error and was unable to complete your request. Either the server"
    b" is overloaded or there is an error in the application.</p>\n"
)


class Gateway:
    """Answers exchanges with a WSGI application, in tasks that are kept for the next one.

    A new task costs 14 us, waking one that waits 3. Threads of gunicorn's `gthread` worker are kept too, so that
    what a service leaves in a `threading.local` is there for later requests; a context is fresh for each.

    Args:
        process: whose tasks they are.
        application: what answers.
        keep_alive: whether connections outlive a response.
    """

    def __init__(self, process: Process, application: Application, *, keep_alive: bool = True) -> None:
        self._process = process
        self._application = application
        self._keep_alive = keep_alive
        self._idle: list[Task] = []
        self._given: dict[Task, Exchange] = {}

    def start(self, exchange: Exchange) -> None:
        """Begin to answer; called on the hub."""
        if self._idle:
            task = self._idle.pop()
            self._given[task] = exchange
            api.wake(task)
        else:
            api.spawn(self._process, self._work, exchange, name=f"worker-{self._process.count('worker')}")

    def _work(self, exchange: Exchange) -> None:
        """Answer one exchange after another."""
        task = api.current_task()
        while task is not None:
            Context().run(self.answer, exchange)
            if len(self._idle) >= IDLE_TASKS:
                return
            self._idle.append(task)
            task.wait = "a request to answer"
            while task not in self._given:
                api.park()
            exchange = self._given.pop(task)

    def answer(self, exchange: Exchange) -> None:
        """Answer an exchange, in a context of its own, so that none of another leaks in."""
        if not self._keep_alive:
            exchange.keep_alive = False
        calls.work_for(exchange.head)
        response = Response(exchange)
        try:
            self._run(exchange, response)
            intact = response.end()
        except (ConnectionError, SystemExit, KeyboardInterrupt):
            # The client left while its request was read, or the application ended its own thread.
            intact = False
        except Exception as error:  # noqa: BLE001 - whatever the application raises is its server's to answer
            exchange.report(error)
            intact = response.fail()
        calls.handled(exchange.head, response.status)
        exchange.finish(intact=intact)

    def _run(self, exchange: Exchange, response: Response) -> None:
        iterable = self._application(environ(exchange), response.start)
        try:
            if isinstance(iterable, (list, tuple)) and len(iterable) == 1:
                response.only_chunk = True
            for chunk in iterable:
                response.write(chunk)
        finally:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()


class Response:
    """What `start_response` and `write` do, and how the body is framed.

    Attributes:
        only_chunk: whether the first write is known to be the last.
    """

    __slots__ = ("_bodiless", "_chunked", "_exchange", "_head", "_left", "_sent", "only_chunk")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._head: ResponseHead | None = None
        self._sent = False
        self._chunked = False
        self._bodiless = False
        self._left: int | None = None
        self.only_chunk = False

    @property
    def status(self) -> int:
        """The status that was sent, or 0."""
        return self._head.status if self._head is not None and self._sent else 0

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """Be `start_response`."""
        if exc_info is not None:
            try:
                if self._sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._head is not None:
            msg = "Headers already set"
            raise AssertionError(msg)
        code, _, reason = status.partition(" ")
        self._head = ResponseHead(int(code), headers, reason=reason)
        return self.write

    def write(self, data: bytes) -> None:
        """Send a part of the body; the head goes with the first one."""
        head = self._head
        if head is None:
            msg = "write() before start_response"
            raise AssertionError(msg)
        if not isinstance(data, bytes):
            msg = f"applications must write bytes, not {type(data).__name__}"
            raise AssertionError(msg)  # noqa: TRY004 - what Werkzeug raises
        if not self._sent:
            self._send_head(head, data)
        elif data and not self._bodiless:
            self._send_chunk(data)

    def _send_head(self, head: ResponseHead, data: bytes) -> None:
        self._sent = True
        exchange = self._exchange
        self._bodiless = not codec.has_body(exchange.head.method, head.status)
        framing = codec.Framing(head.headers)
        lines = head.headers = [*head.headers, *standing_headers(framing)]
        if self._bodiless:
            data = b""
        elif framing.length is not None:
            self._left = framing.length
        elif self.only_chunk:
            self._left = len(data)
            lines.append(("Content-Length", str(self._left)))
        elif exchange.head.version == codec.HTTP_1_1:
            self._chunked = True
            lines.append(("Transfer-Encoding", "chunked"))
        else:
            exchange.keep_alive = False
        if framing.closes():
            exchange.keep_alive = False
        elif not exchange.keep_alive:
            lines.append(CLOSE)
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        head.body = data
        head.more = not self._bodiless and self._left != 0
        exchange.send(head)

    def _send_chunk(self, data: bytes) -> None:
        left = self._left
        if left is None:
            self._exchange.send(BodyChunk(data))
            return
        # What is more than was announced cannot be sent: the client would take it for the next response.
        data = data[:left]
        if data:
            self._left = left - len(data)
            self._exchange.send(BodyChunk(data, more=self._left > 0))

    def end(self) -> bool:
        """End the body; whether it was what the head promised."""
        if not self._sent:
            self.write(b"")
        if self._bodiless or self._left == 0:
            return True
        if self._chunked:
            self._exchange.send(BodyChunk(b"", more=False))
            return True
        # Shorter than announced, or of unknown length: only the end of the connection ends it.
        return False

    def fail(self) -> bool:
        """Answer 500 if nothing was sent yet; whether the client has got a whole response."""
        if self._sent:
            return False
        self._head = ResponseHead(
            500, [("Content-Type", "text/html; charset=utf-8")], reason="INTERNAL SERVER ERROR"
        )
        self.only_chunk = True
        self.write(INTERNAL_ERROR)
        return True


class _Input(io.RawIOBase):
    """`wsgi.input` over a body that is still coming."""

    def __init__(self, exchange: Exchange) -> None:
        self._body = RequestBody(exchange)
        self._pending = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what is at hand, or wait for more; 0 at the end."""
        if not self._pending:
            self._pending = self._body.take()
        count = min(len(buffer), len(self._pending))
        buffer[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count


def environ(exchange: Exchange) -> dict[str, Any]:
    """Return the environment of a request, as Werkzeug's server makes it."""
    head = exchange.head
    server = exchange.server
    path, _, query = head.target.partition("?")
    authority = ""
    if not path.startswith("/"):
        # An absolute target, as a proxy gets it; its host is the one that is meant (RFC 9112, 3.2.2).
        authority, _, path = path.partition("://")[2].partition("/")
        path = f"/{path}"
    names = server.fabric.names
    made: dict[str, Any] = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": head.scheme,
        "wsgi.input": io.BufferedReader(_Input(exchange)) if head.more else io.BytesIO(head.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "SERVER_SOFTWARE": "meshsim",
        "REQUEST_METHOD": head.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1") if "%" in path else path,
        "QUERY_STRING": query,
        "REQUEST_URI": head.target,
        "RAW_URI": head.target,
        "REMOTE_ADDR": names.address(exchange.connection.peer.process.host),
        "REMOTE_PORT": "40000",
        "SERVER_NAME": server.process.host.service,
        "SERVER_PORT": str(server.port),
        "SERVER_PROTOCOL": head.version,
    }
    for name, value in head.headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        if key in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"):
            key = key[5:]
        made[key] = f"{made[key]},{value}" if key in made else value
    if authority:
        made["HTTP_HOST"] = authority
    if "chunked" in made.get("HTTP_TRANSFER_ENCODING", "").lower():
        made["wsgi.input_terminated"] = True
    return made
