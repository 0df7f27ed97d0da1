"""ASGI 3 on the mesh: an event loop a host, an asyncio task a request.

The cycle of a request is uvicorn's (`h11_impl.RequestResponseCycle`), with messages instead of bytes: when
the head goes out, what an exception before and after it does, when `receive` tells of a client that left.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from meshsim.transports.http import calls, codec
from meshsim.transports.http.codec import BodyChunk, ResponseHead
from meshsim.transports.http.dates import standing_headers
from meshsim.transports.http.loops import tell
from meshsim.transports.http.server import CLOSE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from meshsim.transports.http.server import Exchange

    Message = MutableMapping[str, Any]
    Application = Callable[
        [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any
    ]

logger = logging.getLogger("meshsim.asgi")


class AsgiGateway:
    """Answers exchanges with an ASGI application on the running loop.

    Args:
        application: what answers.
        root_path: the path that the application is mounted under.
        state: what the lifespan has left for the requests.
    """

    def __init__(
        self,
        application: Application,
        *,
        root_path: str = "",
        state: dict[str, Any] | None = None,
    ) -> None:
        self.application = application
        self.root_path = root_path
        self.state = {} if state is None else state
        self.loop = asyncio.get_running_loop()
        self.tasks: dict[asyncio.Task[None], None] = {}

    def start(self, exchange: Exchange) -> None:
        """Begin to answer; called on the hub."""
        tell(self.loop, self._spawn, exchange)

    def _spawn(self, exchange: Exchange) -> None:
        cycle = Cycle(self, exchange)
        task = self.loop.create_task(cycle.run(), context=Context())
        self.tasks[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.pop(task, None)


class Cycle:
    """One request and its response, as an application sees them."""

    __slots__ = (
        "_bodiless",
        "_complete",
        "_exchange",
        "_gateway",
        "_head",
        "_left",
        "_read",
        "_status",
        "_waiter",
    )

    def __init__(self, gateway: AsgiGateway, exchange: Exchange) -> None:
        self._gateway = gateway
        self._exchange = exchange
        self._waiter: asyncio.Future[None] | None = None
        # The head while it waits for the first part of the body.
        self._head: ResponseHead | None = None
        self._status = 0
        self._bodiless = False
        self._left: int | None = None
        self._complete = False
        self._read = False
        exchange.on_event = self._on_event

    async def run(self) -> None:
        """Answer the exchange."""
        exchange = self._exchange
        calls.work_for(exchange.head)
        try:
            result = await self._gateway.application(self._scope(), self.receive, self.send)
        except asyncio.CancelledError:
            self._end(intact=False)
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever the application raises is its server's to answer
            exchange.report(error)
            if not self._status:
                await self._fail()
        else:
            await self._returned(result)
        self._end(intact=self._complete)

    async def _returned(self, result: object) -> None:
        if result is not None:
            logger.error("ASGI callable should return None, but returned '%s'.", result)
        elif not self._status and not self._exchange.lost:
            logger.error("ASGI callable returned without starting response.")
            await self._fail()
        elif not self._complete and not self._exchange.lost:
            logger.error("ASGI callable returned without completing response.")

    def _end(self, *, intact: bool) -> None:
        self._flush_head()
        if not self._complete:
            calls.handled(self._exchange.head, self._status)
        self._exchange.finish(intact=intact)

    async def _fail(self) -> None:
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": b"Internal Server Error"})

    def _scope(self) -> dict[str, Any]:
        exchange, gateway = self._exchange, self._gateway
        head, server = exchange.head, exchange.server
        path, _, query = head.target.partition("?")
        address = server.fabric.names.address(exchange.connection.peer.process.host)
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": head.version.partition("/")[2],
            "server": (server.process.host.service, server.port),
            "client": (address, 40000),
            "scheme": head.scheme,
            "method": head.method,
            "root_path": gateway.root_path,
            "path": gateway.root_path + unquote(path),
            "raw_path": gateway.root_path.encode("ascii") + path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in head.headers
            ],
            "state": gateway.state.copy(),
        }

    # -- receive ----------------------------------------------------------------------------------------

    def _on_event(self) -> None:
        """Wake the application's `receive`, from the hub."""
        if self._waiter is not None:
            tell(self._gateway.loop, self._wake)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def receive(self) -> Message:
        """Give the application the next part of the request, or the news that the client has left."""
        exchange = self._exchange
        while True:
            if exchange.lost or self._complete:
                return {"type": "http.disconnect"}
            if not self._read and (exchange.chunks or exchange.complete):
                body = exchange.chunks.popleft() if len(exchange.chunks) == 1 else b"".join(exchange.chunks)
                exchange.chunks.clear()
                self._read = exchange.complete
                return {"type": "http.request", "body": body, "more_body": not exchange.complete}
            self._waiter = self._gateway.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    # -- send -------------------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """Take a part of the response from the application.

        Raises:
            RuntimeError: it is not what may come now.
        """
        if self._exchange.lost:
            return
        kind = message["type"]
        if not self._status:
            if kind != "http.response.start":
                msg = f"Expected ASGI message 'http.response.start', but got '{kind}'."
                raise RuntimeError(msg)
            self._begin(message)
        elif self._complete:
            msg = f"Unexpected ASGI message '{kind}' sent, after response already completed."
            raise RuntimeError(msg)
        elif kind != "http.response.body":
            msg = f"Expected ASGI message 'http.response.body', but got '{kind}'."
            raise RuntimeError(msg)
        else:
            self._go_on(bytes(message.get("body", b"")), more=message.get("more_body", False))

    def _begin(self, message: Message) -> None:
        exchange = self._exchange
        status = self._status = message["status"]
        lines = [
            (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
            for name, value in message.get("headers", ())
        ]
        framing = codec.Framing(lines)
        lines.extend(standing_headers(framing))
        self._bodiless = not codec.has_body(exchange.head.method, status)
        if self._bodiless:
            pass
        elif framing.length is not None:
            self._left = framing.length
        elif exchange.head.version != codec.HTTP_1_1:
            exchange.keep_alive = False
        elif not framing.chunked:
            lines.append(("transfer-encoding", "chunked"))
        if framing.closes():
            exchange.keep_alive = False
        elif not exchange.keep_alive:
            lines.append(CLOSE)
        self._head = ResponseHead(status, lines)
        # The body's beginning nearly always comes before the loop's next turn, and then goes with the head.
        self._gateway.loop.call_soon(self._flush_head)

    def _flush_head(self) -> None:
        head, self._head = self._head, None
        if head is not None:
            head.more = not self._bodiless
            self._exchange.send(head)

    def _go_on(self, body: bytes, *, more: bool) -> None:
        self._count(len(body), more=more)
        exchange = self._exchange
        head, self._head = self._head, None
        if head is not None:
            if not self._bodiless:
                head.body, head.more = body, more
            exchange.send(head)
        elif not self._bodiless and (body or not more):
            exchange.send(BodyChunk(body, more=more))
        if not more:
            self._complete = True
            calls.handled(exchange.head, self._status)
            # Without a length and without chunks only the end of the connection ends the body.
            exchange.responded()
            self._wake()

    def _count(self, size_bytes: int, *, more: bool) -> None:
        """Hold the body against the length that was announced.

        Raises:
            RuntimeError: it is longer or shorter.
        """
        if self._left is None:
            return
        self._left -= size_bytes
        if self._left < 0:
            msg = "Response content longer than Content-Length"
            raise RuntimeError(msg)
        if self._left and not more:
            msg = "Response content shorter than Content-Length"
            raise RuntimeError(msg)
