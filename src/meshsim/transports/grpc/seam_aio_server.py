"""`grpc.aio.server`: the library's `Server` over a server of ours that runs handlers on its event loop.

What is replaced is `cygrpc.AioServer`, which is C throughout: unlike in the blocking stack, finding a handler,
running it and what becomes of its exceptions has to be said here again.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any

from grpc._cython import cygrpc

from meshsim.kernel import api
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.trace.handling import handling
from meshsim.transports.grpc import notes
from meshsim.transports.grpc.loops import awaited, settle, tell
from meshsim.transports.grpc.policy import Options
from meshsim.transports.grpc.seam_aio_context import BlockingContext, Context
from meshsim.transports.grpc.server import GrpcServer
from meshsim.transports.grpc.status import CANCELLED, OK, RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from meshsim.transports.grpc.served import ServedCall

RealAioServer = cygrpc.AioServer
logger = logging.getLogger("grpc._cython.cygrpc")
END = object()


class HandlerCallDetails:
    """What an interceptor is told of a call."""

    def __init__(self, method: str, invocation_metadata: tuple[Any, ...]) -> None:
        self.method = method
        self.invocation_metadata = invocation_metadata


class Requests:
    """The messages of a client, for `async for`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __aiter__(self) -> Requests:
        return self

    async def __anext__(self) -> Any:
        message = await self._context.read()
        if message is cygrpc.EOF:
            raise StopAsyncIteration
        return message


def blocking(requests: Requests, loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    """Give the messages of a client to a function in a thread of its own."""
    while True:
        try:
            yield asyncio.run_coroutine_threadsafe(_next(requests), loop).result()
        except StopIteration:
            return
        except _OverError:
            return


class _OverError(Exception):
    """There are no more messages; StopAsyncIteration cannot leave a coroutine."""


async def _next(requests: Requests) -> Any:
    try:
        return await requests.__anext__()
    except StopAsyncIteration:
        raise _OverError from None


async def stepping(generator: Any, loop: asyncio.AbstractEventLoop, pool: Any) -> AsyncIterator[Any]:
    """Run a plain generator in a thread pool, a step at a time."""
    while True:
        item = await loop.run_in_executor(pool, next, generator, END)
        if item is END:
            return
        yield item


def is_async(function: Any) -> bool:
    """Whether a handler runs on the event loop."""
    return (
        inspect.isawaitable(function)
        or inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
    )


class Handling:
    """The handling of one call, in a task of the event loop.

    Args:
        server: whose call it is.
        call: the call.
        refused: whether the server has as many as it may.
    """

    def __init__(self, server: MeshAioServer, call: ServedCall, *, refused: bool) -> None:
        self._server = server
        self._call = call
        self._refused = refused
        self._loop = server.loop
        self._context = Context(call, server.loop)
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start, on the loop."""
        method = self._call.begin.method
        self._task = self._loop.create_task(self._run(), name=f"HandleExceptions[{method}]")
        self._task.add_done_callback(self._over)
        self._call.on_close(lambda cancelled: tell(self._loop, self._closed, cancelled))

    def _closed(self, cancelled: bool) -> None:  # noqa: FBT001 - a callback's only argument
        task = self._task
        if cancelled and task is not None and not task.done() and not self._context.status_sent:
            task.cancel()

    def _over(self, _task: asyncio.Task[None]) -> None:
        self._server.ended(self)
        notes.handled(self._call.begin.note, CANCELLED)  # type: ignore[arg-type]  # the trace's own
        try:
            for callback in self._context.callbacks:
                callback()
        except Exception:
            logger.exception("Error in callback for method [%s]", self._call.begin.method)

    async def _run(self) -> None:
        context, method = self._context, self._call.begin.method
        handling.set(self._call.begin.note)  # type: ignore[arg-type]  # the trace's own
        try:
            await self._handle()
        except cygrpc.AbortError as error:
            if error is not context.abort_error:
                raise
        except asyncio.CancelledError:
            logger.debug("RPC cancelled for servicer method [%s]", method)
        except Exception as error:
            kind = type(error).__name__
            logger.exception("Unexpected [%s] raised by servicer method [%s]", kind, method)
            self._report(error)
            if not context.status_sent and not self._call.over:
                code = UNKNOWN if context.status_code == OK else context.status_code
                context.finish(code, f"Unexpected {type(error)}: {error}")
        else:
            if context.abort_error is not None:
                logger.error("Abort error unexpectedly suppressed: %s", context.abort_error)

    def _report(self, error: BaseException) -> None:
        kernel, task = api.kernel(), current()
        if kernel.on_unhandled is not None and task is not None:
            kernel.on_unhandled(task.process, self._call.begin.method.lstrip("/"), error)

    async def _handle(self) -> None:
        context = self._context
        details = HandlerCallDetails(self._call.begin.method, context.invocation_metadata())
        handler = await self._find(iter(self._server.interceptors), details)
        if handler is None:
            context.finish(UNIMPLEMENTED, "Method not found!")
        elif self._refused:
            context.finish(RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!")
        else:
            await self._serve(handler)

    async def _find(self, interceptors: Iterator[Any], details: Any) -> Any:
        interceptor = next(interceptors, None)
        if interceptor is None:
            return self._server.handler_of(details)

        async def proceed(more: Any) -> Any:
            return await self._find(interceptors, more)

        return await interceptor.intercept_service(proceed, details)

    async def _serve(self, handler: Any) -> None:
        context = self._context
        context.deserializer = handler.request_deserializer
        context.serializer = handler.response_serializer
        streams = handler.request_streaming, handler.response_streaming
        names = {
            (False, False): "unary_unary",
            (False, True): "unary_stream",
            (True, False): "stream_unary",
            (True, True): "stream_stream",
        }
        function = getattr(handler, names[streams])
        request: Any
        if handler.request_streaming:
            requests = Requests(context)
            request = requests if is_async(function) else blocking(requests, self._loop)
        else:
            body = await awaited(self._loop, self._call.on_message)
            if body is None:
                return
            request = body if context.deserializer is None else context.deserializer(body)
        if handler.response_streaming:
            await self._answer_many(function, request)
        else:
            await self._answer_one(function, request)

    async def _answer_one(self, function: Any, request: Any) -> None:
        context = self._context
        if is_async(function):
            response = await function(request, context)
        else:
            plain = BlockingContext(context)
            response = await self._loop.run_in_executor(self._server.pool, function, request, plain)
            for callback in plain.done_callbacks:
                callback()
        context.check()
        body: bytes | None = None
        if context.status_code == OK:
            body = response if context.serializer is None else context.serializer(response)
            if not isinstance(body, bytes):
                msg = f"Expected bytes, got {type(body).__name__}"
                raise TypeError(msg)
        context.begin(())
        if body is not None:
            self._call.send(body, None)
        context.finish(context.status_code, context.details())

    async def _answer_many(self, function: Any, request: Any) -> None:
        context = self._context
        if inspect.iscoroutinefunction(function):
            await function(request, context)
        else:
            if inspect.isasyncgenfunction(function):
                responses = function(request, context)
            else:
                generator = function(request, BlockingContext(context))
                responses = stepping(generator, self._loop, self._server.pool)
            async for response in responses:
                context.check()
                await context.write(response)
        context.check()
        context.finish(context.status_code, context.details())


class MeshAioServer:
    """A server as `cygrpc.AioServer` is to the library's `Server`.

    Attributes:
        core: the server itself.
        loop: where its handlers run.
        pool: where functions that are no coroutines run.
        interceptors: in the order in which they are asked.
    """

    def __init__(  # noqa: PLR0917 - as the real one
        self,
        loop: asyncio.AbstractEventLoop,
        thread_pool: Any,
        generic_handlers: Any,
        interceptors: Any,
        options: Any,
        maximum_concurrent_rpcs: int | None,
        _xds: Any = None,
    ) -> None:
        task = current()
        if task is None:
            msg = "a server of a mesh is made by a task of one"
            raise RuntimeError(msg)
        if maximum_concurrent_rpcs is not None and maximum_concurrent_rpcs <= 0:
            msg = "maximum_concurrent_rpcs should be a positive integer"
            raise ValueError(msg)
        self.loop = loop
        self.pool = thread_pool
        self.interceptors = tuple(interceptors or ())
        self.core = GrpcServer(task.process, Options(options or ()), self._arrived)
        self._generic = list(generic_handlers or ())
        self._registered: dict[str, Any] = {}
        self._limit = maximum_concurrent_rpcs
        self._running: dict[Handling, None] = {}
        self._started = False
        self._over: asyncio.Future[None] = loop.create_future()

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Add handlers that are asked in turn."""
        self._generic.extend(handlers)

    def add_registered_method_handlers(self, handlers: dict[str, Any]) -> None:
        """Add handlers by their methods' names; not once the server has started."""
        if self._started:
            logger.warning("Cannot register method handlers once server has started")
        else:
            self._registered.update(handlers)

    def add_insecure_port(self, address: bytes) -> int:
        """Take a port; 0 where that cannot be."""
        return self.core.bind(address.decode("utf8"))

    def add_secure_port(self, address: bytes, _credentials: Any) -> int:
        """Take a port; the credentials take no part in anything."""
        return self.core.bind(address.decode("utf8"))

    def handler_of(self, details: Any) -> Any:
        """Return the handler of a call, or None."""
        found = self._registered.get(details.method)
        if found is None:
            for generic in self._generic:
                found = generic.service(details)
                if found is not None:
                    break
        return found

    async def start(self) -> None:
        """Open the ports.

        Raises:
            UsageError: it has been stopped.
        """
        if self.core.closing:
            msg = "Server not in ready state"
            raise cygrpc.UsageError(msg)
        if not self._started:
            self._started = True
            self.core.start()

    def _arrived(self, call: ServedCall) -> None:
        """Bring a call to the loop, on the hub."""
        tell(self.loop, self._begin, call)

    def _begin(self, call: ServedCall) -> None:
        if call.over:
            return
        refused = self._limit is not None and len(self._running) >= self._limit
        made = Handling(self, call, refused=refused)
        if not refused:
            self._running[made] = None
        made.begin()

    def ended(self, made: Handling) -> None:
        """Forget a call whose handler has ended."""
        self._running.pop(made, None)

    async def shutdown(self, grace: float | None) -> None:
        """Take no new calls, and break off what is still there after `grace` seconds."""
        if not self._started or self._over.done():
            return
        if not self.core.closing:
            self.core.shut(lambda: tell(self.loop, settle, self._over))
        if grace is not None:
            try:
                await asyncio.wait_for(asyncio.shield(self._over), grace)
            except TimeoutError:
                self.core.cancel_all()
        else:
            self.core.cancel_all()
        await self._over

    async def wait_for_termination(self, timeout: float | None) -> bool:  # noqa: ASYNC109 - as the real one
        """Return once the server has stopped; True when the time is up first."""
        try:
            await asyncio.wait_for(asyncio.shield(self._over), timeout)
        except TimeoutError:
            return True
        return False

    def is_running(self) -> bool:
        """Whether somebody who drops the server should stop it."""
        return self._started and not self.core.closing and not self.core.gone_world


def server(*args: Any) -> Any:
    """Stand in for `cygrpc.AioServer`."""
    return RealAioServer(*args) if current() is None else MeshAioServer(*args)


def schedule(coroutine: Any, loop: asyncio.AbstractEventLoop) -> Any:
    """Stand in for `cygrpc.schedule_coro_threadsafe`, which a dropped server calls."""
    if current() is None:
        return real_schedule(coroutine, loop)
    if loop.is_closed():
        coroutine.close()
        return None
    return asyncio.run_coroutine_threadsafe(coroutine, loop)


real_schedule: Callable[..., Any] = cygrpc.schedule_coro_threadsafe


def patches() -> list[Patch]:
    """Return the patches of asyncio's servers."""
    return [Patch(cygrpc, "AioServer", server), Patch(cygrpc, "schedule_coro_threadsafe", schedule)]
