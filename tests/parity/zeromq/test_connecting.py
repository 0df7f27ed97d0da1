"""Endpoints, queues and the end: what waits, what is kept and what is lost."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import zmq

if TYPE_CHECKING:
    Context = zmq.Context[zmq.Socket[bytes]]

pytestmark = pytest.mark.usefixtures("arm")
SETTLED_S = 0.15


def bound(ctx: Context, kind: int, **options: Any) -> tuple[zmq.Socket[bytes], str]:
    socket = ctx.socket(kind)
    for name, value in options.items():
        setattr(socket, name, value)
    return socket, f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"


def free_address(ctx: Context) -> str:
    socket, address = bound(ctx, zmq.PUB)
    socket.unbind(address)
    time.sleep(SETTLED_S)
    return address


def drain(socket: zmq.Socket[bytes]) -> list[list[bytes]]:
    time.sleep(SETTLED_S)
    found = []
    while socket.poll(0):
        found.append(socket.recv_multipart())
    return found


def fill(socket: zmq.Socket[bytes], message: bytes = b"x", most: int = 100_000) -> int:
    for count in range(most):
        try:
            socket.send(message, zmq.NOBLOCK)
        except zmq.Again:
            return count
    return most


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
    socket = ctx.socket(zmq.PULL)
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
    first.close(linger=0)
    time.sleep(SETTLED_S)
    push.send(b"2")
    second = ctx.socket(zmq.PULL)
    second.bind(address)
    assert second.recv() == b"2"


def test_a_subscriber_subscribes_again(ctx: Context) -> None:
    """A SUB whose publisher comes back gets what it had subscribed to."""
    first, address = bound(ctx, zmq.PUB)
    sub = ctx.socket(zmq.SUB)
    sub.reconnect_ivl = 20
    sub.subscribe("a")
    sub.connect(address)
    time.sleep(SETTLED_S)
    first.send(b"a1")
    assert sub.recv() == b"a1"
    first.close(linger=0)
    time.sleep(SETTLED_S)
    second = ctx.socket(zmq.PUB)
    second.bind(address)
    # libzmq subscribes again when the program next looks at the socket, so it has to.
    assert not sub.poll(200)
    time.sleep(SETTLED_S)
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
    time.sleep(SETTLED_S)
    assert sender.is_alive()
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
    time.sleep(SETTLED_S)
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
    other = ctx.socket(zmq.PUSH)
    other.connect(address)
    other.send(b"dropped")
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
    assert 0.25 < time.monotonic() - begun < 3
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
    assert sorted(map(str, seen)) == sorted(map(str, [(zmq.ETERM, "Context was terminated"), zmq.ETERM, False, zmq.ETERM]))


def test_one_global_context(ctx: Context) -> None:
    """Context.instance() is one object until it is terminated; sockets of its threads share names."""
    assert ctx is not None
    one = zmq.Context.instance()
    assert zmq.Context.instance() is one
    push = one.socket(zmq.PUSH)
    push.connect("inproc://shared")
    got: list[bytes] = []

    def pull() -> None:
        with zmq.Context.instance().socket(zmq.PULL) as socket:
            socket.bind("inproc://shared")
            got.append(socket.recv())

    thread = threading.Thread(target=pull)
    thread.start()
    push.send(b"hello")
    thread.join()
    push.close()
    one.term()
    assert got == [b"hello"]
    assert zmq.Context.instance() is not one
    zmq.Context.instance().term()


def test_disconnect_and_unbind(ctx: Context) -> None:
    """After disconnect() nothing goes that way any more."""
    pull, address = bound(ctx, zmq.PULL)
    other, other_address = bound(ctx, zmq.PULL)
    push = ctx.socket(zmq.PUSH)
    push.connect(address)
    push.connect(other_address)
    time.sleep(SETTLED_S)
    push.disconnect(address)
    time.sleep(SETTLED_S)
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
    pull.unbind(address)
    assert not pull.poll(150)
    assert not push.poll(50, zmq.POLLOUT)
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
    push.send(b"y" * 101)
    assert not pull.poll(300)
    push.send(b"after")
    assert pull.recv() == b"after"


def test_types_that_do_not_fit_never_talk(ctx: Context) -> None:
    """A PUSH connected to a REP has no peer."""
    rep, address = bound(ctx, zmq.REP)
    push = ctx.socket(zmq.PUSH)
    push.connect(address)
    patience = 60
    while push.poll(50, zmq.POLLOUT) and patience:
        time.sleep(SETTLED_S / 3)
        patience -= 1
    with pytest.raises(zmq.Again):
        push.send(b"x", zmq.NOBLOCK)
    assert drain(rep) == []


def test_a_malformed_reply_costs_the_connection(ctx: Context) -> None:
    """A ROUTER that answers a REQ without a delimiter is cut off by it."""
    router, address = bound(ctx, zmq.ROUTER)
    req = ctx.socket(zmq.REQ)
    req.rcvtimeo = 150
    req.connect(address)
    req.send(b"question")
    name = router.recv_multipart()[0]
    router.send_multipart([name, b"no delimiter"])
    with pytest.raises(zmq.Again):
        req.recv()
    router.router_mandatory = 1
    router.poll(10)
    with pytest.raises(zmq.ZMQError) as caught:
        router.send_multipart([name, b"", b"too late"])
    assert caught.value.errno == zmq.EHOSTUNREACH


def test_what_was_received_outlives_its_sender(ctx: Context) -> None:
    """Messages that have arrived can be read after their sender has closed."""
    pull, address = bound(ctx, zmq.PULL)
    push = ctx.socket(zmq.PUSH)
    push.connect(address)
    for number in range(3):
        push.send(b"%d" % number)
    push.close()
    assert drain(pull) == [[b"0"], [b"1"], [b"2"]]


def test_a_second_connect_to_the_same_place(ctx: Context) -> None:
    """A DEALER connects to an endpoint once, however often it is told; a PUSH each time."""
    dealer_end, address = bound(ctx, zmq.DEALER)
    dealer = ctx.socket(zmq.DEALER)
    dealer.connect(address)
    dealer.connect(address)
    other, other_address = bound(ctx, zmq.DEALER)
    dealer.connect(other_address)
    time.sleep(SETTLED_S)
    for number in range(4):
        dealer.send(b"%d" % number)
    assert (drain(dealer_end), drain(other)) == ([[b"0"], [b"2"]], [[b"1"], [b"3"]])
