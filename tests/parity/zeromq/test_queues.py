"""Queues and the end: what blocks, what is dropped, what is still sent."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from tests.parity.zeromq.sockets import bound, drain, fill, free_address, settle

if TYPE_CHECKING:
    from tests.parity.zeromq.sockets import Context

pytestmark = pytest.mark.usefixtures("arm")


def test_a_full_queue_blocks_a_push(ctx: Context) -> None:
    """Without a peer a PUSH queues SNDHWM messages for each endpoint, then blocks."""
    push = ctx.socket(zmq.PUSH)
    push.sndhwm = 7
    push.connect(free_address(ctx))
    assert fill(push) == 7
    push.connect(free_address(ctx))
    assert fill(push) == 7
    push.sndtimeo = 30
    with pytest.raises(zmq.Again):
        push.send(b"x")


def test_inproc_queues_hold_both_marks(ctx: Context) -> None:
    """Within a context a queue holds what both ends allow, and has room again once half of it was read."""
    pull, push = ctx.socket(zmq.PULL), ctx.socket(zmq.PUSH)
    pull.rcvhwm, push.sndhwm = 4, 6
    pull.bind("inproc://queue")
    push.connect("inproc://queue")
    assert fill(push) == 10
    for _ in range(4):
        pull.recv()
    assert not push.poll(50, zmq.POLLOUT)
    pull.recv()
    assert push.poll(50, zmq.POLLOUT)
    assert fill(push) == 5


def test_a_hwm_of_zero_is_no_limit(ctx: Context) -> None:
    """A high water mark of 0 lets a queue grow for ever."""
    push = ctx.socket(zmq.PUSH)
    push.sndhwm = 0
    push.connect(free_address(ctx))
    assert fill(push, most=5000) == 5000


def test_a_blocked_sender_goes_on(ctx: Context) -> None:
    """A sender that waits for room goes on when the receiver reads, and nothing is lost."""
    pull, address = bound(ctx, zmq.PULL, rcvhwm=5, rcvbuf=4096)
    push = ctx.socket(zmq.PUSH)
    push.sndhwm, push.sndbuf = 5, 4096
    push.connect(address)
    count = 600

    def send() -> None:
        for number in range(count):
            push.send(b"%d" % number + b"." * 2000)

    sender = threading.Thread(target=send)
    sender.start()
    got = [int(pull.recv().partition(b".")[0]) for _ in range(count)]
    sender.join()
    assert got == list(range(count))


def test_a_publisher_drops_for_the_slow(ctx: Context) -> None:
    """A PUB never waits: who does not read misses messages, and what it gets is in order."""
    pub, address = bound(ctx, zmq.PUB, sndhwm=5, sndbuf=4096)
    sub = ctx.socket(zmq.SUB)
    sub.rcvhwm, sub.rcvbuf = 5, 4096
    sub.subscribe("")
    sub.connect(address)
    settle(ctx)
    for number in range(3000):
        pub.send(b"%d" % number + b"." * 2000)
    got = [int(message[0].partition(b".")[0]) for message in drain(sub)]
    assert 0 < len(got) < 3000
    assert got == sorted(got)
    assert got[:5] == [0, 1, 2, 3, 4]


def test_nodrop_tells_the_publisher(ctx: Context) -> None:
    """With XPUB_NODROP a publisher is told instead: Again."""
    pub = ctx.socket(zmq.XPUB)
    pub.sndhwm = 5
    pub.xpub_nodrop = 1
    pub.bind("inproc://nodrop")
    sub = ctx.socket(zmq.SUB)
    sub.rcvhwm = 5
    sub.connect("inproc://nodrop")
    sub.subscribe("")
    assert pub.recv() == b"\1"
    assert fill(pub) == 10


def test_linger_lets_messages_out(ctx: Context) -> None:
    """What was queued when a socket was closed is still sent, for as long as LINGER says."""
    address = free_address(ctx)
    push = ctx.socket(zmq.PUSH)
    push.connect(address)
    push.send(b"kept")
    push.close(linger=3000)
    with zmq.Context() as own:
        other = own.socket(zmq.PUSH)
        other.connect(address)
        other.send(b"dropped")
        # The context waits until the socket is really closed; libzmq does that in the background.
        other.close(linger=0)
    pull = ctx.socket(zmq.PULL)
    pull.bind(address)
    assert pull.recv() == b"kept"
    assert drain(pull) == []


def test_term_waits_for_lingering_messages(ctx: Context) -> None:
    """term() returns when the last message was sent, or its LINGER is over."""
    address = free_address(ctx)
    other = zmq.Context()
    push = other.socket(zmq.PUSH)
    push.linger = 300
    push.connect(address)
    push.send(b"x")
    push.close()
    begun = time.monotonic()
    other.term()
    assert time.monotonic() - begun > 0.25
    other = zmq.Context()
    push = other.socket(zmq.PUSH)
    push.connect(address)
    push.send(b"y")
    push.close()
    pull = ctx.socket(zmq.PULL)
    pull.bind(address)
    other.term()
    assert pull.recv() == b"y"


def test_term_ends_blocked_calls(ctx: Context) -> None:
    """A call that is blocked in another thread raises ContextTerminated when the context ends."""
    assert ctx is not None
    other = zmq.Context()
    seen: list[Any] = []

    def wait() -> None:
        socket = other.socket(zmq.PULL)
        try:
            socket.recv()
        except zmq.ContextTerminated as error:
            seen.append((error.errno, str(error)))
        try:
            socket.send(b"")
        except zmq.ZMQError as error:
            seen.append(error.errno)
        seen.append(socket.closed)
        socket.close()

    def poll() -> None:
        socket = other.socket(zmq.PULL)
        try:
            socket.poll()
        except zmq.ContextTerminated as error:
            seen.append(error.errno)
        socket.close()

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.05)
    poller = threading.Thread(target=poll)
    poller.start()
    time.sleep(0.05)
    other.term()
    waiter.join()
    poller.join()
    assert sorted(map(str, seen)) == sorted(
        map(str, [(zmq.ETERM, "Context was terminated"), zmq.ETERM, False, zmq.ETERM])
    )


def test_one_global_context(ctx: Context) -> None:
    """Context.instance() is one object until it is terminated; sockets of its threads share names."""
    assert ctx is not None
    kind: Any = zmq.Context
    one = kind.instance()
    assert kind.instance() is one
    push = one.socket(zmq.PUSH)
    push.connect("inproc://shared")
    got: list[bytes] = []

    def pull() -> None:
        with kind.instance().socket(zmq.PULL) as socket:
            socket.bind("inproc://shared")
            got.append(socket.recv())

    thread = threading.Thread(target=pull)
    thread.start()
    push.send(b"hello")
    thread.join()
    push.close()
    one.term()
    assert got == [b"hello"]
    assert kind.instance() is not one
    kind.instance().term()


def test_what_was_received_outlives_its_sender(ctx: Context) -> None:
    """Messages that have arrived can be read after their sender has closed."""
    pull, address = bound(ctx, zmq.PULL)
    push = ctx.socket(zmq.PUSH)
    push.connect(address)
    for number in range(3):
        push.send(b"%d" % number)
    push.close()
    assert drain(pull) == [[b"0"], [b"1"], [b"2"]]
