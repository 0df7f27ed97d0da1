"""`grpc.aio`: what coroutines see on the mesh is what they see on the loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent import futures
from typing import Any

import grpc
import grpc.aio
import pytest

from meshsim.world import World
from tests.parity.grpc.arms import Methods, describe, make_server

ECHO, MANY, SUM, TALK, READ = (f"/shop.Shop/{name}" for name in ("Echo", "Many", "Sum", "Talk", "Read"))
Body = Callable[[str], Awaitable[Any]]


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


async def echo(request: bytes, context: Any) -> bytes:
    """Answer what was asked."""
    return request


async def raises(request: bytes, context: Any) -> Any:
    raise ValueError("sold out")


async def aborts(request: bytes, context: Any) -> Any:
    context.set_trailing_metadata((("why", "stock"),))
    await context.abort(grpc.StatusCode.NOT_FOUND, "no such sku")


async def sets_code(request: bytes, context: Any) -> bytes:
    context.set_code(grpc.StatusCode.FAILED_PRECONDITION)
    context.set_details("later")
    return b"ignored"


async def talks_metadata(request: bytes, context: Any) -> bytes:
    await context.send_initial_metadata((("first", "1"),))
    context.set_trailing_metadata((("last", "2"),))
    kept = [tuple(pair) for pair in context.invocation_metadata() if pair[0] != "user-agent"]
    return repr((kept, context.time_remaining(), context.code(), context.details())).encode()


async def sends_metadata_twice(request: bytes, context: Any) -> bytes:
    await context.send_initial_metadata((("first", "1"),))
    await context.send_initial_metadata((("first", "2"),))
    return request


async def many(request: bytes, context: Any) -> AsyncIterator[bytes]:
    for number in range(int(request)):
        yield b"%d" % number


async def many_then_abort(request: bytes, context: Any) -> AsyncIterator[bytes]:
    yield b"0"
    await context.abort(grpc.StatusCode.DATA_LOSS, "gone")


async def writes(request: bytes, context: Any) -> None:
    await context.write(b"w0")
    await context.write(b"w1")


async def total(requests: Any, context: Any) -> bytes:
    return b",".join([request async for request in requests])


async def talk(requests: Any, context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request.upper()


async def reads(_requests: Any, context: Any) -> None:
    while (request := await context.read()) is not grpc.aio.EOF:
        await context.write(request)


def in_a_thread(request: bytes, context: Any) -> bytes:
    context.set_trailing_metadata((("last", "2"),))
    return request + b"!"


def aborts_in_a_thread(request: bytes, context: Any) -> Any:
    context.abort(grpc.StatusCode.NOT_FOUND, "no such sku")


UNARY = {
    "answer": echo,
    "raise": raises,
    "abort": aborts,
    "set code": sets_code,
    "metadata": talks_metadata,
    "metadata twice": sends_metadata_twice,
    "in a thread": in_a_thread,
    "abort in a thread": aborts_in_a_thread,
}


@pytest.mark.parametrize("name", UNARY)
def test_a_unary_call_is_the_same(name: str) -> None:
    """A call of one message each way gives the same reply, status, text and metadata."""

    async def body(address: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            call = channel.unary_unary(ECHO)(b"x", metadata=(("who", "me"),))
            found = [await atry(call, address), str(await call.code()), await call.details(), call.done()]
            initial, trailing = await call.initial_metadata(), await call.trailing_metadata()
            return [*found, list(initial), list(trailing)]

    fake, real = both(body, {ECHO: grpc.unary_unary_rpc_method_handler(UNARY[name])})
    assert fake == real


@pytest.mark.parametrize(
    "serializers",
    [{"request_deserializer": lambda raw: 1 / 0}, {"response_serializer": lambda raw: 1 / 0}],
)
def test_a_server_s_broken_serializer_is_the_same(serializers: Any) -> None:
    """A serializer that raises in an asyncio server ends the call with the library's own words."""

    async def body(address: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            return await atry(channel.unary_unary(ECHO)(b"x"), address)

    fake, real = both(body, {ECHO: grpc.unary_unary_rpc_method_handler(echo, **serializers)})
    assert fake == real


def test_a_method_that_nobody_has_is_the_same() -> None:
    """An asyncio server answers UNIMPLEMENTED for a method that it does not have."""

    async def body(address: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            return await atry(channel.unary_unary(ECHO)(b"x"), address)

    fake, real = both(body, {})
    assert fake == real


@pytest.mark.parametrize("handler", [many, many_then_abort, writes])
def test_an_answer_of_many_messages_is_the_same(handler: Any) -> None:
    """A stream of answers can be iterated, and read message by message, to the same end."""

    async def iterated(channel: Any, address: str) -> Any:
        call, found = channel.unary_stream(MANY)(b"3"), []

        async def drain() -> None:
            async for message in call:
                found.append(message)  # noqa: PERF401 - what came before an error is part of it

        return [await atry(drain(), address), found, str(await call.code())]

    async def read(channel: Any, address: str) -> Any:
        call = channel.unary_stream(MANY)(b"3")
        return [await call.read(), await call.read() if handler is not many_then_abort else None]

    async def body(address: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            return [await iterated(channel, address), await read(channel, address)]

    fake, real = both(body, {MANY: grpc.unary_stream_rpc_method_handler(handler)})
    assert fake == real


def test_requests_of_many_messages_are_the_same() -> None:
    """Requests can come from a list, a generator, or be written one by one."""

    async def asks() -> AsyncIterator[bytes]:
        yield b"1"
        yield b"2"

    async def body(address: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            method = channel.stream_unary(SUM)
            written = method()
            await written.write(b"5")
            await written.write(b"6")
            await written.done_writing()
            return [await method([b"1", b"2"]), await method(asks()), await written]

    fake, real = both(body, {SUM: grpc.stream_unary_rpc_method_handler(total)})
    assert fake == real


@pytest.mark.parametrize("handler", [talk, reads])
def test_a_conversation_is_the_same(handler: Any) -> None:
    """Both sides can write and read in turn."""

    async def body(address: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            call = channel.stream_stream(TALK)()
            heard = []
            for word in (b"a", b"b"):
                await call.write(word)
                heard.append(await call.read())
            await call.done_writing()
            heard.append(str(await call.read()))
            return [heard, str(await call.code())]

    fake, real = both(body, {TALK: grpc.stream_stream_rpc_method_handler(handler)})
    assert fake == real


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
            found = [call.cancel(), await atry(call, address), call.cancelled(), call.done(), str(await call.code())]
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
