"""Pipelines, pairs, routers and requests: what reaches whom, in which order."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from tests.parity.zeromq.sockets import bound, connected, drain, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.parity.zeromq.sockets import Context

pytestmark = pytest.mark.usefixtures("arm")


def in_thread(function: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def test_a_request_is_answered(ctx: Context) -> None:
    """A REQ gets from a REP in another thread what that one makes of its request."""
    rep, address = bound(ctx, zmq.REP)

    def serve() -> None:
        for _ in range(3):
            rep.send(rep.recv().upper())

    server = in_thread(serve)
    req = connected(ctx, zmq.REQ, address)
    replies = []
    for word in (b"a", b"b", b"c"):
        req.send(word)
        replies.append(req.recv())
    server.join()
    assert replies == [b"A", b"B", b"C"]


def test_multipart_keeps_its_frames(ctx: Context) -> None:
    """A multipart message arrives whole, frame by frame or at once, with RCVMORE until the last."""
    pull, address = bound(ctx, zmq.PULL)
    push = connected(ctx, zmq.PUSH, address)
    push.send(b"1", zmq.SNDMORE)
    push.send(b"", zmq.SNDMORE)
    push.send(b"3")
    push.send_multipart([b"x", b"y"])
    frames = [(pull.recv(), pull.getsockopt(zmq.RCVMORE)) for _ in range(3)]
    assert frames == [(b"1", 1), (b"", 1), (b"3", 0)]
    assert pull.recv() == b"x"
    assert pull.recv_multipart() == [b"y"]


def test_the_helpers_carry_text_json_and_objects(ctx: Context) -> None:
    """Strings, JSON, pickles and own serializers come back as what they were."""
    left, address = bound(ctx, zmq.PAIR)
    right = connected(ctx, zmq.PAIR, address)
    left.send_string("žluť")
    left.send_json({"a": [1, 2]})
    left.send_pyobj({1, 2})
    left.send_serialized("ab", lambda text: [part.encode() for part in text])
    assert right.recv_string() == "žluť"
    assert right.recv_json() == {"a": [1, 2]}
    assert right.recv_pyobj() == {1, 2}
    assert right.recv_serialized(lambda frames: b"-".join(frames)) == b"a-b"


def test_frames_tell_what_they_know(ctx: Context) -> None:
    """With copy=False a Frame has its bytes, whether more follows, and the peer's properties."""
    pull, address = bound(ctx, zmq.PULL)
    push = connected(ctx, zmq.PUSH, address)
    big = b"z" * 100_000
    push.send_multipart([b"one", memoryview(b"two"), big], copy=False)
    frames = pull.recv_multipart(copy=False)
    assert [bytes(frame.buffer) for frame in frames] == [b"one", b"two", big]
    assert [frame.more for frame in frames] == [True, True, False]
    assert frames[0]["Socket-Type"] == "PUSH"
    assert frames[0].get("Peer-Address") == "127.0.0.1" or str(frames[0].get("Peer-Address")).startswith(
        "10."
    )
    with pytest.raises(zmq.ZMQError):
        frames[0].get("Nothing")


def test_recv_into_tells_the_whole_length(ctx: Context) -> None:
    """recv_into fills a buffer, truncates what is longer, and returns the frame's own length."""
    pull, address = bound(ctx, zmq.PULL)
    push = connected(ctx, zmq.PUSH, address)
    buffer = bytearray(4)
    push.send(b"ab")
    push.send(b"abcdefgh")
    assert pull.recv_into(buffer) == 2
    assert pull.recv_into(buffer, nbytes=3) == 8
    assert bytes(buffer) == b"abc\0"
    with pytest.raises(BufferError):
        pull.recv_into(b"read only")
    with pytest.raises(ValueError, match="too big for memoryview"):
        pull.recv_into(buffer, nbytes=9)


def test_push_goes_round_robin(ctx: Context) -> None:
    """A PUSH gives one message after the other to its peers in the order in which it connected them."""
    pulls = [bound(ctx, zmq.PULL) for _ in range(3)]
    push = connected(ctx, zmq.PUSH, *[address for _, address in pulls])
    settle(ctx)
    for number in range(9):
        push.send(b"%d" % number)
    got = [[message[0] for message in drain(pull)] for pull, _ in pulls]
    assert got == [[b"0", b"3", b"6"], [b"1", b"4", b"7"], [b"2", b"5", b"8"]]


def test_pull_takes_in_turn(ctx: Context) -> None:
    """A PULL with several peers that have sent much takes one message of each in turn."""
    pushes = [bound(ctx, zmq.PUSH) for _ in range(3)]
    pull = connected(ctx, zmq.PULL, *[address for _, address in pushes])
    settle(ctx)
    for name, (push, _) in zip(b"abc", pushes, strict=True):
        for number in range(3):
            push.send(b"%c%d" % (name, number))
    got = [message[0] for message in drain(pull)]
    assert got == [b"a0", b"b0", b"c0", b"a1", b"b1", b"c1", b"a2", b"b2", b"c2"]


def test_a_router_names_its_peers(ctx: Context) -> None:
    """A ROUTER puts the sender's name before a message, and sends to the peer that is named."""
    router, address = bound(ctx, zmq.ROUTER)
    one = connected(ctx, zmq.DEALER, address, identity=b"one")
    two = connected(ctx, zmq.DEALER, address)
    one.send(b"from one")
    assert router.recv_multipart() == [b"one", b"from one"]
    two.send_multipart([b"", b"from two"])
    name, empty, text = router.recv_multipart()
    assert (len(name), name[0], empty, text) == (5, 0, b"", b"from two")
    router.send_multipart([name, b"to two"])
    router.send_multipart([b"one", b"to", b"one"])
    assert (two.recv_multipart(), one.recv_multipart()) == ([b"to two"], [b"to", b"one"])


def test_a_router_drops_or_refuses_what_has_no_peer(ctx: Context) -> None:
    """An unknown name is dropped silently, and with ROUTER_MANDATORY raises EHOSTUNREACH."""
    router, address = bound(ctx, zmq.ROUTER)
    dealer = connected(ctx, zmq.DEALER, address, identity=b"d")
    router.send_multipart([b"nobody", b"x"])
    router.router_mandatory = 1
    with pytest.raises(zmq.ZMQError) as caught:
        router.send_multipart([b"nobody", b"x"])
    assert caught.value.errno == zmq.EHOSTUNREACH
    dealer.send(b"here")
    router.recv_multipart()
    router.send_multipart([b"d", b"y"])
    assert dealer.recv_multipart() == [b"y"]


def test_a_second_peer_of_a_name_is_ignored(ctx: Context) -> None:
    """Without handover the first peer keeps its name, and the second is not heard."""
    router, address = bound(ctx, zmq.ROUTER)
    first = connected(ctx, zmq.DEALER, address, identity=b"same")
    first.send(b"first")
    router.recv_multipart()
    second = connected(ctx, zmq.DEALER, address, identity=b"same")
    settle(ctx)
    second.send(b"second")
    assert drain(router) == []
    router.send_multipart([b"same", b"hello"])
    assert (drain(first), drain(second)) == ([[b"hello"]], [])


def test_handover_gives_the_name_to_the_newcomer(ctx: Context) -> None:
    """With ROUTER_HANDOVER the second peer takes the name over."""
    router, address = bound(ctx, zmq.ROUTER, router_handover=1)
    first = connected(ctx, zmq.DEALER, address, identity=b"same", reconnect_ivl=60_000)
    first.send(b"first")
    router.recv_multipart()
    second = connected(ctx, zmq.DEALER, address, identity=b"same")
    settle(ctx)
    second.send(b"second")
    assert drain(router) == [[b"same", b"second"]]
    router.send_multipart([b"same", b"hello"])
    assert (drain(first), drain(second)) == ([], [[b"hello"]])


def test_a_connecting_router_may_name_its_peer(ctx: Context) -> None:
    """CONNECT_ROUTING_ID names the next peer that a ROUTER connects to."""
    dealer, address = bound(ctx, zmq.DEALER)
    router = ctx.socket(zmq.ROUTER)
    router.connect_routing_id = b"them"
    router.connect(address)
    router.send_multipart([b"them", b"hello"])
    assert dealer.recv_multipart() == [b"hello"]
    dealer.send(b"back")
    assert router.recv_multipart() == [b"them", b"back"]


def test_a_probe_reaches_the_router(ctx: Context) -> None:
    """PROBE_ROUTER sends an empty message to a ROUTER as soon as the peer is connected."""
    router, address = bound(ctx, zmq.ROUTER)
    connected(ctx, zmq.DEALER, address, identity=b"p", probe_router=1)
    assert router.recv_multipart() == [b"p", b""]


def test_a_reply_goes_back_through_routers(ctx: Context) -> None:
    """A REP keeps a whole envelope of names, and puts it before its reply."""
    rep, address = bound(ctx, zmq.REP)
    dealer = connected(ctx, zmq.DEALER, address)
    dealer.send_multipart([b"hop1", b"hop2", b"", b"question", b"more"])
    assert rep.recv_multipart() == [b"question", b"more"]
    rep.send_multipart([b"answer"])
    assert dealer.recv_multipart() == [b"hop1", b"hop2", b"", b"answer"]


def test_a_rep_skips_what_is_no_request(ctx: Context) -> None:
    """A message without a delimiter never reaches the program behind a REP."""
    rep, address = bound(ctx, zmq.REP)
    dealer = connected(ctx, zmq.DEALER, address)
    dealer.send_multipart([b"no", b"delimiter"])
    dealer.send_multipart([b""])
    dealer.send_multipart([b"", b"good"])
    assert rep.recv_multipart() == [b"good"]


def test_a_req_takes_only_the_peers_reply(ctx: Context) -> None:
    """Requests go round robin, and each is answered by the peer that got it."""
    reps = [bound(ctx, zmq.REP) for _ in range(2)]
    req = connected(ctx, zmq.REQ, *[address for _, address in reps])
    settle(ctx)
    seen = []
    for turn in range(4):
        req.send(b"%d" % turn)
        rep = reps[turn % 2][0]
        seen.append(rep.recv())
        rep.send(b"r%d" % turn)
        seen.append(req.recv())
    assert seen == [b"0", b"r0", b"1", b"r1", b"2", b"r2", b"3", b"r3"]


def test_relaxed_and_correlated_requests_find_their_own_reply(ctx: Context) -> None:
    """With REQ_RELAXED a request may follow another; with REQ_CORRELATE the late reply is thrown away."""
    router, address = bound(ctx, zmq.ROUTER)
    req = connected(ctx, zmq.REQ, address, req_relaxed=1, req_correlate=1)
    req.send(b"first")
    first = router.recv_multipart()
    req.send(b"second")
    second = router.recv_multipart()
    assert (len(first), len(first[1]), first[2:], second[2:]) == (4, 4, [b"", b"first"], [b"", b"second"])
    assert first[1] != second[1]
    router.send_multipart([*first[:3], b"late"])
    router.send_multipart([*second[:3], b"on time"])
    assert req.recv() == b"on time"


def test_conflate_keeps_the_last(ctx: Context) -> None:
    """With CONFLATE a receiver finds only the newest message."""
    pull = ctx.socket(zmq.PULL)
    pull.conflate = 1
    address = f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}"
    push = connected(ctx, zmq.PUSH, address)
    for number in range(50):
        push.send(b"%d" % number)
    assert drain(pull)[-1:] == [[b"49"]]
    assert drain(pull) == []


def test_a_pair_has_one_peer(ctx: Context) -> None:
    """A PAIR talks both ways with the first peer, and turns the second away."""
    left, address = bound(ctx, zmq.PAIR)
    right = connected(ctx, zmq.PAIR, address)
    right.send(b"1")
    left.recv()
    third = connected(ctx, zmq.PAIR, address)
    settle(ctx)
    third.send(b"nobody hears this", zmq.NOBLOCK)
    left.send(b"2")
    assert right.recv() == b"2"
    assert drain(left) == []
