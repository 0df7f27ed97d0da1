"""Every socket type: what reaches whom, in which order."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import zmq

if TYPE_CHECKING:
    from collections.abc import Callable

    Context = zmq.Context[zmq.Socket[bytes]]

pytestmark = pytest.mark.usefixtures("arm")
SETTLED_S = 0.15


def bound(ctx: Context, kind: int, **options: Any) -> tuple[zmq.Socket[bytes], str]:
    socket = ctx.socket(kind)
    for name, value in options.items():
        setattr(socket, name, value)
    return socket, f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"


def connected(ctx: Context, kind: int, *addresses: str, **options: Any) -> zmq.Socket[bytes]:
    socket = ctx.socket(kind)
    for name, value in options.items():
        setattr(socket, name, value)
    for address in addresses:
        socket.connect(address)
    return socket


def drain(socket: zmq.Socket[bytes]) -> list[list[bytes]]:
    time.sleep(SETTLED_S)
    found = []
    while socket.poll(0):
        found.append(socket.recv_multipart())
    return found


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
    frames = []
    for _ in range(3):
        frames.append((pull.recv(), pull.getsockopt(zmq.RCVMORE)))
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
    assert frames[0].get("Peer-Address") == "127.0.0.1" or frames[0].get("Peer-Address").startswith("10.")
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
    time.sleep(SETTLED_S)
    for number in range(9):
        push.send(b"%d" % number)
    got = [[message[0] for message in drain(pull)] for pull, _ in pulls]
    assert got == [[b"0", b"3", b"6"], [b"1", b"4", b"7"], [b"2", b"5", b"8"]]


def test_pull_takes_in_turn(ctx: Context) -> None:
    """A PULL with several peers that have sent much takes one message of each in turn."""
    pushes = [bound(ctx, zmq.PUSH) for _ in range(3)]
    pull = connected(ctx, zmq.PULL, *[address for _, address in pushes])
    time.sleep(SETTLED_S)
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
    time.sleep(SETTLED_S)
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
    time.sleep(SETTLED_S)
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
    time.sleep(SETTLED_S)
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


def test_subscriptions_are_prefixes(ctx: Context) -> None:
    """A SUB gets what begins with one of its topics, once, until it unsubscribes as often as it subscribed."""
    pub, address = bound(ctx, zmq.PUB)
    sub = connected(ctx, zmq.SUB, address)
    for topic in (b"a", b"ab", b"b", b"b"):
        sub.subscribe(topic)
    time.sleep(SETTLED_S)

    def publish() -> list[list[bytes]]:
        for word in (b"abc", b"b", b"c", b""):
            pub.send_multipart([word, b"x"])
        return [[message[0]] for message in drain(sub)]

    assert publish() == [[b"abc"], [b"b"]]
    sub.unsubscribe(b"b")
    sub.setsockopt(zmq.UNSUBSCRIBE, b"a")
    sub.unsubscribe("never")
    time.sleep(SETTLED_S)
    assert publish() == [[b"abc"], [b"b"]]
    sub.unsubscribe("b")
    sub.unsubscribe("ab")
    time.sleep(SETTLED_S)
    assert publish() == []


def test_who_comes_late_misses_the_beginning(ctx: Context) -> None:
    """A PUB drops what nobody has subscribed to yet."""
    pub, address = bound(ctx, zmq.PUB)
    pub.send(b"too early")
    sub = connected(ctx, zmq.SUB, address)
    sub.subscribe("")
    pub.send(b"still too early")
    time.sleep(SETTLED_S)
    pub.send(b"in time")
    assert drain(sub) == [[b"in time"]]


def test_xpub_hears_of_subscriptions(ctx: Context) -> None:
    """An XPUB gets the first subscription to a topic and the last cancellation, and all of them if verbose."""
    xpub, address = bound(ctx, zmq.XPUB)
    one = connected(ctx, zmq.SUB, address)
    one.subscribe("t")
    assert xpub.recv() == b"\1t"
    two = connected(ctx, zmq.SUB, address)
    two.subscribe("t")
    assert drain(xpub) == []
    one.unsubscribe("t")
    assert drain(xpub) == []
    two.unsubscribe("t")
    assert drain(xpub) == [[b"\0t"]]
    xpub.xpub_verbose = 1
    one.subscribe("v")
    assert xpub.recv() == b"\1v"
    two.subscribe("v")
    assert xpub.recv() == b"\1v"
    two.close()
    assert drain(xpub) == []
    one.close()
    assert xpub.recv() == b"\0v"


def test_a_newcomer_tells_all_its_subscriptions(ctx: Context) -> None:
    """What a SUB subscribed to before it connected reaches the XPUB when it does."""
    xpub, address = bound(ctx, zmq.XPUB)
    sub = ctx.socket(zmq.SUB)
    topics = [b"zeta", b"alpha", b"", b"al", b"beta", b"alpine"]
    for topic in topics:
        sub.subscribe(topic)
    sub.connect(address)
    told = [message[0] for message in drain(xpub)]
    assert sorted(told) == sorted(b"\1" + topic for topic in topics)


def test_xsub_sends_subscriptions_and_more(ctx: Context) -> None:
    """An XSUB subscribes by messages, sends others upstream, and filters nothing itself."""
    xpub, address = bound(ctx, zmq.XPUB)
    xsub = connected(ctx, zmq.XSUB, address)
    xsub.send(b"\1a")
    xsub.send_multipart([b"hello", b"xpub"])
    assert xpub.recv() == b"\1a"
    assert xpub.recv_multipart() == [b"hello", b"xpub"]
    xpub.send(b"abc")
    xpub.send(b"xyz")
    assert drain(xsub) == [[b"abc"]]
    xsub.send(b"\0a")
    assert xpub.recv() == b"\0a"


def test_manual_subscriptions_are_the_programs(ctx: Context) -> None:
    """With XPUB_MANUAL the program decides what the peer that asked last gets."""
    xpub, address = bound(ctx, zmq.XPUB, xpub_manual=1)
    sub = connected(ctx, zmq.SUB, address)
    sub.subscribe("A")
    assert xpub.recv() == b"\1A"
    xpub.setsockopt(zmq.SUBSCRIBE, b"XA")
    xpub.send(b"A")
    xpub.send(b"XA")
    time.sleep(SETTLED_S)
    # The subscriber's own filter still stands.
    assert drain(sub) == []
    sub.subscribe("XA")
    assert xpub.recv() == b"\1XA"
    xpub.setsockopt(zmq.SUBSCRIBE, b"XA")
    xpub.send(b"XA")
    assert drain(sub) == [[b"XA"]]


def test_a_welcome_message_comes_first(ctx: Context) -> None:
    """XPUB_WELCOME_MSG is what every new subscriber gets, if it subscribed to it."""
    xpub, address = bound(ctx, zmq.XPUB, xpub_welcome_msg=b"welcome")
    sub = connected(ctx, zmq.SUB, address)
    sub.subscribe("w")
    time.sleep(SETTLED_S)
    xpub.send(b"word")
    assert drain(sub) == [[b"welcome"], [b"word"]]


def test_inverted_matching_sends_the_rest(ctx: Context) -> None:
    """With INVERT_MATCHING on both ends a SUB gets what it did not subscribe to."""
    pub, address = bound(ctx, zmq.PUB, invert_matching=1)
    sub = connected(ctx, zmq.SUB, address, invert_matching=1)
    sub.subscribe("a")
    time.sleep(SETTLED_S)
    pub.send(b"abc")
    pub.send(b"xyz")
    assert drain(sub) == [[b"xyz"]]


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
    time.sleep(SETTLED_S)
    third.send(b"nobody hears this", zmq.NOBLOCK)
    left.send(b"2")
    assert right.recv() == b"2"
    assert drain(left) == []


def test_last_values_are_cached_over_xpub(ctx: Context) -> None:
    """The last-value cache of the guide: a proxy that answers a new subscription with what it has."""
    feed, feed_address = bound(ctx, zmq.PUB)
    cache_in = connected(ctx, zmq.SUB, feed_address)
    cache_in.subscribe("")
    cache_out, out_address = bound(ctx, zmq.XPUB, xpub_verbose=1)
    time.sleep(SETTLED_S)
    for value in (b"1", b"2"):
        feed.send_multipart([b"rate", value])
    cache = {topic: value for topic, value in drain(cache_in)}
    reader = connected(ctx, zmq.SUB, out_address)
    reader.subscribe("rate")
    event = cache_out.recv()
    assert event == b"\1rate"
    cache_out.send_multipart([event[1:], cache[event[1:]]])
    assert reader.recv_multipart() == [b"rate", b"2"]
