"""One body, two arms: a server and its clients on the mesh, and on the real loopback."""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc

from meshsim.world import World

Body = Callable[[str], Any]
Handlers = dict[str, grpc.RpcMethodHandler]


class Methods(grpc.GenericRpcHandler):
    """Finds handlers by `/package.Service/Method`."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)


def make_server(handlers: Handlers, workers: int = 8, **options: Any) -> grpc.Server:
    """Return a server that has not started."""
    server = grpc.server(futures.ThreadPoolExecutor(workers), **options)
    server.add_generic_rpc_handlers((Methods(handlers),))
    return server


def describe(error: BaseException, address: str) -> Any:
    """Return what users see of an exception, without the address and what core wraps around details."""
    if isinstance(error, grpc.RpcError) and isinstance(error, grpc.Call):
        details = str(error.details())
        if details.startswith("Stream removed ("):
            details = details.removeprefix("Stream removed (").removesuffix(")")
        if details.startswith(("recvmsg:", "sendmsg:")):
            # Whether reading or writing met the reset first is the real one's chance.
            details = details.partition(":")[2].strip()
        for part in (address, address.rpartition(":")[0], address.rpartition(":")[2]):
            details = details.replace(part, "*") if part else details
        kind = "RpcError" if isinstance(error, grpc.Future) else type(error).__name__
        return [kind, str(error.code()), details, error.trailing_metadata()]
    return [type(error).__name__, str(error)]


def attempt(function: Callable[[], Any], address: str) -> Any:
    """Return a result, or what is seen of the exception."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - the exception is what is compared
        return describe(error, address)


def run_real(body: Body, handlers: Handlers, **options: Any) -> Any:
    """Run a body against a real server on the loopback."""
    server = make_server(handlers, **options)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    address = f"127.0.0.1:{port}"
    try:
        return attempt(lambda: body(address), address)
    finally:
        server.stop(None).wait()


def run_mesh(body: Body, handlers: Handlers, **options: Any) -> Any:
    """Run a body against the same server on the mesh."""

    def serve() -> Any:
        server = make_server(handlers, **options)
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    with World(seed=1).service("svc", grpc=serve):
        return attempt(lambda: body("svc:50051"), "svc:50051")
