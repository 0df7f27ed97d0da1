"""Streams: what both ends see on the mesh is what they see on the loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from tests.parity.grpc.arms import attempt

Both = Callable[..., tuple[Any, Any]]
MANY, SUM, TALK = "/shop.Shop/Many", "/shop.Shop/Sum", "/shop.Shop/Talk"


def many(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    """Answer with as many messages as the request says."""
    context.send_initial_metadata((("first", "1"),))
    for number in range(int(request)):
        yield b"%d" % number
    context.set_trailing_metadata((("last", "2"),))


def many_then_raise(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    yield b"0"
    raise ValueError("sold out")


def many_then_abort(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    yield b"0"
    context.abort(grpc.StatusCode.DATA_LOSS, "gone")


def total(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    """Answer with all that was sent."""
    return b",".join(requests)


def first_only(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    """Answer without reading on."""
    return next(requests)


def talk(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    """Answer each message."""
    for request in requests:
        yield request.upper()


def never(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    """Answer once, and then wait until nobody listens."""
    gone = threading.Event()
    context.add_callback(gone.set)
    yield b"0"
    gone.wait(20)


def to_many(function: Callable[..., Any]) -> dict[str, Any]:
    return {MANY: grpc.unary_stream_rpc_method_handler(function)}


def drained(call: Any, address: str) -> Any:
    """Return all that comes of a stream, and how it ends."""
    found: list[Any] = []
    ending = attempt(lambda: found.extend(call), address)
    return [found, ending, str(call.code()), call.initial_metadata(), call.trailing_metadata()]


@pytest.mark.parametrize("handler", [many, many_then_raise, many_then_abort])
def test_an_answer_of_many_messages_is_the_same(handler: Any, both: Both) -> None:
    """A stream of answers brings the same messages in order, and ends in the same way."""

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            return drained(channel.unary_stream(MANY)(b"5"), address)

    fake, real = both(body, to_many(handler))
    assert fake == real


@pytest.mark.parametrize("handler", [total, first_only])
def test_a_request_of_many_messages_is_the_same(handler: Any, both: Both) -> None:
    """A stream of requests is answered the same, blocking, with its call, and as a future."""

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            method = channel.stream_unary(SUM)
            reply, known = method.with_call(iter([b"1", b"2", b"3"]))
            return [
                method(iter([b"1", b"2", b"3"])),
                reply,
                str(known.code()),
                method.future(iter([b"4"])).result(),
            ]

    fake, real = both(body, {SUM: grpc.stream_unary_rpc_method_handler(handler)})
    assert fake == real


def test_a_conversation_is_the_same(both: Both) -> None:
    """Both sides of a conversation can wait for each other's next message."""

    def body(address: str) -> Any:
        answered = threading.Semaphore(0)

        def asks() -> Iterator[bytes]:
            for word in (b"a", b"b", b"c"):
                yield word
                answered.acquire(timeout=10)

        heard = []
        with grpc.insecure_channel(address) as channel:
            for answer in channel.stream_stream(TALK)(asks()):
                heard.append(answer)
                answered.release()
        return heard

    fake, real = both(body, {TALK: grpc.stream_stream_rpc_method_handler(talk)})
    assert fake == real == [b"A", b"B", b"C"]


def test_a_request_iterator_that_raises_is_the_same(both: Both) -> None:
    """A generator of requests that raises ends the call at its client with gRPC's own words."""

    def asks() -> Iterator[bytes]:
        yield b"a"
        raise ValueError("no more ideas")

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            return attempt(lambda: list(channel.stream_stream(TALK)(asks())), address)[:3]

    fake, real = both(body, {TALK: grpc.stream_stream_rpc_method_handler(talk)})
    assert fake == real


def test_a_cancelled_stream_is_the_same(both: Both) -> None:
    """A stream that its client cancels ends there as CANCELLED, and its server's callbacks are called."""
    over = threading.Semaphore(0)

    def waits(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        gone = threading.Event()
        context.add_callback(gone.set)
        context.add_callback(over.release)
        yield b"0"
        gone.wait(20)

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            call = channel.unary_stream(MANY)(b"")
            found = [next(call), call.cancel(), attempt(lambda: next(call), address)[:3], call.cancelled()]
            return [*found, call.is_active(), over.acquire(timeout=10)]

    fake, real = both(body, to_many(waits))
    assert fake == real
    assert real[-1]


def test_a_deadline_in_a_stream_is_the_same(both: Both) -> None:
    """A stream whose deadline passes ends as DEADLINE_EXCEEDED behind the messages that had come."""

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            call = channel.unary_stream(MANY)(b"", timeout=0.3)
            first = next(call)
            return [first, attempt(lambda: next(call), address)[1:3], call.time_remaining()]

    fake, real = both(body, to_many(never))
    assert fake == real


def test_a_forgotten_stream_is_cancelled(both: Both) -> None:
    """A stream that its client drops is cancelled at its server."""
    over = threading.Semaphore(0)

    def waits(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        context.add_callback(over.release)
        yield b"0"
        time.sleep(0.2)

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            call = channel.unary_stream(MANY)(b"")
            next(call)
            del call
            return over.acquire(timeout=10)

    fake, real = both(body, to_many(waits))
    assert fake == real


def test_a_fast_sender_is_held_up(both: Both) -> None:
    """A server that sends faster than its client reads has to wait, and nothing is lost."""
    sent: list[int] = []

    def floods(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        sent.clear()
        for number in range(64):
            sent.append(number)
            yield b"x" * 262_144

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            call = channel.unary_stream(MANY)(b"")
            next(call)
            time.sleep(0.5)
            held = len(sent) < 64
            return [held, sum(len(message) for message in call)]

    fake, real = both(body, to_many(floods))
    assert fake == real == [True, 63 * 262_144]


def test_a_fast_client_is_held_up(both: Both) -> None:
    """A client that sends faster than its server reads has to wait, and nothing is lost."""
    may_read = threading.Event()

    def reads_late(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        may_read.wait(20)
        return b"%d" % sum(len(request) for request in requests)

    def body(address: str) -> Any:
        may_read.clear()
        asked: list[int] = []

        def asks() -> Iterator[bytes]:
            for number in range(64):
                asked.append(number)
                yield b"x" * 262_144

        with grpc.insecure_channel(address) as channel:
            call = channel.stream_unary(SUM).future(asks())
            time.sleep(0.5)
            held = len(asked) < 64
            may_read.set()
            return [held, call.result(timeout=20)]

    fake, real = both(body, {SUM: grpc.stream_unary_rpc_method_handler(reads_late)})
    assert fake == real == [True, b"%d" % (64 * 262_144)]


@pytest.mark.parametrize("kind", ["None", "serializer"])
def test_a_stream_s_broken_answer_is_the_same(kind: str, both: Both) -> None:
    """An answer that cannot be written, in the middle of a stream, ends it in the same way."""

    def answers(request: bytes, context: grpc.ServicerContext) -> Iterator[Any]:
        yield b"0"
        yield b"1" if kind == "serializer" else None

    def writes(message: bytes) -> bytes:
        return message if message == b"0" else 1 / 0  # type: ignore[return-value]  # that it fails is the point

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            return drained(channel.unary_stream(MANY)(b""), address)

    handlers = {MANY: grpc.unary_stream_rpc_method_handler(answers, response_serializer=writes)}
    fake, real = both(body, handlers)
    assert fake == real


def test_the_single_threaded_stream_is_the_same(both: Both) -> None:
    """The experimental stream without a thread of its own brings the same."""
    options = [(grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)]

    def body(address: str) -> Any:
        with grpc.insecure_channel(address, options=options) as channel:
            return drained(channel.unary_stream(MANY)(b"3"), address)

    fake, real = both(body, to_many(many))
    assert fake == real
