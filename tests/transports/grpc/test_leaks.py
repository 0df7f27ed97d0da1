"""A world that is closed is gone, whatever gRPC objects were made in it."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from grpc._cython import cygrpc

from meshsim.world import World
from tests.parity.grpc.arms import make_server

ECHO = "/shop.Shop/Echo"


def serve() -> Any:
    server = make_server({ECHO: grpc.unary_unary_rpc_method_handler(lambda request, context: request)})
    server.add_insecure_port("0.0.0.0:50051")
    server.start()
    return server


async def serve_on_a_loop() -> Any:
    server = grpc.aio.server(futures.ThreadPoolExecutor(1))

    async def echo(request: bytes, context: Any) -> bytes:
        return request

    handlers = {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Shop", handlers),))
    server.add_insecure_port("0.0.0.0:50051")
    await server.start()
    return server


async def ask(target: str) -> Any:
    async with grpc.aio.insecure_channel(target) as channel:
        return await channel.unary_unary(ECHO)(b"x")


def use() -> weakref.ref[Any]:
    """Use a world in every way, leave calls open, and return a reference to its kernel."""
    with World(seed=1).service("plain", grpc=serve).service("looped", grpc=serve_on_a_loop) as mesh:
        for name in ("plain", "looped"):
            channel = mesh.grpc(name)
            assert channel.unary_unary(ECHO)(b"x") == b"x"
            channel.unary_unary(ECHO).future(b"x")
            assert asyncio.run(ask(f"{name}:50051")) == b"x"
        mesh.grpc("plain").subscribe(lambda state: None, try_to_connect=True)
        return weakref.ref(mesh.kernel)


def test_a_closed_world_is_gone() -> None:
    """Nothing keeps a closed world, neither open calls and channels nor servers."""
    use()
    gone = use()
    # Finalizers of the first round let go of what the second one frees.
    for _ in range(3):
        gc.collect()
    assert gone() is None


def test_no_core_and_no_thread_is_made() -> None:
    """In a world no C core is made: no thread more, and what is replaced is what it was once the world is closed."""
    originals = cygrpc.Channel, cygrpc.Server, cygrpc.AioChannel, cygrpc.AioServer, cygrpc.CompletionQueue
    use()
    before = threading.active_count(), native_threads()
    use()
    assert (threading.active_count(), native_threads()) == before
    assert (
        cygrpc.Channel,
        cygrpc.Server,
        cygrpc.AioChannel,
        cygrpc.AioServer,
        cygrpc.CompletionQueue,
    ) == originals


def native_threads() -> int:
    """Return how many threads the operating system sees in this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Threads:"))
