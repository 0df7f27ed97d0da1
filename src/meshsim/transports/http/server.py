"""The server's side of HTTP, sans-IO: connections in, exchanges out, at most so many at once.

All of it runs on the hub and none of it is user code: an `HttpServer` admits requests to its `start`, which
hands them to tasks of the host (`wsgi`) or to its event loop (`asgi`).

    HttpServer    a port, what is being answered, and who waits for a place
    Interception  what a stub or a fault does with a request before that
    ServerEnd     the server's end of one connection: requests one after another
    Exchange      one request and its response
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsim.kernel import api
from meshsim.network.outcome import ConnectionReset
from meshsim.transports.http import calls, codec
from meshsim.transports.http.codec import BodyChunk, RequestHead, ResponseHead

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.process import Process
    from meshsim.network.connection import Connection
    from meshsim.network.fabric import Fabric

    Interceptor = Callable[["Exchange"], "Interception | None"]

CLOSE = ("Connection", "close")
logger = logging.getLogger("meshsim.http")


@dataclass(frozen=True, slots=True)
class Interception:
    """What becomes of a request before its server sees it: a stub or a fault at the message.

    Attributes:
        reply: sent instead of the server's own; None lets the server answer.
        delay_ns: how long the reply, or the request, is held up.
        drop: whether nobody ever answers.
        answer: called on the hub to answer; it starts a task if user code is to run, and finishes the exchange.
    """

    reply: ResponseHead | None = None
    delay_ns: int = 0
    drop: bool = False
    answer: Callable[[Exchange], None] | None = None


def interceptors() -> list[Interceptor]:
    """Return those who are asked about each request of the current world, in the order in which they stand.

    They run on the hub: they decide from data, never by calling a user's code.
    """
    kernel = api.kernel()
    found: list[Interceptor] | None = getattr(kernel, "http_interceptors", None)
    if found is None:
        found = []
        # What rooms hang on a world; it goes with the world.
        setattr(kernel, "http_interceptors", found)  # noqa: B010 - the kernel knows of no room
    return found


def intercept(exchange: Exchange) -> Interception | None:
    """Return what the first interceptor that has an opinion says."""
    for interceptor in interceptors():
        found = interceptor(exchange)
        if found is not None:
            return found
    return None


class Exchange:
    """One request and its response.

    Attributes:
        head: the request.
        chunks: what of the request's body has come and nobody has read yet.
        complete: whether all of the body has come.
        lost: whether the client is gone.
        on_event: called on the hub when chunks come or the client goes.
        keep_alive: whether the connection goes on after this response.
    """

    __slots__ = (
        "_end",
        "_responded",
        "chunks",
        "complete",
        "head",
        "keep_alive",
        "lost",
        "on_event",
        "server",
    )

    def __init__(self, server: HttpServer, end: ServerEnd, head: RequestHead) -> None:
        self.server = server
        self._end = end
        self.head = head
        self.chunks: deque[bytes] = deque([head.body]) if head.body else deque()
        self.complete = not head.more
        self.lost = False
        self._responded = False
        self.on_event: Callable[[], None] | None = None
        self.keep_alive = not codec.asks_to_close(head.headers, head.version)

    @property
    def connection(self) -> Connection:
        """The network's connection under this exchange."""
        return self._end.connection

    def feed(self, chunk: BodyChunk) -> None:
        """Take a part of the request's body."""
        if chunk.data:
            self.chunks.append(chunk.data)
        self.complete = not chunk.more
        if self.on_event is not None:
            self.on_event()

    def lose(self) -> None:
        """Note that the client is gone."""
        self.lost = True
        if self.on_event is not None:
            self.on_event()

    def send(self, message: ResponseHead | BodyChunk) -> bool:
        """Send a part of the response; False when the client is gone."""
        if self.lost:
            return False
        try:
            self._end.connection.send(message, message.size_bytes)
        except ConnectionReset:
            self.lost = True
            return False
        return True

    def responded(self, *, intact: bool = True) -> None:
        """Note that the response has been sent: the connection is free for the next request.

        Args:
            intact: whether it is what its head promised; if not, the connection is closed, which is how the
                client finds out.
        """
        if not self._responded:
            self._responded = True
            self._end.finished(self, keep_alive=intact and self.keep_alive and self.complete)

    def finish(self, *, intact: bool = True) -> None:
        """End the exchange: its place goes to the next one."""
        self.responded(intact=intact)
        self.server.release()

    def report(self, error: BaseException) -> None:
        """Have the world know of an exception that the application did not handle."""
        process, head = self.server.process, self.head
        kernel = api.kernel()
        what = f"{head.method} {head.target}"
        if kernel.on_unhandled is not None:
            kernel.on_unhandled(process, what, error)
        else:
            logger.error("%s: %s failed", process.host.name, what, exc_info=error)


class ServerEnd:
    """The server's end of one connection."""

    __slots__ = ("_current", "_server", "_waiting", "connection")

    def __init__(self, server: HttpServer, connection: Connection) -> None:
        self._server = server
        self.connection = connection
        self._current: Exchange | None = None
        self._waiting: deque[RequestHead] = deque()
        connection.on_message(self._arrived)

    @property
    def idle(self) -> bool:
        """Whether no request is being answered here."""
        return self._current is None

    def _arrived(self, message: object) -> None:
        current = self._current
        if isinstance(message, RequestHead):
            if current is None:
                self._begin(message)
            else:
                # Pipelined: it waits until the response before it has been sent.
                self._waiting.append(message)
        elif isinstance(message, BodyChunk):
            if current is not None and not current.complete:
                current.feed(message)
        else:
            self._gone()

    def _begin(self, head: RequestHead) -> None:
        exchange = self._current = Exchange(self._server, self, head)
        self._server.receive(exchange)

    def _gone(self) -> None:
        self._server.forget(self)
        self.connection.close()
        current = self._current
        if current is not None:
            current.lose()

    def finished(self, exchange: Exchange, *, keep_alive: bool) -> None:
        """Go on with the next request, or close."""
        if self._current is not exchange:
            return
        self._current = None
        if exchange.lost:
            return
        if not keep_alive or self._server.closing:
            self._server.forget(self)
            self.connection.close()
        elif self._waiting:
            self._begin(self._waiting.popleft())


class HttpServer:
    """A port of a host, and the requests that come in through it.

    Args:
        fabric: the network.
        process: whose port it is.
        port: the port's number.
        start: called on the hub with each exchange whose turn it is.
        concurrency: how many may be answered at once; None is no limit.
        queue: how many may wait for their turn. When all places are taken the port refuses connections, and a
            request on a connection that stands is answered 503. None is no limit.
        processing: draws what a request costs in nanoseconds of virtual time, or None.
        refuses: whether the port refuses connections while all places are taken.
    """

    def __init__(
        self,
        fabric: Fabric,
        process: Process,
        port: int,
        start: Callable[[Exchange], None],
        *,
        concurrency: int | None = None,
        queue: int | None = None,
        processing: Callable[[], int] | None = None,
        refuses: bool = True,
    ) -> None:
        self.fabric = fabric
        self.process = process
        self.port = port
        self.closing = False
        self.active = 0
        self._start = start
        self._concurrency = concurrency
        self._queue = queue
        self._processing = processing
        self._refuses = refuses
        self._waiting: deque[Exchange] = deque()
        self._ends: dict[ServerEnd, None] = {}
        self._drained = api.ParkingLot()
        self._listener = fabric.listen(process.host, port, self._accept)

    def _accept(self, connection: Connection) -> None:
        self._ends[ServerEnd(self, connection)] = None

    def forget(self, end: ServerEnd) -> None:
        """Drop an end that is closed."""
        self._ends.pop(end, None)

    def receive(self, exchange: Exchange) -> None:
        """Take a request: whoever intercepts requests is asked first."""
        calls.received(exchange.head, self.process.host.name)
        found = intercept(exchange)
        if found is None:
            self._admit(exchange)
        elif not found.drop:
            api.call_at(api.now() + found.delay_ns, self._after, exchange, found)

    def _after(self, exchange: Exchange, found: Interception) -> None:
        """Go on with a request that was intercepted, when its delay is over."""
        if found.answer is not None:
            self.active += 1
            found.answer(exchange)
            return
        if found.reply is None:
            self._admit(exchange)
            return
        self.active += 1
        if codec.asks_to_close(found.reply.headers):
            exchange.keep_alive = False
        exchange.send(found.reply)
        calls.handled(exchange.head, found.reply.status)
        exchange.finish()

    def _admit(self, exchange: Exchange) -> None:
        """Let a request in, have it wait, or turn it away."""
        if self._concurrency is None or self.active < self._concurrency:
            self._begin(exchange)
        elif self._queue is None or len(self._waiting) < self._queue:
            self._waiting.append(exchange)
            self._open_or_shut()
        else:
            self.active += 1
            exchange.keep_alive = False
            exchange.send(_busy())
            calls.handled(exchange.head, 503)
            exchange.finish()

    def _begin(self, exchange: Exchange) -> None:
        self.active += 1
        if self._processing is None:
            self._start(exchange)
        else:
            api.call_at(api.now() + self._processing(), self._start, exchange)

    def release(self) -> None:
        """Give the place of an ended exchange to the next one."""
        self.active -= 1
        waiting = self._waiting
        while waiting and (self._concurrency is None or self.active < self._concurrency):
            exchange = waiting.popleft()
            if exchange.lost:
                continue
            self._begin(exchange)
        self._open_or_shut()
        if not self.active and self.closing:
            self._drained.unpark()

    def _open_or_shut(self) -> None:
        """Keep the port open exactly while somebody more may wait."""
        if self._queue is None or self._concurrency is None or self.closing or not self._refuses:
            return
        full = self.active >= self._concurrency and len(self._waiting) >= self._queue
        if full:
            self._listener.close()
        elif not self.process.dead:
            self.process.host.listeners.setdefault(self.port, self._listener)

    def shut(self) -> None:
        """Refuse connections from now on, and close what is idle; what is being answered goes on."""
        self.closing = True
        self._listener.close()
        for end in [end for end in self._ends if end.idle]:
            self.forget(end)
            end.connection.close()

    def close(self, patience_ns: int | None = None) -> bool:
        """Shut, and wait until everything that had begun is answered. Parks the calling task.

        Args:
            patience_ns: how long to wait; None waits as long as it takes.

        Returns:
            Whether everything was answered in time.
        """
        self.shut()
        deadline = None if patience_ns is None else api.now() + patience_ns
        while self.active:
            if not self._drained.park(deadline, "requests that are still being answered"):
                break
        return not self.active

    def __repr__(self) -> str:
        return f"<HttpServer {self.process.host.name}:{self.port}>"


def _busy() -> ResponseHead:
    body = b"Service Unavailable"
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), CLOSE]
    return ResponseHead(503, headers, body)


class RequestBody:
    """The request's body for a blocking reader: parks its task until chunks come."""

    __slots__ = ("_exchange", "_lot")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._lot = api.ParkingLot()
        exchange.on_event = self._lot.unpark

    def take(self) -> bytes:
        """Return the next chunk, or nothing at the end.

        Raises:
            ConnectionResetError: the client is gone.
        """
        exchange = self._exchange
        while not exchange.chunks:
            if exchange.complete:
                return b""
            if exchange.lost:
                raise ConnectionResetError(104, "Connection reset by peer")
            self._lot.park(None, "the body of a request")
        return exchange.chunks.popleft()
