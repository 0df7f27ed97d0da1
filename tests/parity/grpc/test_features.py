"""Interceptors, connectivity, retries, and the life and death of servers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
import pytest

from tests.parity.grpc.arms import attempt, make_server

Both = Callable[..., tuple[Any, Any]]
ECHO, MANY = "/shop.Shop/Echo", "/shop.Shop/Many"


def unary(function: Callable[..., Any]) -> dict[str, Any]:
    """Return handlers with one unary method."""
    return {ECHO: grpc.unary_unary_rpc_method_handler(function)}


def echo(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Answer what was asked."""
    return request


# -- interceptors ---------------------------------------------------------------------------------------


class Signs(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Adds metadata, and looks at the answer."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def _signed(self, details: Any) -> Any:
        signed = (*(details.metadata or ()), ("signed-by", "me"))
        return details._replace(metadata=signed) if hasattr(details, "_replace") else details

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        call = continuation(self._signed(details), request)
        self.seen.append((details.method, str(call.code()), call.exception() is None))
        return call

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        self.seen.append(details.method)
        return continuation(self._signed(details), request)


class Tries(grpc.UnaryUnaryClientInterceptor):
    """Tries once more, as users' retries do: it looks at a failed call as at a future."""

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        call = continuation(details, request)
        return continuation(details, request) if call.code() is grpc.StatusCode.UNAVAILABLE else call


class Guards(grpc.ServerInterceptor):
    """Lets in who is signed."""

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        if ("signed-by", "me") in [tuple(pair) for pair in details.invocation_metadata]:
            return continuation(details)

        def refuse(request: Any, context: grpc.ServicerContext) -> Any:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")

        return grpc.unary_unary_rpc_method_handler(refuse)


def test_interceptors_are_the_same(both: Both) -> None:
    """Interceptors of clients and of servers see and change what they do for real."""

    def body(address: str) -> Any:
        signs = Signs()
        with grpc.insecure_channel(address) as plain:
            channel = grpc.intercept_channel(plain, signs)
            return [
                channel.unary_unary(ECHO)(b"x"),
                channel.unary_unary(ECHO).future(b"y").result(),
                list(channel.unary_stream(MANY)(b"")),
                attempt(lambda: plain.unary_unary(ECHO)(b"x"), address),
                signs.seen,
            ]

    def many(request: bytes, context: grpc.ServicerContext) -> Any:
        yield from (b"1", b"2")

    handlers = {**unary(echo), MANY: grpc.unary_stream_rpc_method_handler(many)}
    fake, real = both(body, handlers, interceptors=[Guards()])
    assert fake == real


def test_an_interceptor_that_tries_again_is_the_same(both: Both) -> None:
    """An interceptor may look at a failed call and make it again."""
    made: list[bytes] = []

    def fails_once(request: bytes, context: grpc.ServicerContext) -> Any:
        made.append(request)
        if len(made) == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return b"%d" % len(made)

    def body(address: str) -> Any:
        made.clear()
        with grpc.insecure_channel(address) as plain:
            return grpc.intercept_channel(plain, Tries()).unary_unary(ECHO)(b"x")

    fake, real = both(body, unary(fails_once))
    assert fake == real == b"2"


# -- channels -------------------------------------------------------------------------------------------


def rest() -> None:
    """Let watchers notice that nobody watches: gRPC looks each 200 ms, and fails if its channel is closed by then."""
    time.sleep(0.5)


def test_connectivity_is_the_same(both: Both) -> None:
    """A watcher of a channel sees it idle, connecting and ready; a ready future is done."""

    def body(address: str) -> Any:
        seen: list[str] = []
        ready = threading.Event()

        def watch(state: grpc.ChannelConnectivity) -> None:
            if not seen or seen[-1] != str(state):
                seen.append(str(state))
            if state is grpc.ChannelConnectivity.READY:
                ready.set()

        with grpc.insecure_channel(address) as channel:
            channel.subscribe(watch, try_to_connect=True)
            there = ready.wait(10)
            grpc.channel_ready_future(channel).result(timeout=10)
            channel.unsubscribe(watch)
            rest()
        # How many of the states in between a watcher sees, the real one does not promise.
        return [there, seen[0], seen[-1]]

    fake, real = both(body, unary(echo))
    assert fake == real


def test_a_channel_that_cannot_connect_is_the_same(both: Both) -> None:
    """A ready future of a channel to nobody times out; its watcher sees a transient failure."""

    def body(address: str) -> Any:
        seen = threading.Event()

        def watch(state: grpc.ChannelConnectivity) -> None:
            if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                seen.set()

        with grpc.insecure_channel(address.rpartition(":")[0] + ":1") as channel:
            channel.subscribe(watch, try_to_connect=True)
            ready = grpc.channel_ready_future(channel)
            found = [seen.wait(10), attempt(lambda: ready.result(timeout=0.2), address), ready.cancel()]
            channel.unsubscribe(watch)
            rest()
        return found

    fake, real = both(body, {})
    assert fake == real


def config(**policy: Any) -> list[tuple[str, Any]]:
    """Return a channel's options with a retry policy for everything."""
    retry = {
        "maxAttempts": 4,
        "initialBackoff": "0.01s",
        "maxBackoff": "0.05s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
        **policy,
    }
    return [("grpc.service_config", json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": retry}]}))]


@pytest.mark.parametrize(
    ("failures", "code", "options"),
    [
        (2, grpc.StatusCode.UNAVAILABLE, config()),
        (9, grpc.StatusCode.UNAVAILABLE, config()),
        (9, grpc.StatusCode.UNAVAILABLE, config(maxAttempts=2)),
        (2, grpc.StatusCode.ABORTED, config()),
        (2, grpc.StatusCode.UNAVAILABLE, [*config(), ("grpc.enable_retries", 0)]),
        (2, grpc.StatusCode.UNAVAILABLE, []),
    ],
)
def test_retries_by_service_config_are_the_same(failures: int, code: Any, options: Any, both: Both) -> None:
    """A retry policy makes as many attempts as for real, and each says which it is."""
    made: list[Any] = []

    def flaky(request: bytes, context: grpc.ServicerContext) -> Any:
        sent = dict(context.invocation_metadata())
        made.append(sent.get("grpc-previous-rpc-attempts"))
        if len(made) <= failures:
            context.abort(code, f"failure {len(made)}")
        return request

    def body(address: str) -> Any:
        made.clear()
        with grpc.insecure_channel(address, options=options) as channel:
            return [attempt(lambda: channel.unary_unary(ECHO)(b"x", timeout=10), address), list(made)]

    fake, real = both(body, unary(flaky))
    assert fake == real


def test_a_timeout_of_the_service_config_is_the_same(both: Both) -> None:
    """A timeout in a service config ends calls that have none of their own."""
    options = [
        (
            "grpc.service_config",
            json.dumps({"methodConfig": [{"name": [{"service": "shop.Shop"}], "timeout": "0.2s"}]}),
        )
    ]

    def slow(request: bytes, context: grpc.ServicerContext) -> bytes:
        time.sleep(1)
        return request

    def body(address: str) -> Any:
        with grpc.insecure_channel(address, options=options) as channel:
            return attempt(lambda: channel.unary_unary(ECHO)(b"x"), address)

    fake, real = both(body, unary(slow))
    assert fake == real


# -- servers --------------------------------------------------------------------------------------------


def host_of(address: str) -> str:
    return address.rpartition(":")[0]


def test_a_server_that_stops_is_the_same(both: Both) -> None:
    """Calls that a stopping server breaks off fail as for real, and so do later ones; with grace they end well."""

    def body(address: str) -> Any:
        begun = threading.Semaphore(0)
        go_on = threading.Event()

        def slow(request: bytes, context: grpc.ServicerContext) -> bytes:
            begun.release()
            go_on.wait(20)
            return request

        found: list[Any] = []
        for grace in (None, 20):
            go_on.clear()
            server = make_server(unary(slow))
            port = server.add_insecure_port("localhost:0")
            server.start()
            with grpc.insecure_channel(f"localhost:{port}") as channel:
                call = channel.unary_unary(ECHO).future(b"x")
                begun.acquire()
                if grace is None:
                    threading.Timer(0.3, go_on.set).start()
                    server.stop(grace).wait()
                    found.append(attempt(call.result, address))
                else:
                    stopped = server.stop(grace)
                    go_on.set()
                    found += [attempt(call.result, address), stopped.wait(20)]
                found.append(attempt(lambda: channel.unary_unary(ECHO)(b"y", timeout=5), address)[1])
        return found

    fake, real = both(body, {})
    assert fake == real


def test_the_limit_of_calls_is_the_same(both: Both) -> None:
    """With maximum_concurrent_rpcs a call too many is refused with gRPC's own words."""
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slow(request: bytes, context: grpc.ServicerContext) -> bytes:
        begun.release()
        go_on.wait(20)
        return request

    def body(address: str) -> Any:
        go_on.clear()
        with grpc.insecure_channel(address) as channel:
            first = channel.unary_unary(ECHO).future(b"x")
            begun.acquire()
            second = attempt(lambda: channel.unary_unary(ECHO)(b"y"), address)
            go_on.set()
            return [second, first.result()]

    fake, real = both(body, unary(slow), maximum_concurrent_rpcs=1)
    assert fake == real


def test_waiting_for_a_server_that_comes_later_is_the_same(both: Both) -> None:
    """A call that waits for ready is made once a server listens."""

    def body(address: str) -> Any:
        probe = grpc.server(futures.ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
        port = probe.add_insecure_port("localhost:0")
        probe.start()
        probe.stop(None).wait()
        options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 200)]
        with grpc.insecure_channel(f"localhost:{port}", options=options) as channel:
            call = channel.unary_unary(ECHO).future(b"x", wait_for_ready=True, timeout=20)
            time.sleep(0.3)
            server = make_server(unary(echo))
            server.add_insecure_port(f"localhost:{port}")
            server.start()
            found = attempt(call.result, address)
            server.stop(None).wait()
        return found

    fake, real = both(body, {})
    assert fake == real == b"x"
