"""The servicers and the statuses that come with gRPC: health, reflection, rich errors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import any_pb2, wrappers_pb2
from google.rpc import code_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from meshsim.world import World
from tests.parity.grpc.arms import attempt, make_server

Both = Callable[..., tuple[Any, Any]]
ECHO = "/shop.Shop/Echo"


def unary(function: Callable[..., Any]) -> dict[str, Any]:
    """Return handlers with one unary method."""
    return {ECHO: grpc.unary_unary_rpc_method_handler(function)}


def echo(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Answer what was asked."""
    return request


def on_both(serve: Callable[[], grpc.Server], body: Callable[[str], Any]) -> tuple[Any, Any]:
    """Run a body against a server that a function makes, on the mesh and on the loopback."""

    def started() -> grpc.Server:
        server = serve()
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    with World(seed=1).service("svc", grpc=started):
        fake = attempt(lambda: body("svc:50051"), "svc:50051")
    server = serve()
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        return fake, attempt(lambda: body(f"127.0.0.1:{port}"), f"127.0.0.1:{port}")
    finally:
        server.stop(None).wait()


def test_health_checking_is_the_same() -> None:
    """grpcio-health-checking answers and tells of changes."""
    servicers: list[Any] = []

    def serve() -> grpc.Server:
        server = grpc.server(futures.ThreadPoolExecutor(4))
        servicers.append(health.HealthServicer())
        servicers[-1].set("shop.Shop", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(servicers[-1], server)
        return server

    def body(address: str) -> Any:
        asked = health_pb2.HealthCheckRequest(service="shop.Shop")
        with grpc.insecure_channel(address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watched = stub.Watch(asked)
            found = [stub.Check(asked).status, next(watched).status]
            servicers[-1].set("shop.Shop", health_pb2.HealthCheckResponse.NOT_SERVING)
            found.append(next(watched).status)
            watched.cancel()
            unknown = attempt(lambda: stub.Check(health_pb2.HealthCheckRequest(service="no")), address)
            return [*found, unknown]

    fake, real = on_both(serve, body)
    assert fake == real


def test_reflection_is_the_same() -> None:
    """grpcio-reflection lists what a server has."""

    def serve() -> grpc.Server:
        server = grpc.server(futures.ThreadPoolExecutor(4))
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
        reflection.enable_server_reflection([reflection.SERVICE_NAME, "grpc.health.v1.Health"], server)
        return server

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            asked = [
                reflection_pb2.ServerReflectionRequest(list_services=""),
                reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health"),
            ]
            return [answer.SerializeToString() for answer in stub.ServerReflectionInfo(iter(asked))]

    fake, real = on_both(serve, body)
    assert fake == real


def test_rich_errors_are_the_same(both: Both) -> None:
    """grpcio-status carries details of an error to its client."""

    def fails(request: bytes, context: grpc.ServicerContext) -> Any:
        detail = any_pb2.Any()
        detail.Pack(wrappers_pb2.StringValue(value="sku a-1"))
        status = status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="sold out", details=[detail])
        context.abort_with_status(rpc_status.to_status(status))

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            try:
                channel.unary_unary(ECHO)(b"x")
            except grpc.RpcError as error:
                found = rpc_status.from_call(error)
                return [found.code, found.message, [detail.value for detail in found.details]]

    fake, real = both(body, unary(fails))
    assert fake == real
    assert real[:2] == [code_pb2.RESOURCE_EXHAUSTED, "sold out"]


def test_a_secure_channel_is_the_same() -> None:
    """A channel and a port with local credentials work; what they prove is not simulated."""

    def body(address: str) -> Any:
        with grpc.secure_channel(address, grpc.local_channel_credentials()) as channel:
            return channel.unary_unary(ECHO)(b"x")

    def serve() -> grpc.Server:
        server = make_server(unary(echo))
        server.add_secure_port("0.0.0.0:50051", grpc.local_server_credentials())
        server.start()
        return server

    with World(seed=1).service("svc", grpc=serve):
        fake = body("svc:50051")
    server = make_server(unary(echo))
    port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
    server.start()
    try:
        assert fake == body(f"127.0.0.1:{port}") == b"x"
    finally:
        server.stop(None).wait()
