"""Pollers, asyncio, monitors and proxies."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio
import zmq.devices
from zmq.utils.monitor import recv_monitor_message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Context = zmq.Context[zmq.Socket[bytes]]

pytestmark = pytest.mark.usefixtures("arm")
SETTLED_S = 0.15
PATIENCE_S = 10


def bound(ctx: Any, kind: int, **options: Any) -> tuple[Any, str]:
    socket = ctx.socket(kind)
    for name, value in options.items():
        setattr(socket, name, value)
    return socket, f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"


def connected(ctx: Any, kind: int, *addresses: str, **options: Any) -> Any:
    socket = ctx.socket(kind)
    for name, value in options.items():
        setattr(socket, name, value)
    for address in addresses:
        socket.connect(address)
    return socket


def test_a_poller_tells_what_is_ready(ctx: Context) -> None:
    """A Poller returns the sockets that are ready, in the order in which they were registered, with their events."""
    one, one_address = bound(ctx, zmq.PULL)
    two, two_address = bound(ctx, zmq.PULL)
    push = connected(ctx, zmq.PUSH, one_address, two_address)
    poller = zmq.Poller()
    poller.register(two, zmq.POLLIN)
    poller.register(one, zmq.POLLIN)
    poller.register(push, zmq.POLLOUT)
    time.sleep(SETTLED_S)
    assert poller.poll(0) == [(push, zmq.POLLOUT)]
    push.send(b"1")
    push.send(b"2")
    time.sleep(SETTLED_S)
    assert poller.poll(1000) == [(two, zmq.POLLIN), (one, zmq.POLLIN), (push, zmq.POLLOUT)]
    poller.unregister(push)
    one.recv()
    assert dict(poller.poll()) == {two: zmq.POLLIN}
    poller.modify(two, 0)
    assert poller.poll(20) == []
    assert two not in poller
    assert (two.poll(0), one.poll(10), push.poll(0, zmq.POLLIN | zmq.POLLOUT)) == (zmq.POLLIN, 0, zmq.POLLOUT)


def test_a_poll_takes_its_time_and_no_more(ctx: Context) -> None:
    """A poll without events returns after its timeout, one with events at once."""
    pull, address = bound(ctx, zmq.PULL)
    push = connected(ctx, zmq.PUSH, address)
    begun = time.monotonic()
    assert pull.poll(200) == 0
    assert 0.19 < time.monotonic() - begun < 1.5
    threading.Timer(0.1, push.send, [b"x"]).start()
    begun = time.monotonic()
    assert pull.poll(5000) == zmq.POLLIN
    assert 0.09 < time.monotonic() - begun < 2


def test_select_sorts_by_what_was_asked(ctx: Context) -> None:
    """zmq.select returns three lists, as select.select does."""
    pull, address = bound(ctx, zmq.PULL)
    push = connected(ctx, zmq.PUSH, address)
    assert zmq.select([pull], [push], [pull], 0.2) == ([], [push], [])
    push.send(b"x")
    time.sleep(SETTLED_S)
    assert zmq.select([pull, push], [], [], 1) == ([pull], [], [])


def test_events_follow_the_turns(ctx: Context) -> None:
    """REQ and REP are ready for what their turn allows, and for nothing else."""
    rep, address = bound(ctx, zmq.REP)
    req = connected(ctx, zmq.REQ, address)
    both = zmq.POLLIN | zmq.POLLOUT
    time.sleep(SETTLED_S)
    seen = [req.poll(50, both), rep.poll(0, both)]
    req.send(b"q")
    time.sleep(SETTLED_S)
    seen += [req.poll(0, both), rep.poll(50, both)]
    rep.recv()
    seen += [rep.poll(0, both)]
    rep.send(b"a")
    time.sleep(SETTLED_S)
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


def told(monitor: Any) -> list[tuple[str, bytes]]:
    found = []
    while monitor.poll(250):
        message = recv_monitor_message(monitor)
        found.append((message["event"].name, message["endpoint"]))
    return found


def test_a_monitor_tells_of_connections(ctx: Context) -> None:
    """Both ends tell what happens to them, with the address."""
    pull = ctx.socket(zmq.PULL)
    at_pull = pull.get_monitor_socket()
    address = f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}"
    push = ctx.socket(zmq.PUSH)
    at_push = push.get_monitor_socket()
    push.reconnect_ivl = 60_000
    push.connect(address)
    push.send(b"x")
    pull.recv()
    names = [name for name, endpoint in told(at_push) if endpoint == address.encode()]
    assert names == ["CONNECT_DELAYED", "CONNECTED", "HANDSHAKE_SUCCEEDED"]
    pull.close(linger=0)
    assert told(at_pull) == [
        ("LISTENING", address.encode()),
        ("ACCEPTED", address.encode()),
        ("HANDSHAKE_SUCCEEDED", address.encode()),
        ("CLOSED", address.encode()),
        ("MONITOR_STOPPED", b""),
    ]
    assert told(at_push) == [("DISCONNECTED", address.encode()), ("CONNECT_RETRIED", address.encode())]
    push.disable_monitor()


def test_a_monitor_tells_of_refusals(ctx: Context) -> None:
    """A refused connection is told, with the interval until it is tried again, which grows with a maximum."""
    pull = ctx.socket(zmq.PULL)
    address = f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}"
    pull.unbind(address)
    time.sleep(SETTLED_S)
    push = ctx.socket(zmq.PUSH)
    monitor = push.get_monitor_socket(zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_CLOSED)
    push.reconnect_ivl, push.reconnect_ivl_max = 10, 35
    push.connect(address)
    seen = []
    while len([event for event, _ in seen if event == zmq.EVENT_CONNECT_RETRIED]) < 4:
        message = recv_monitor_message(monitor)
        seen.append((message["event"], int(message["value"])))
    assert [value for event, value in seen if event == zmq.EVENT_CONNECT_RETRIED] == [10, 20, 35, 35]
    assert [event for event, _ in seen][:2] == [zmq.EVENT_CLOSED, zmq.EVENT_CONNECT_RETRIED]


def test_a_monitor_tells_of_types_that_do_not_fit(ctx: Context) -> None:
    """Types that do not fit disconnect, and the connecting end does not try again."""
    rep, address = bound(ctx, zmq.REP)
    at_rep = rep.get_monitor_socket()
    push = ctx.socket(zmq.PUSH)
    at_push = push.get_monitor_socket()
    push.connect(address)
    assert [name for name, _ in told(at_push)] == ["CONNECT_DELAYED", "CONNECTED", "DISCONNECTED"]
    assert [name for name, _ in told(at_rep)] == ["ACCEPTED", "DISCONNECTED"]


def test_a_failed_bind_is_told(ctx: Context) -> None:
    """BIND_FAILED has the number of the error."""
    first, address = bound(ctx, zmq.PULL)
    second = ctx.socket(zmq.PULL)
    monitor = second.get_monitor_socket()
    with pytest.raises(zmq.ZMQError):
        second.bind(address)
    seen = []
    while monitor.poll(200):
        message = recv_monitor_message(monitor)
        seen.append((message["event"].name, int(message["value"]), message["endpoint"]))
    assert first is not None
    assert seen[0][0] == "CLOSED"
    assert seen[1] == ("BIND_FAILED", zmq.EADDRINUSE, address.removeprefix("tcp://").encode())


def test_a_proxy_forwards_both_ways(ctx: Context) -> None:
    """zmq.proxy joins clients and workers, tells a capture socket, and ends with its context."""
    assert ctx is not None
    own: Any = zmq.Context()
    ended: list[Any] = []
    ready = threading.Event()
    addresses: list[str] = []

    def run_proxy() -> None:
        front, front_address = bound(own, zmq.ROUTER, linger=0)
        back, back_address = bound(own, zmq.DEALER, linger=0)
        capture, capture_address = bound(own, zmq.PUSH, linger=0)
        addresses.extend([front_address, back_address, capture_address])
        ready.set()
        try:
            zmq.proxy(front, back, capture)
        except zmq.ContextTerminated as error:
            ended.append(error.errno)
        for socket in (front, back, capture):
            socket.close()

    thread = threading.Thread(target=run_proxy)
    thread.start()
    ready.wait()
    spy = connected(ctx, zmq.PULL, addresses[2])
    time.sleep(SETTLED_S)
    client, worker = connected(ctx, zmq.REQ, addresses[0]), connected(ctx, zmq.REP, addresses[1])
    client.send(b"question")
    assert worker.recv() == b"question"
    worker.send(b"answer")
    assert client.recv() == b"answer"
    assert [spy.recv_multipart()[1:] for _ in range(2)] == [[b"", b"question"], [b"", b"answer"]]
    own.term()
    thread.join()
    assert ended == [zmq.ETERM]


def test_a_proxy_of_publishers_forwards_subscriptions(ctx: Context) -> None:
    """XSUB and XPUB in a proxy carry subscriptions one way and messages the other."""
    own: Any = zmq.Context()
    front, back = own.socket(zmq.XSUB), own.socket(zmq.XPUB)
    for socket in (front, back):
        socket.linger = 0
    front_address = f"tcp://127.0.0.1:{front.bind_to_random_port('tcp://127.0.0.1')}"
    back_address = f"tcp://127.0.0.1:{back.bind_to_random_port('tcp://127.0.0.1')}"

    def run_proxy() -> None:
        try:
            zmq.proxy(front, back)
        except zmq.ContextTerminated:
            front.close()
            back.close()

    thread = threading.Thread(target=run_proxy)
    thread.start()
    pub, sub = connected(ctx, zmq.XPUB, front_address), connected(ctx, zmq.SUB, back_address)
    sub.subscribe("t")
    assert pub.recv() == b"\1t"
    pub.send_multipart([b"topic", b"x"])
    assert sub.recv_multipart() == [b"topic", b"x"]
    own.term()
    thread.join()


def test_a_steerable_proxy_obeys(ctx: Context) -> None:
    """STATISTICS and TERMINATE do what they say; PAUSE goes on and RESUME pauses: libzmq 4.3.5 swaps them."""
    front, front_address = bound(ctx, zmq.PULL)
    back, back_address = bound(ctx, zmq.PUSH)
    control = ctx.socket(zmq.REP)
    control.bind("inproc://control")
    steer = ctx.socket(zmq.REQ)
    steer.connect("inproc://control")
    thread = threading.Thread(target=zmq.proxy_steerable, args=(front, back, None, control))
    thread.start()
    push, pull = connected(ctx, zmq.PUSH, front_address), connected(ctx, zmq.PULL, back_address)

    def command(word: bytes) -> list[bytes]:
        steer.send(word)
        return steer.recv_multipart()

    push.send(b"1")
    assert pull.recv() == b"1"
    assert command(b"PAUSE") == [b""]
    push.send(b"22")
    assert pull.recv() == b"22"
    assert command(b"RESUME") == [b""]
    push.send(b"333")
    assert not pull.poll(150)
    numbers = [int.from_bytes(frame, sys.byteorder) for frame in command(b"STATISTICS")]
    assert numbers == [2, 3, 0, 0, 0, 0, 2, 3]
    assert command(b"PAUSE") == [b""]
    assert pull.recv() == b"333"
    assert command(b"TERMINATE") == [b""]
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_device_runs_in_a_thread(ctx: Context) -> None:
    """zmq.devices.ThreadProxy forwards in the background."""
    device = zmq.devices.ThreadProxy(zmq.PULL, zmq.PUSH)
    front = device.bind_in_to_random_port("tcp://127.0.0.1")
    back = device.bind_out_to_random_port("tcp://127.0.0.1")
    device.setsockopt_in(zmq.LINGER, 0)
    device.setsockopt_out(zmq.LINGER, 0)
    device.start()
    push = connected(ctx, zmq.PUSH, f"tcp://127.0.0.1:{front}")
    pull = connected(ctx, zmq.PULL, f"tcp://127.0.0.1:{back}")
    push.send(b"through")
    assert pull.recv() == b"through"
    zmq.Context.instance().term()
    device.join()
