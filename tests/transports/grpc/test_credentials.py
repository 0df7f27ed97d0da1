"""Credentials: accepted on channels and ports; a call's own reach its server as metadata."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from meshsim.world import World
from tests.parity.grpc.arms import make_server

if TYPE_CHECKING:
    from collections.abc import Iterator

ECHO = "/shop.Shop/Echo"


@pytest.fixture
def mesh() -> Iterator[World]:
    """A world with a service that answers with the tokens it was sent."""

    def serve() -> Any:
        def tokens(request: bytes, context: grpc.ServicerContext) -> bytes:
            sent = [value for key, value in context.invocation_metadata() if key == "authorization"]
            return ",".join(map(str, sent)).encode()

        server = make_server({ECHO: grpc.unary_unary_rpc_method_handler(tokens)})
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    with World(seed=1).service("svc", grpc=serve) as opened:
        yield opened


def secure(*calls: Any) -> grpc.ChannelCredentials:
    """Return channel credentials, with call credentials for every call."""
    channel = grpc.ssl_channel_credentials()
    return grpc.composite_channel_credentials(channel, *calls) if calls else channel


def test_call_credentials_reach_the_server(mesh: World) -> None:
    """A token of the channel's and one of the call's are sent with a call, also as a future."""
    one, other = grpc.access_token_call_credentials("one"), grpc.access_token_call_credentials("other")
    with grpc.secure_channel("svc:50051", secure(one)) as channel:
        method = channel.unary_unary(ECHO)
        assert method(b"") == b"Bearer one"
        assert method(b"", credentials=other) == b"Bearer one,Bearer other"
        assert method.future(b"", credentials=other).result() == b"Bearer one,Bearer other"


def test_call_credentials_reach_the_server_from_a_coroutine(mesh: World) -> None:
    """The same from asyncio."""

    async def ask() -> Any:
        one = grpc.access_token_call_credentials("one")
        async with grpc.aio.secure_channel("svc:50051", secure(one)) as channel:
            return await channel.unary_unary(ECHO)(b"", credentials=grpc.access_token_call_credentials("x"))

    assert asyncio.run(ask()) == b"Bearer one,Bearer x"


def test_a_plugin_is_told_of_the_call_and_may_fail(mesh: World) -> None:
    """A plugin sees what is called; what it raises ends the call."""
    seen: list[Any] = []

    def plugin(context: Any, callback: Any) -> None:
        seen.append((context.service_url, context.method_name))
        raise ValueError("no key")

    credentials = grpc.metadata_call_credentials(plugin)
    with grpc.secure_channel("svc:50051", secure()) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(ECHO)(b"", credentials=credentials)
    assert seen == [("https://svc:50051/shop.Shop", "Echo")]
    assert caught.value.details() == "Getting metadata from plugin failed with error: no key"


def test_a_plain_channel_passes_no_credentials_on(mesh: World) -> None:
    """Call credentials on a channel without TLS are refused, as they are for real."""
    with grpc.insecure_channel("svc:50051") as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(ECHO)(b"", credentials=grpc.access_token_call_credentials("one"))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
