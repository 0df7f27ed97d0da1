"""Unary calls: what a client gets on the mesh is what it gets on the loopback."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from tests.parity.grpc.arms import Body, attempt

Both = Callable[..., tuple[Any, Any]]
ECHO = "/shop.Shop/Echo"


def unary(function: Callable[..., Any], **serializers: Any) -> dict[str, Any]:
    """Return handlers with one unary method."""
    return {ECHO: grpc.unary_unary_rpc_method_handler(function, **serializers)}


def echo(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Answer what was asked."""
    return request


def raises(request: bytes, context: grpc.ServicerContext) -> Any:
    raise ValueError("sold out")


def aborts(request: bytes, context: grpc.ServicerContext) -> Any:
    context.set_trailing_metadata((("why", "stock"), ("blob-bin", b"\x00\xff")))
    context.abort(grpc.StatusCode.NOT_FOUND, "no such sku")


def sets_code(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.set_code(grpc.StatusCode.FAILED_PRECONDITION)
    context.set_details("later")
    return b"ignored"


def talks_metadata(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.send_initial_metadata((("first", "1"),))
    context.set_trailing_metadata((("last", "2"),))
    kept = [(key, value) for key, value in context.invocation_metadata() if key != "user-agent"]
    return repr(kept).encode()


def cancels(request: bytes, context: grpc.ServicerContext) -> Any:
    context.cancel()


def knows_time(request: bytes, context: grpc.ServicerContext) -> bytes:
    return repr((context.time_remaining() > 1e6, context.is_active(), context.peer_identities())).encode()


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "answer": (unary(echo), {}),
    "raise": (unary(raises), {}),
    "abort": (unary(aborts), {}),
    "set code": (unary(sets_code), {}),
    "metadata": (unary(talks_metadata), {"metadata": (("who", "me"), ("raw-bin", b"\x01"))}),
    "cancel by the server": (unary(cancels), {}),
    "None": (unary(lambda request, context: None), {}),
    "no method": ({}, {}),
    "no deadline": (unary(knows_time), {}),
    "deadline in the past": (unary(echo), {"timeout": -1}),
    "request not to be read": (unary(echo, request_deserializer=lambda raw: 1 / 0), {}),
    "reply not to be written": (unary(echo, response_serializer=lambda raw: 1 / 0), {}),
    "bad metadata key": (unary(echo), {"metadata": (("BAD KEY", "x"),)}),
    "bad metadata value": (unary(echo), {"metadata": (("ok", "a\nb"),)}),
    "metadata that is no text": (unary(echo), {"metadata": (("ok", 5),)}),
    "compression": (unary(echo), {"compression": grpc.Compression.Gzip}),
    "too large for the server": (unary(echo), {"request": b"x" * 4_194_305}),
    "call credentials without TLS": (
        unary(echo),
        {"credentials": grpc.access_token_call_credentials("secret")},
    ),
}


def asking(**call: Any) -> Body:
    """Return a body that makes one call in each of the three ways."""
    request = call.pop("request", b"sku a-1")

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            method = channel.unary_unary(ECHO)

            def with_call() -> Any:
                reply, known = method.with_call(request, **call)
                return reply, known.initial_metadata(), known.trailing_metadata(), known.code()

            return [
                attempt(lambda: method(request, **call), address),
                attempt(with_call, address),
                attempt(lambda: method.future(request, **call).result(), address),
            ]

    return body


@pytest.mark.parametrize("name", CASES)
def test_a_call_ends_as_on_the_loopback(name: str, both: Both) -> None:
    """A unary call, blocking, with its call or as a future, gives the same reply, status, text and metadata."""
    handlers, call = CASES[name]
    fake, real = both(asking(**call), handlers)
    assert fake == real


def test_a_deadline_that_passes_is_the_same(both: Both) -> None:
    """A handler that is too slow ends in DEADLINE_EXCEEDED at its client, on the mesh as on the loopback."""

    def slow(request: bytes, context: grpc.ServicerContext) -> bytes:
        time.sleep(1)
        return request

    fake, real = both(asking(timeout=0.2), unary(slow))
    assert fake == real
    assert fake[0][1] == "StatusCode.DEADLINE_EXCEEDED"


@pytest.mark.parametrize(
    "options",
    [
        [("grpc.max_send_message_length", 5)],
        [("grpc.max_receive_message_length", 5)],
    ],
)
def test_a_client_s_own_limits_are_the_same(options: list[tuple[str, int]], both: Both) -> None:
    """A message above what the channel allows fails with core's own words."""

    def body(address: str) -> Any:
        with grpc.insecure_channel(address, options=options) as channel:
            return channel.unary_unary(ECHO)(b"sku a-1")

    fake, real = both(body, unary(echo))
    assert fake == real
    assert fake[1] == "StatusCode.RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("side", ["request_serializer", "response_deserializer"])
def test_a_client_s_broken_serializer_is_the_same(side: str, both: Both) -> None:
    """A serializer that raises at the client ends the call at the same place with the same words."""

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            return channel.unary_unary(ECHO, **{side: lambda raw: 1 / 0})(b"sku a-1")

    fake, real = both(body, unary(echo))
    assert fake == real
    assert fake[1] == "StatusCode.INTERNAL"


def test_a_closed_channel_is_the_same(both: Both) -> None:
    """A closed channel refuses calls with a ValueError, and what was under way on it is cancelled."""

    def waits(request: bytes, context: grpc.ServicerContext) -> bytes:
        time.sleep(0.3)
        return request

    def body(address: str) -> Any:
        channel = grpc.insecure_channel(address)
        method = channel.unary_unary(ECHO)
        open_call = method.future(b"x")
        channel.close()
        return [
            attempt(open_call.result, address),
            str(open_call.code()),
            open_call.details(),
            attempt(lambda: method(b"x"), address),
            attempt(lambda: method.future(b"x"), address),
        ]

    fake, real = both(body, unary(waits))
    assert fake == real


def test_a_port_where_nobody_listens_is_the_same(both: Both) -> None:
    """A refused connection is UNAVAILABLE at once, and with wait_for_ready a deadline that passes."""

    def body(address: str) -> Any:
        nobody = address.rpartition(":")[0] + ":1"
        with grpc.insecure_channel(nobody) as channel:
            method = channel.unary_unary(ECHO)
            found = [
                attempt(lambda: method(b"x"), address),
                attempt(lambda: method(b"x", wait_for_ready=True, timeout=0.2), address),
            ]
        # Who could not be reached is an address, and the mesh has other ones.
        return [[*one[:2], one[2].rpartition(": ")[2]] for one in found]

    fake, real = both(body, {})
    assert fake == real


def test_a_future_is_the_same(both: Both) -> None:
    """A future tells that it runs, waits, times out, is cancelled and calls back as on the loopback."""

    def slow(request: bytes, context: grpc.ServicerContext) -> bytes:
        time.sleep(0.4)
        return request

    def body(address: str) -> Any:
        with grpc.insecure_channel(address) as channel:
            method = channel.unary_unary(ECHO)
            first, second = method.future(b"1"), method.future(b"2")
            called: list[Any] = []
            second.add_done_callback(lambda done: called.append(done.result()))
            found = [first.running(), first.done(), attempt(lambda: first.result(timeout=0.05), address)]
            found += [first.cancel(), first.cancelled(), first.done(), attempt(first.result, address)]
            found += [
                str(first.code()),
                first.details(),
                second.result(),
                second.exception(),
                second.traceback(),
            ]
            time.sleep(0.1)
            return [*found, called, second.cancel(), str(second.code())]

    fake, real = both(body, unary(slow))
    assert fake == real


def test_the_same_port_twice_is_the_same(both: Both) -> None:
    """A port that is taken, and an address that is none, fail as they do for real."""

    def body(address: str) -> Any:
        from concurrent import futures

        options = [("grpc.so_reuseport", 0)]
        one = grpc.server(futures.ThreadPoolExecutor(1), options=options)
        port = one.add_insecure_port("127.0.0.1:0")
        other = grpc.server(futures.ThreadPoolExecutor(1), options=options)
        taken = attempt(lambda: other.add_insecure_port(f"127.0.0.1:{port}"), str(port))
        nonsense = attempt(lambda: other.add_insecure_port("nonsense:5"), address)
        taken[1] = taken[1].replace(str(port), "*")
        return [port > 0, taken, nonsense]

    fake, real = both(body, {})
    assert fake == real
