"""PUB, SUB, XPUB and XSUB: who gets what, and who is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import zmq

from tests.parity.zeromq.sockets import bound, connected, drain, settle

if TYPE_CHECKING:
    from tests.parity.zeromq.sockets import Context

pytestmark = pytest.mark.usefixtures("arm")


def test_subscriptions_are_prefixes(ctx: Context) -> None:
    """A SUB gets what begins with one of its topics, once, until it unsubscribes as often as it subscribed."""
    pub, address = bound(ctx, zmq.PUB)
    sub = connected(ctx, zmq.SUB, address)
    for topic in (b"a", b"ab", b"b", b"b"):
        sub.subscribe(topic)
    settle(ctx)

    def publish() -> list[list[bytes]]:
        for word in (b"abc", b"b", b"c", b""):
            pub.send_multipart([word, b"x"])
        return [[message[0]] for message in drain(sub)]

    assert publish() == [[b"abc"], [b"b"]]
    sub.unsubscribe(b"b")
    sub.setsockopt(zmq.UNSUBSCRIBE, b"a")
    sub.unsubscribe("never")
    settle(ctx)
    assert publish() == [[b"abc"], [b"b"]]
    sub.unsubscribe("b")
    sub.unsubscribe("ab")
    settle(ctx)
    assert publish() == []


def test_who_comes_late_misses_the_beginning(ctx: Context) -> None:
    """A PUB drops what nobody has subscribed to yet."""
    pub, address = bound(ctx, zmq.PUB)
    pub.send(b"too early")
    sub = connected(ctx, zmq.SUB, address)
    sub.subscribe("")
    pub.send(b"still too early")
    settle(ctx)
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
    settle(ctx)
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
    settle(ctx)
    xpub.send(b"word")
    assert drain(sub) == [[b"welcome"], [b"word"]]


def test_inverted_matching_sends_the_rest(ctx: Context) -> None:
    """With INVERT_MATCHING on both ends a SUB gets what it did not subscribe to."""
    pub, address = bound(ctx, zmq.PUB, invert_matching=1)
    sub = connected(ctx, zmq.SUB, address, invert_matching=1)
    sub.subscribe("a")
    settle(ctx)
    pub.send(b"abc")
    pub.send(b"xyz")
    assert drain(sub) == [[b"xyz"]]


def test_last_values_are_cached_over_xpub(ctx: Context) -> None:
    """The last-value cache of the guide: a proxy that answers a new subscription with what it has."""
    feed, feed_address = bound(ctx, zmq.PUB)
    cache_in = connected(ctx, zmq.SUB, feed_address)
    cache_in.subscribe("")
    cache_out, out_address = bound(ctx, zmq.XPUB, xpub_verbose=1)
    settle(ctx)
    for value in (b"1", b"2"):
        feed.send_multipart([b"rate", value])
    cache = dict(drain(cache_in))
    reader = connected(ctx, zmq.SUB, out_address)
    reader.subscribe("rate")
    event = cache_out.recv()
    assert event == b"\1rate"
    cache_out.send_multipart([event[1:], cache[event[1:]]])
    assert reader.recv_multipart() == [b"rate", b"2"]


@pytest.mark.parametrize("only_first", [0, 1])
def test_wishes_may_stand_among_other_frames(ctx: Context, only_first: int) -> None:
    """Each frame of an XSUB's message may be a subscription; with ONLY_FIRST_SUBSCRIBE, if the first one is."""
    xpub, address = bound(ctx, zmq.XPUB)
    xpub.set(zmq.SocketOption.ONLY_FIRST_SUBSCRIBE, only_first)
    xsub = connected(ctx, zmq.XSUB, address)
    for message in ([b"\1a", b"\1b"], [b"z", b"\1c"], [b"\1a", b"q"], [b"\1d", b"q", b"\1e"], [b"", b"\1f"]):
        xsub.send_multipart(message)
    news = drain(xpub)
    for topic in (b"a", b"b", b"c", b"d", b"e", b"f"):
        xpub.send(topic)
    got = [topic for (topic,) in drain(xsub)]
    assert [b"\1a"] in news
    assert got == [
        topic for topic in (b"a", b"b", b"c", b"d", b"e", b"f") if not only_first or topic not in b"cf"
    ]


def test_a_last_value_goes_to_who_asked_last(ctx: Context) -> None:
    """With XPUB_MANUAL_LAST_VALUE what is sent after a subscription was read goes to that subscriber alone."""
    xpub, address = bound(ctx, zmq.XPUB, xpub_manual_last_value=1)
    first, second = connected(ctx, zmq.SUB, address), connected(ctx, zmq.SUB, address)
    for sub in (first, second):
        sub.subscribe("t")
        assert xpub.recv() == b"\1t"
        xpub.setsockopt(zmq.SUBSCRIBE, b"t")
        xpub.send(b"t last value")
    xpub.send(b"t for all")
    assert xpub.get(zmq.SocketOption.TOPICS_COUNT) == first.get(zmq.SocketOption.TOPICS_COUNT) == 1
    assert [drain(sub) for sub in (first, second)] == [[[b"t last value"], [b"t for all"]]] * 2


def test_a_cancellation_that_looks_like_a_subscription(ctx: Context) -> None:
    """Cancelling a topic that begins with the byte 1 subscribes to the rest of it: so does libzmq 4.3.5."""
    xpub, address = bound(ctx, zmq.XPUB)
    sub = connected(ctx, zmq.SUB, address)
    settle(ctx)
    sub.unsubscribe(b"\1x")
    assert drain(xpub) == [[b"\0\1x"]]
    assert sub.get(zmq.SocketOption.TOPICS_COUNT) == 1
