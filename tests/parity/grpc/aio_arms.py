"""One coroutine, two arms: an asyncio server and its clients on the mesh, and on the real loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent import futures
from typing import Any

import grpc
import grpc.aio

from meshsim.world import World
from tests.parity.grpc.arms import Methods, describe, make_server

Body = Callable[[str], Coroutine[Any, Any, Any]]


async def atry(awaitable: Awaitable[Any], address: str) -> Any:
    """Return a result, or what is seen of the exception."""
    try:
        return await awaitable
    except grpc.aio.AioRpcError as error:
        details = str(error.details())
        if details.startswith("Stream removed ("):
            details = details.removeprefix("Stream removed (").removesuffix(")")
        return ["AioRpcError", str(error.code()), details, list(error.trailing_metadata() or ())]
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the exception is what is compared
        return describe(error, address)


def make_aio_server(handlers: dict[str, Any], **options: Any) -> grpc.aio.Server:
    """Return an asyncio server that has not started."""
    server = grpc.aio.server(futures.ThreadPoolExecutor(2), **options)
    server.add_generic_rpc_handlers((Methods(handlers),))
    return server


def both(body: Body, handlers: dict[str, Any], *, plain: bool = False, **options: Any) -> tuple[Any, Any]:
    """Run a coroutine against a server on the mesh and on the loopback.

    Args:
        body: given the server's address.
        handlers: the server's, by method.
        plain: whether the server is one of threads.
        options: the server's.
    """

    async def serve() -> Any:
        server = make_aio_server(handlers, **options)
        server.add_insecure_port("0.0.0.0:50051")
        await server.start()
        return server

    def serve_plainly() -> Any:
        server = make_server(handlers, **options)
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    async def for_real() -> Any:
        server = make_server(handlers, **options) if plain else make_aio_server(handlers, **options)
        port = server.add_insecure_port("127.0.0.1:0")
        started = server.start()
        if started is not None:
            await started
        try:
            return await body(f"127.0.0.1:{port}")
        finally:
            stopped = server.stop(None)
            if not plain:
                await stopped

    with World(seed=1).service("svc", grpc=serve_plainly if plain else serve):
        fake = asyncio.run(body("svc:50051"))
    return fake, asyncio.run(for_real())
