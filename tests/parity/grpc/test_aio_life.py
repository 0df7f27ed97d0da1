"""`grpc.aio`: cancelling, deadlines, interceptors, and the life of channels and servers."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio

from tests.parity.grpc.aio_arms import atry, both, make_aio_server

ECHO, MANY, SUM, TALK = (f"/shop.Shop/{name}" for name in ("Echo", "Many", "Sum", "Talk"))


async def echo(request: bytes, context: Any) -> bytes:
    """Answer what was asked."""
    return request


def test_cancelling_is_the_same() -> None:
    """A cancelled call raises CancelledError at its client and cancels the handler's task."""
    told: list[str] = []

    async def waits(request: bytes, context: Any) -> bytes:
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise
        return request

    async def body(address: str) -> Any:
        told.clear()
        async with grpc.aio.insecure_channel(address) as channel:
            call = channel.unary_unary(ECHO)(b"x")
            await asyncio.sleep(0.2)
            found = [
                call.cancel(),
                await atry(call, address),
                call.cancelled(),
                call.done(),
                str(await call.code()),
            ]
            for _ in range(200):
                if told:
                    break
                await asyncio.sleep(0.05)
            return [*found, await call.details(), list(told), call.cancel()]

    fake, real = both(body, {ECHO: grpc.unary_unary_rpc_method_handler(waits)})
    assert fake == real


def test_a_deadline_is_the_same() -> None:
    """A deadline that passes is DEADLINE_EXCEEDED, and cancels the handler."""

    async def slow(request: bytes, context: Any) -> bytes:
        await asyncio.sleep(5)
        return request

    async def body(address: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            return await atry(channel.unary_unary(ECHO)(b"x", timeout=0.2), address)

    fake, real = both(body, {ECHO: grpc.unary_unary_rpc_method_handler(slow)})
    assert fake == real


class Signs(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds metadata to calls."""

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        metadata = grpc.aio.Metadata(("signed-by", "me"))
        signed = grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )
        return await continuation(signed, request)


class Guards(grpc.aio.ServerInterceptor):
    """Lets in who is signed."""

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        if ("signed-by", "me") in [tuple(pair) for pair in details.invocation_metadata]:
            return await continuation(details)

        async def refuse(request: Any, context: Any) -> Any:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"who are you at {details.method}?")

        return grpc.unary_unary_rpc_method_handler(refuse)


def test_interceptors_are_the_same() -> None:
    """Interceptors of clients and of servers work as for real."""

    async def body(address: str) -> Any:
        found = []
        for interceptors in ([Signs()], []):
            async with grpc.aio.insecure_channel(address, interceptors=interceptors) as channel:
                found.append(await atry(channel.unary_unary(ECHO)(b"x"), address))
        return found

    fake, real = both(body, {ECHO: grpc.unary_unary_rpc_method_handler(echo)}, interceptors=[Guards()])
    assert fake == real


def test_a_channel_s_states_are_the_same() -> None:
    """A channel tells its state, becomes ready, and refuses calls once it is closed."""

    async def body(address: str) -> Any:
        channel = grpc.aio.insecure_channel(address)
        found = [str(channel.get_state())]
        await asyncio.wait_for(channel.channel_ready(), 10)
        found.append(str(channel.get_state()))
        method = channel.unary_unary(ECHO)
        await channel.close()
        found.append(str(channel.get_state()))

        async def ask() -> Any:
            return await method(b"x")

        return [*found, await atry(ask(), address)]

    fake, real = both(body, {ECHO: grpc.unary_unary_rpc_method_handler(echo)})
    assert fake == real


def test_closing_a_channel_cancels_its_calls() -> None:
    """What is under way on a channel that closes is cancelled."""

    async def slow(request: bytes, context: Any) -> bytes:
        await asyncio.sleep(20)
        return request

    async def body(address: str) -> Any:
        channel = grpc.aio.insecure_channel(address)
        calls = [channel.unary_unary(ECHO)(b"x") for _ in range(3)]
        await asyncio.sleep(0.1)
        await channel.close()
        return [await atry(call, address) for call in calls]

    fake, real = both(body, {ECHO: grpc.unary_unary_rpc_method_handler(slow)})
    assert fake == real


def test_an_asyncio_client_of_a_server_of_threads() -> None:
    """The two stacks understand each other."""

    def shout(requests: Any, context: Any) -> Any:
        for request in requests:
            yield request.upper()

    async def body(address: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            return [message async for message in channel.stream_stream(TALK)([b"a", b"b"])]

    fake, real = both(body, {TALK: grpc.stream_stream_rpc_method_handler(shout)}, plain=True)
    assert fake == real == [b"A", b"B"]


def test_generators_in_threads_are_the_same() -> None:
    """An asyncio server runs plain generators in its pool, with requests and with answers."""

    def answers(request: bytes, context: Any) -> Any:
        yield request
        yield request * 2

    def adds(requests: Any, context: Any) -> bytes:
        return b"+".join(requests)

    async def body(address: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            found = [message async for message in channel.unary_stream(MANY)(b"a")]
            return [found, await channel.stream_unary(SUM)([b"1", b"2"])]

    handlers = {
        MANY: grpc.unary_stream_rpc_method_handler(answers),
        SUM: grpc.stream_unary_rpc_method_handler(adds),
    }
    fake, real = both(body, handlers)
    assert fake == real


def test_the_limit_of_calls_is_the_same() -> None:
    """An asyncio server with maximum_concurrent_rpcs refuses a call too many."""

    async def slow(request: bytes, context: Any) -> bytes:
        await asyncio.sleep(0.5)
        return request

    async def body(address: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            first = channel.unary_unary(ECHO)(b"x")
            await asyncio.sleep(0.2)
            return [await atry(channel.unary_unary(ECHO)(b"y"), address), await first]

    fake, real = both(body, {ECHO: grpc.unary_unary_rpc_method_handler(slow)}, maximum_concurrent_rpcs=1)
    assert fake == real


def test_a_server_that_stops_is_the_same() -> None:
    """A server that stops breaks off its calls, or lets them end within their grace."""

    async def body(address: str) -> Any:
        found = []
        for grace in (None, 10):
            begun, go_on = asyncio.Event(), asyncio.Event()

            async def slow(request: bytes, context: Any, begun: Any = begun, go_on: Any = go_on) -> bytes:
                begun.set()
                await asyncio.wait_for(go_on.wait(), 20)
                return request

            server = make_aio_server({ECHO: grpc.unary_unary_rpc_method_handler(slow)})
            port = server.add_insecure_port("localhost:0")
            await server.start()
            async with grpc.aio.insecure_channel(f"localhost:{port}") as channel:
                call = channel.unary_unary(ECHO)(b"x")
                await begun.wait()
                stopping = asyncio.create_task(server.stop(grace))
                await asyncio.sleep(0.1)
                go_on.set()
                found.append(await atry(call, address))
                await stopping
            found.append(await server.wait_for_termination(1))
        return found

    fake, real = both(body, {})
    assert fake == real
