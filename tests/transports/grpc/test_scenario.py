"""gRPC in a scenario: the adapter, clients on the host `test`, stubs, faults at calls, the trace."""

from __future__ import annotations

import asyncio
import time
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest

from meshsim.errors import BootError, FenceError, ScenarioError, UnsupportedOperation, UsageError
from meshsim.world import World

HERE = Path(__file__).parent
PAY = "/pay.Payments/Pay"


def serve() -> Any:
    """Start a server, as a service does in production, and return it."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pay.Payments", {"Pay": handler}),))
    server.add_insecure_port("0.0.0.0:50051")
    server.start()
    return server


def serve_for_ever() -> None:
    serve().wait_for_termination()


async def serve_on_a_loop() -> None:
    server = grpc.aio.server()

    async def pay(request: bytes, context: Any) -> bytes:
        return request

    handlers = {"Pay": grpc.unary_unary_rpc_method_handler(pay)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pay.Payments", handlers),))
    server.add_insecure_port("[::]:50051")
    await server.start()
    await server.wait_for_termination()


def pay(mesh: World, **call: Any) -> Any:
    """Make a call on the host `test`."""
    return mesh.grpc("payments").unary_unary(PAY)(b"12 EUR", **call)


@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
@pytest.mark.parametrize("target", [serve, serve_for_ever, serve_on_a_loop])
def test_a_function_that_starts_a_server_is_a_service(target: Any, carrier: str) -> None:
    """A function that starts a server is a service, whether it returns the server, blocks, or is asynchronous."""
    with World(seed=1, carrier=carrier).service("payments", grpc=target) as mesh:
        assert pay(mesh) == b"12 EUR"


def test_both_carriers_give_the_same_run() -> None:
    """The same seed gives the same trace on greenlets and on threads."""

    def run(carrier: str) -> str:
        with World(seed=3, carrier=carrier).service("payments", grpc=serve, replicas=2) as mesh:
            for _ in range(3):
                pay(mesh)
            calls = [mesh.grpc("payments").unary_unary(PAY).future(b"x") for _ in range(3)]
            assert [call.result() for call in calls] == [b"x"] * 3
            mesh.run_for("1s")
            return mesh.hash

    assert run("greenlet") == run("thread") == run("greenlet")


def test_an_asyncio_channel_of_the_mesh() -> None:
    """`mesh.grpc_aio` is a channel of grpc.aio to a service."""

    async def ask(mesh: World) -> Any:
        async with mesh.grpc_aio("payments") as channel:
            return await channel.unary_unary(PAY)(b"x")

    with World(seed=1).service("payments", grpc=serve) as mesh:
        assert asyncio.run(ask(mesh)) == b"x"


def test_a_servicer_and_its_proto_are_a_service() -> None:
    """A servicer with its proto is a service: compiled when it boots, called by what was generated."""
    services = {
        "shop": {"grpc": {"servicer": "shop_servicer:Shop", "proto": "shop.proto"}, "path": str(HERE)}
    }
    with World.from_file({"services": services}) as mesh:
        with mesh.on("shop/0"):
            pb2 = mesh.host("shop/0").module("shop_pb2")
            stub = mesh.host("shop/0").module("shop_pb2_grpc").ShopStub(mesh.grpc("shop"))
            assert stub.Buy(pb2.Order(sku="a-1", count=2)).text == "2 a-1"
            assert [one.text for one in stub.Watch(pb2.Order(sku="b", count=2))] == ["b 0", "b 1"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"servicer": "shop_servicer:Shop", "proto": "nosuch.proto"}, "there is no proto"),
        ({"servicer": "shop_servicer:Shop"}, "needs its proto:"),
        ({"servicer": "shop_servicer:Shop", "protos": "shop.proto"}, "has no 'protos'"),
    ],
)
def test_a_mapping_that_makes_no_service_is_refused(options: Any, words: str) -> None:
    """A mapping that lacks something, or has too much, does not boot and says what it is."""
    world = World.from_file({"services": {"shop": {"grpc": options, "path": str(HERE)}}})
    with pytest.raises(BootError, match=words), world:
        pass


def test_calls_are_in_the_trace() -> None:
    """A call is found by a selector of its method, with the status that its caller saw and the host that answered."""
    with World(seed=1).service("payments", grpc=serve) as mesh:
        pay(mesh)
        with pytest.raises(grpc.RpcError):
            mesh.grpc("payments").unary_unary("/pay.Payments/Refund")(b"")
        (call,) = mesh.trace.requests("test -> payments Pay")
        assert (call.operation, call.status, call.target_host) == ("pay.Payments/Pay", "OK", "payments/0")
        assert call.request is not None and call.request.body == b"12 EUR"
        assert call.reply is not None and call.reply.body == b"12 EUR"
        (refused,) = mesh.trace.requests("payments Refund")
        assert (refused.status, refused.failed) == ("UNIMPLEMENTED", True)


def test_a_handler_s_calls_have_a_parent() -> None:
    """What a handler asks of another service is, in the trace, on behalf of the call that it handles."""

    def front() -> Any:
        server = grpc.server(futures.ThreadPoolExecutor(2))

        def order(request: bytes, context: Any) -> Any:
            with grpc.insecure_channel("payments:50051") as channel:
                return channel.unary_unary(PAY)(request)

        handlers = {"Order": grpc.unary_unary_rpc_method_handler(order)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("front.Front", handlers),))
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    with World(seed=1).service("payments", grpc=serve).service("front", grpc=front) as mesh:
        mesh.grpc("front").unary_unary("/front.Front/Order")(b"x")
        (outer,) = mesh.trace.requests("front Order")
        (inner,) = mesh.trace.requests("front -> payments Pay")
        assert inner.parent == outer.id


def test_stubs_answer_instead_of_the_service() -> None:
    """A stub replies, fails, plays a list or calls a function, and tells what came to it."""
    with World(seed=1).service("payments", grpc=serve) as mesh:
        with mesh.stub("payments Pay", reply=b"stubbed") as route:
            assert pay(mesh) == b"stubbed"
        assert pay(mesh) == b"12 EUR" and route.call_count == 1 and route.called
        with mesh.stub("payments Pay", error="UNAVAILABLE"), pytest.raises(grpc.RpcError) as caught:
            pay(mesh)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        with mesh.stub("payments Pay", side_effect=[grpc.StatusCode.ABORTED, b"second"]):
            with pytest.raises(grpc.RpcError) as caught:
                pay(mesh)
            assert caught.value.code() is grpc.StatusCode.ABORTED
            assert pay(mesh) == b"second"
        with mesh.stub("payments Pay", side_effect=lambda body: body + b"!"):
            assert pay(mesh) == b"12 EUR!"
        with (
            mesh.stub("payments Pay", side_effect=ValueError("sold out")),
            pytest.raises(grpc.RpcError) as caught,
        ):
            pay(mesh)
        assert caught.value.details() == "Exception calling application: sold out"


@pytest.mark.parametrize("answer", [{}, {"reply": b"", "error": "ABORTED"}, {"error": "OK"}, {"reply": 5}])
def test_a_stub_that_makes_no_answer_is_refused(answer: Any) -> None:
    """A stub with no answer, with two, or with one that is none, is a mistake where it is written."""
    with World(seed=1).service("payments", grpc=serve) as mesh, pytest.raises(UsageError):
        mesh.stub("payments Pay", **answer)


def test_faults_at_calls() -> None:
    """An error fault answers the first calls with its status, a delay fault holds them up."""
    with World(seed=1).service("payments", grpc=serve) as mesh:
        with mesh.fault(
            error={"to": "payments Pay", "status": "RESOURCE_EXHAUSTED", "text": "busy"}, first=2
        ):
            for _ in range(2):
                with pytest.raises(grpc.RpcError) as caught:
                    pay(mesh)
                assert (caught.value.code(), caught.value.details()) == (
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    "busy",
                )
            assert pay(mesh) == b"12 EUR"
        with mesh.fault(delay={"to": "payments Pay", "by": "2s"}):
            begun = time.time()
            assert pay(mesh) == b"12 EUR"
            assert time.time() - begun >= 2


def test_a_call_that_is_dropped_is_never_answered() -> None:
    """A drop fault loses a call: its caller waits until its own deadline."""
    with World(seed=1).service("payments", grpc=serve) as mesh, mesh.fault(drop={"to": "payments Pay"}):
        with pytest.raises(grpc.RpcError) as caught:
            pay(mesh, timeout=3)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"status": "UNAVAILIBLE"}, "did you mean 'UNAVAILABLE'"),
        ({"status": 503}, "none of gRPC's"),
        ({}, "needs a status:, as UNAVAILABLE"),
        ({"status": "ABORTED", "json": {}}, "has no json:"),
    ],
)
def test_an_error_that_grpc_does_not_have_is_a_mistake(error: Any, words: str) -> None:
    """An error fault at a gRPC service has a status of gRPC, or the scenario is wrong at that place."""
    services = {"payments": {"grpc": serve}}
    with pytest.raises(ScenarioError, match=words):
        World.from_file({"services": services, "faults": [{"error": {"to": "payments Pay", **error}}]}).graph  # noqa: B018 - what loads it


def test_a_workers_limit_is_real() -> None:
    """With two workers three slow calls take two turns."""

    def serve_slowly() -> Any:
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))

        def slow(request: bytes, context: Any) -> bytes:
            time.sleep(1)
            return request

        handlers = {"Pay": grpc.unary_unary_rpc_method_handler(slow)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pay.Payments", handlers),))
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    with World(seed=1).service("payments", grpc=serve_slowly) as mesh:
        begun = time.time()
        calls = [mesh.grpc("payments").unary_unary(PAY).future(b"x") for _ in range(3)]
        for call in calls:
            call.result()
        assert 2 <= time.time() - begun < 2.1


def test_a_target_that_is_no_host_is_refused() -> None:
    """A unix socket is nothing that the mesh has, and the error names the table that says so."""
    with (
        World(seed=1).service("payments", grpc=serve),
        pytest.raises(UnsupportedOperation, match="supported"),
    ):
        grpc.insecure_channel("unix:/run/pay.sock")


def test_a_handler_that_raises_is_an_unhandled_error() -> None:
    """An exception that a handler lets out is noted as one that nobody handled, in both kinds of server."""

    def boom(request: bytes, context: Any) -> Any:
        raise ValueError("sold out")

    async def async_boom(request: bytes, context: Any) -> Any:
        raise ValueError("sold out")

    async def serve_async() -> Any:
        server = grpc.aio.server()
        handlers = {"Pay": grpc.unary_unary_rpc_method_handler(async_boom)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pay.Payments", handlers),))
        server.add_insecure_port("0.0.0.0:50051")
        await server.start()
        return server

    def serve_sync() -> Any:
        server = grpc.server(futures.ThreadPoolExecutor(2))
        handlers = {"Pay": grpc.unary_unary_rpc_method_handler(boom)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pay.Payments", handlers),))
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    for target in (serve_sync, serve_async):
        with World(seed=1).service("payments", grpc=target) as mesh:
            with pytest.raises(grpc.RpcError):
                pay(mesh)
            noted = [event.text for event in mesh.recorder.events if event.kind == "unhandled"]
            assert len(noted) == 1 and "ValueError: sold out" in noted[0]


def test_the_trace_knows_when_a_late_handler_ends() -> None:
    """A handler that goes on after its caller gave up ends, in the trace, when it ends; a cancelled one at once."""

    def slow(request: bytes, context: Any) -> bytes:
        time.sleep(3)
        return request

    def slow_stream(request: bytes, context: Any) -> Any:
        time.sleep(3)
        yield request

    async def slow_coroutine(request: bytes, context: Any) -> bytes:
        await asyncio.sleep(3)
        return request

    def handlers(unary: Any) -> Any:
        found = {"Pay": grpc.unary_unary_rpc_method_handler(unary)}
        if unary is slow:
            found["Watch"] = grpc.unary_stream_rpc_method_handler(slow_stream)
        return (grpc.method_handlers_generic_handler("pay.Payments", found),)

    def serve_slowly() -> Any:
        server = grpc.server(futures.ThreadPoolExecutor(2))
        server.add_generic_rpc_handlers(handlers(slow))
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    async def serve_coroutines() -> Any:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers(handlers(slow_coroutine))
        server.add_insecure_port("0.0.0.0:50051")
        await server.start()
        return server

    with (
        World(seed=1).service("payments", grpc=serve_slowly).service("looped", grpc=serve_coroutines) as mesh
    ):
        calls = [mesh.grpc("payments").unary_unary(PAY), mesh.grpc("looped").unary_unary(PAY)]
        # The second round finds a thread of the pool, and takes the short way.
        for call in [*calls, calls[0]]:
            with pytest.raises(grpc.RpcError):
                call(b"x", timeout=1)
            mesh.run_for("4s")
        with pytest.raises(grpc.RpcError):
            list(mesh.grpc("payments").unary_stream("/pay.Payments/Watch")(b"x", timeout=1))
        mesh.run_for("4s")
        seen = mesh.trace.requests("test -> *")
        took = [round((call.handled_at or 0) - (call.received_at or 0)) for call in seen]
        assert took == [3, 1, 3, 3]


def test_a_name_that_nobody_has_is_fenced() -> None:
    """A channel to an unknown name says at its first call what the scenario lacks, blocking and on a loop."""

    async def ask() -> Any:
        async with grpc.aio.insecure_channel("nosuch:50051") as channel:
            return await channel.unary_unary(PAY)(b"x")

    with World(seed=1).service("payments", grpc=serve):
        with grpc.insecure_channel("nosuch:50051") as channel, pytest.raises(FenceError, match="nosuch"):
            channel.unary_unary(PAY)(b"x")
        with pytest.raises(FenceError, match="nosuch"):
            asyncio.run(ask())
