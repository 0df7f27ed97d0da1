"""Pollers and asyncio."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio

from tests.parity.zeromq.sockets import bound, connected, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.parity.zeromq.sockets import Context

pytestmark = pytest.mark.usefixtures("arm")
PATIENCE_S = 10


def test_a_poller_tells_what_is_ready(ctx: Context) -> None:
    """A Poller returns the sockets that are ready, in the order in which they were registered, with their events."""
    one, one_address = bound(ctx, zmq.PULL)
    two, two_address = bound(ctx, zmq.PULL)
    push = connected(ctx, zmq.PUSH, one_address, two_address)
    poller = zmq.Poller()
    poller.register(two, zmq.POLLIN)
    poller.register(one, zmq.POLLIN)
    poller.register(push, zmq.POLLOUT)
    settle(ctx)
    assert poller.poll(0) == [(push, zmq.POLLOUT)]
    push.send(b"1")
    push.send(b"2")
    settle(ctx)
    assert poller.poll(1000) == [(two, zmq.POLLIN), (one, zmq.POLLIN), (push, zmq.POLLOUT)]
    poller.unregister(push)
    one.recv()
    assert dict(poller.poll()) == {two: zmq.POLLIN}
    poller.modify(two, 0)
    assert poller.poll(20) == []
    assert two not in poller
    assert (two.poll(0), one.poll(10), push.poll(0, zmq.POLLIN | zmq.POLLOUT)) == (zmq.POLLIN, 0, zmq.POLLOUT)


def test_a_poll_takes_its_time_and_no_more(arm: str, ctx: Context) -> None:
    """A poll without events returns after its timeout, one with events at once."""
    pull, address = bound(ctx, zmq.PULL)
    push = connected(ctx, zmq.PUSH, address)
    begun = time.monotonic()
    assert pull.poll(200) == 0
    assert time.monotonic() - begun > 0.19
    assert arm == "libzmq" or time.monotonic() - begun < 0.21
    threading.Timer(0.1, push.send, [b"x"]).start()
    begun = time.monotonic()
    assert pull.poll(5000) == zmq.POLLIN
    assert time.monotonic() - begun > 0.09
    assert arm == "libzmq" or time.monotonic() - begun < 0.11


def test_select_sorts_by_what_was_asked(ctx: Context) -> None:
    """zmq.select returns three lists, as select.select does."""
    pull, address = bound(ctx, zmq.PULL)
    push = connected(ctx, zmq.PUSH, address)
    assert zmq.select([pull], [push], [pull], 0.2) == ([], [push], [])
    push.send(b"x")
    settle(ctx)
    assert zmq.select([pull, push], [], [], 1) == ([pull], [], [])


def test_events_follow_the_turns(ctx: Context) -> None:
    """REQ and REP are ready for what their turn allows, and for nothing else."""
    rep, address = bound(ctx, zmq.REP)
    req = connected(ctx, zmq.REQ, address)
    both = zmq.POLLIN | zmq.POLLOUT
    settle(ctx)
    seen = [req.poll(50, both), rep.poll(0, both)]
    req.send(b"q")
    settle(ctx)
    seen += [req.poll(0, both), rep.poll(50, both)]
    rep.recv()
    seen += [rep.poll(0, both)]
    rep.send(b"a")
    settle(ctx)
    seen += [req.poll(50, both), rep.poll(0, both)]
    assert seen == [zmq.POLLOUT, 0, 0, zmq.POLLIN, zmq.POLLOUT, zmq.POLLIN, 0]


def run(main: Callable[[zmq.asyncio.Context], Awaitable[Any]]) -> Any:
    """Run a coroutine with an asyncio context, which is destroyed at its end."""

    async def inside() -> Any:
        context = zmq.asyncio.Context()
        kept: list[Any] = []
        make = context.socket

        def socket(*args: Any) -> Any:
            kept.append(make(*args))
            return kept[-1]

        context.__dict__["socket"] = socket
        try:
            return await asyncio.wait_for(main(context), PATIENCE_S)
        finally:
            context.destroy(linger=0)

    return asyncio.run(inside())


def test_asyncio_requests_and_replies(ctx: Context) -> None:
    """Coroutines talk over zmq.asyncio sockets, and other coroutines run meanwhile."""
    assert ctx is not None

    async def main(context: zmq.asyncio.Context) -> list[Any]:
        rep, address = bound(context, zmq.REP)
        req = connected(context, zmq.REQ, address)
        seen: list[Any] = []

        async def serve() -> None:
            for _ in range(3):
                await rep.send_multipart([b"re", *await rep.recv_multipart()])

        async def tick() -> None:
            await asyncio.sleep(0.05)
            seen.append("tick")

        server, ticker = asyncio.ensure_future(serve()), asyncio.ensure_future(tick())
        for number in range(3):
            await req.send(b"%d" % number)
            seen.append(await req.recv_multipart())
        await ticker
        await server
        await req.send_json({"a": 1})
        seen.append(await rep.recv_json())
        await rep.send_string("done")
        seen.append(await req.recv_string())
        return seen

    seen = run(main)
    seen.remove("tick")
    assert seen == [[b"re", b"0"], [b"re", b"1"], [b"re", b"2"], {"a": 1}, "done"]


def test_asyncio_timeouts_and_cancels(ctx: Context) -> None:
    """RCVTIMEO gives Again in a coroutine, and a cancelled receive loses nothing."""
    assert ctx is not None

    async def main(context: zmq.asyncio.Context) -> list[Any]:
        pull, address = bound(context, zmq.PULL, rcvtimeo=50)
        push = connected(context, zmq.PUSH, address)
        seen: list[Any] = []
        try:
            await pull.recv()
        except zmq.Again as error:
            seen.append(error.errno)
        pull.rcvtimeo = -1
        waiting = asyncio.ensure_future(pull.recv())
        await asyncio.sleep(0.02)
        waiting.cancel()
        await asyncio.sleep(0.02)
        await push.send(b"kept")
        seen.append(await pull.recv())
        seen.append(await pull.poll(20))
        await push.send(b"1")
        seen.append(await pull.poll(2000))
        poller = zmq.asyncio.Poller()
        poller.register(pull, zmq.POLLIN)
        poller.register(push, zmq.POLLOUT)
        seen.append([events for _, events in await poller.poll(1000)])
        seen.append(await pull.recv())
        try:
            pull.getsockopt(9999)
        except zmq.ZMQError as error:
            seen.append(error.errno)
        return seen

    assert run(main) == [zmq.EAGAIN, b"kept", 0, zmq.POLLIN, [zmq.POLLIN, zmq.POLLOUT], b"1", 22]


def test_asyncio_sends_wait_for_room(ctx: Context) -> None:
    """A send that finds the queue full goes on when there is room; many receive in order."""
    assert ctx is not None

    async def main(context: zmq.asyncio.Context) -> list[bytes]:
        pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        pull.rcvhwm = push.sndhwm = 2
        pull.bind("inproc://narrow")
        push.connect("inproc://narrow")

        async def send() -> None:
            for number in range(20):
                await push.send(b"%d" % number)

        sender = asyncio.ensure_future(send())
        await asyncio.sleep(0.05)
        assert not sender.done()
        got = [await pull.recv() for _ in range(20)]
        await sender
        return got

    assert run(main) == [b"%d" % number for number in range(20)]


def test_a_shadow_is_the_same_socket(ctx: Context) -> None:
    """A socket made from another one shares its messages: blocking from asyncio and back."""
    assert ctx is not None

    async def main(context: zmq.asyncio.Context) -> Any:
        pull, address = bound(context, zmq.PULL)
        push = connected(context, zmq.PUSH, address)
        plain = zmq.Socket(push)
        plain.send(b"from the shadow")
        got = await pull.recv()
        other: Any = zmq.Context(context)
        assert other.underlying == context.underlying
        return got, type(plain) is zmq.Socket

    assert run(main) == (b"from the shadow", True)
