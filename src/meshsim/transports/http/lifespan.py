"""The lifespan of an ASGI application, as uvicorn's `LifespanOn` runs it: startup, state, shutdown."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshsim.transports.http.asgi import Application, Message

logger = logging.getLogger("meshsim.asgi")


class LifespanFailed(Exception):  # noqa: N818 - what happened, not whose fault it is
    """The application said that its startup failed, or raised during it."""


class Lifespan:
    """Runs the lifespan of an application in a task of the running loop.

    Attributes:
        state: what the application puts there for its requests.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._started = asyncio.Event()
        self._asked = False
        self._stopped = asyncio.Event()
        self._failure: str | None = None
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        self.state: dict[str, Any] = {}

    async def startup(self) -> None:
        """Run the application's startup; an application without a lifespan is left alone.

        Raises:
            LifespanFailed: the application said so; its own exception is the cause.
        """
        self._task = asyncio.get_running_loop().create_task(self._run(), name="lifespan")
        await self._messages.put({"type": "lifespan.startup"})
        await self._started.wait()
        if self._failure is not None:
            raise LifespanFailed(self._failure) from self._error

    async def shutdown(self) -> None:
        """Run the application's shutdown."""
        if self._task is None or self._task.done():
            return
        self._asked = True
        await self._messages.put({"type": "lifespan.shutdown"})
        await self._stopped.wait()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._application(scope, self._messages.get, self._send)
        except Exception as error:
            self._error = error
            if self._started.is_set() and self._failure is None:
                logger.exception("Exception in 'lifespan' protocol")
        finally:
            self._started.set()
            self._stopped.set()

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._started.set()
        elif kind == "lifespan.startup.failed":
            self._failure = message.get("message") or "the application's startup failed"
            self._started.set()
        elif kind == "lifespan.shutdown.complete":
            self._stopped.set()
        elif kind == "lifespan.shutdown.failed":
            # Starlette says so too when its coroutine is thrown away long after a crash, which is none.
            if self._asked:
                logger.error("the application's shutdown failed: %s", message.get("message", ""))
            self._stopped.set()
