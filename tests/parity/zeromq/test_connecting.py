"""Endpoints: what is connected, lost, made again and given up."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from tests.parity.zeromq.sockets import bind_again, bound, drain, free_address, settle, told, watched

if TYPE_CHECKING:
    from tests.parity.zeromq.sockets import Context

pytestmark = pytest.mark.usefixtures("arm")


@pytest.mark.parametrize("protocol", ["tcp", "ipc", "inproc"])
def test_connect_before_bind(ctx: Context, protocol: str, tmp_path: Any) -> None:
    """What is sent before anybody has bound the address is delivered once somebody does."""
    address = {"tcp": free_address(ctx), "ipc": f"ipc://{tmp_path}/s", "inproc": "inproc://later"}[protocol]
    push = ctx.socket(zmq.PUSH)
    push.connect(address)
    for number in range(3):
        push.send(b"%d" % number)
    time.sleep(0.05)
    pull = ctx.socket(zmq.PULL)
    pull.bind(address)
    assert [pull.recv() for _ in range(3)] == [b"0", b"1", b"2"]


def test_wildcards_and_last_endpoints(ctx: Context, tmp_path: Any) -> None:
    """LAST_ENDPOINT tells the real address behind a wildcard, and unbind() takes either."""
    socket: Any = ctx.socket(zmq.PULL)
    socket.bind("tcp://*:*")
    assert socket.last_endpoint.startswith(b"tcp://0.0.0.0:")
    socket.unbind(socket.last_endpoint.decode())
    with socket.bind("tcp://localhost:*") as same:
        assert same is socket
        assert socket.last_endpoint.startswith(b"tcp://127.0.0.1:")
    socket.bind("tcp://lo:0")
    assert socket.last_endpoint.startswith(b"tcp://127.0.0.1:")
    socket.bind(f"ipc://{tmp_path}/x")
    assert socket.last_endpoint == f"ipc://{tmp_path}/x".encode()
    socket.bind("inproc://x")
    assert socket.last_endpoint == b"inproc://x"
    socket.connect("tcp://127.0.0.1:5")
    assert socket.last_endpoint == b"tcp://127.0.0.1:5"
    port = socket.bind_to_random_port("tcp://127.0.0.1", min_port=40000, max_port=40100)
    assert 40000 <= port < 40100


def test_a_lost_connection_is_made_again(ctx: Context) -> None:
    """When the bound end is gone, what is sent waits, and reaches whoever binds the address next."""
    first, address = bound(ctx, zmq.PULL)
    push = ctx.socket(zmq.PUSH)
    push.reconnect_ivl = 20
    push.connect(address)
    push.send(b"1")
    assert first.recv() == b"1"
    monitor = watched(push, zmq.EVENT_DISCONNECTED)
    first.close(linger=0)
    told(monitor, zmq.EVENT_DISCONNECTED)
    push.send(b"2")
    second = ctx.socket(zmq.PULL)
    bind_again(second, address)
    assert second.recv() == b"2"


def test_a_subscriber_subscribes_again(ctx: Context) -> None:
    """A SUB whose publisher comes back gets what it had subscribed to."""
    first, address = bound(ctx, zmq.PUB)
    sub = ctx.socket(zmq.SUB)
    sub.reconnect_ivl = 20
    sub.subscribe("a")
    sub.connect(address)
    settle(ctx)
    first.send(b"a1")
    assert sub.recv() == b"a1"
    monitor = watched(sub, zmq.EVENT_DISCONNECTED, zmq.EVENT_HANDSHAKE_SUCCEEDED)
    first.close(linger=0)
    told(monitor, zmq.EVENT_DISCONNECTED)
    second = ctx.socket(zmq.PUB)
    bind_again(second, address)
    # libzmq subscribes again when the program next looks at the socket, so it has to.
    assert not sub.poll(0)
    told(monitor, zmq.EVENT_HANDSHAKE_SUCCEEDED)
    assert not sub.poll(0)
    settle(ctx)
    second.send(b"b")
    second.send(b"a2")
    assert drain(sub) == [[b"a2"]]


def test_immediate_queues_for_nobody(ctx: Context) -> None:
    """With IMMEDIATE a message goes only to a peer that is connected."""
    pull, address = bound(ctx, zmq.PULL)
    push = ctx.socket(zmq.PUSH)
    push.immediate = 1
    push.connect(free_address(ctx))
    with pytest.raises(zmq.Again):
        push.send(b"x", zmq.NOBLOCK)
    push.connect(address)
    push.send(b"1")
    push.send(b"2")
    assert [pull.recv(), pull.recv()] == [b"1", b"2"]


def test_disconnect_and_unbind(ctx: Context) -> None:
    """After disconnect() nothing goes that way any more."""
    pull, address = bound(ctx, zmq.PULL)
    other, other_address = bound(ctx, zmq.PULL)
    push = ctx.socket(zmq.PUSH)
    push.connect(address)
    push.connect(other_address)
    settle(ctx)
    push.disconnect(address)
    settle(ctx)
    push.send(b"1")
    push.send(b"2")
    assert (drain(pull), drain(other)) == ([], [[b"1"], [b"2"]])


def test_unbind_ends_what_came_there(ctx: Context) -> None:
    """After unbind() the connections that came to the address are closed as well."""
    pull, address = bound(ctx, zmq.PULL)
    push = ctx.socket(zmq.PUSH)
    push.immediate = 1
    push.connect(address)
    push.send(b"1")
    assert pull.recv() == b"1"
    monitor = watched(push, zmq.EVENT_DISCONNECTED)
    pull.unbind(address)
    # libzmq needs the program to look at the socket before it lets go of a peer.
    while not monitor.poll(5):
        assert not pull.poll(0)
    settle(ctx)
    assert (pull.poll(0), push.poll(0, zmq.POLLOUT)) == (0, 0)
    with pytest.raises(zmq.Again):
        push.send(b"2", zmq.NOBLOCK)


def test_an_oversized_message_ends_the_connection(ctx: Context) -> None:
    """A message above MAXMSGSIZE never arrives, and costs its sender the connection."""
    pull, address = bound(ctx, zmq.PULL, maxmsgsize=100)
    push = ctx.socket(zmq.PUSH)
    push.reconnect_ivl = 20
    push.connect(address)
    push.send(b"x" * 100)
    assert pull.recv() == b"x" * 100
    monitor = watched(push, zmq.EVENT_DISCONNECTED)
    push.send(b"y" * 101)
    told(monitor, zmq.EVENT_DISCONNECTED)
    assert not pull.poll(0)
    push.send(b"after")
    assert pull.recv() == b"after"


def test_types_that_do_not_fit_never_talk(ctx: Context) -> None:
    """A PUSH connected to a REP has no peer."""
    rep, address = bound(ctx, zmq.REP)
    push = ctx.socket(zmq.PUSH)
    monitor = watched(push, zmq.EVENT_DISCONNECTED)
    push.connect(address)
    told(monitor, zmq.EVENT_DISCONNECTED)
    # Who finds the mistake first decides whether libzmq tries again, and so whether this is queued or refused.
    with contextlib.suppress(zmq.Again):
        push.send(b"x", zmq.NOBLOCK)
    assert drain(rep) == []


def test_a_malformed_reply_costs_the_connection(ctx: Context) -> None:
    """A ROUTER that answers a REQ without a delimiter is cut off by it."""
    router, address = bound(ctx, zmq.ROUTER)
    req = ctx.socket(zmq.REQ)
    monitor = watched(req, zmq.EVENT_DISCONNECTED)
    req.connect(address)
    req.send(b"question")
    name = router.recv_multipart()[0]
    router.send_multipart([name, b"no delimiter"])
    told(monitor, zmq.EVENT_DISCONNECTED)
    settle(ctx)
    with pytest.raises(zmq.Again):
        req.recv(zmq.NOBLOCK)
    router.router_mandatory = 1
    router.poll(0)
    with pytest.raises(zmq.ZMQError) as caught:
        router.send_multipart([name, b"", b"too late"])
    assert caught.value.errno == zmq.EHOSTUNREACH


def test_a_second_connect_to_the_same_place(ctx: Context) -> None:
    """A DEALER connects to an endpoint once, however often it is told; a PUSH each time."""
    dealer_end, address = bound(ctx, zmq.DEALER)
    dealer = ctx.socket(zmq.DEALER)
    dealer.connect(address)
    dealer.connect(address)
    other, other_address = bound(ctx, zmq.DEALER)
    dealer.connect(other_address)
    settle(ctx)
    for number in range(4):
        dealer.send(b"%d" % number)
    assert (drain(dealer_end), drain(other)) == ([[b"0"], [b"2"]], [[b"1"], [b"3"]])
