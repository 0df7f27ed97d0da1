"""`grpc.aio`: what coroutines see of calls on the mesh is what they see on the loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from tests.parity.grpc.aio_arms import atry, both

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ECHO, MANY, SUM, TALK = (f"/shop.Shop/{name}" for name in ("Echo", "Many", "Sum", "Talk"))


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
