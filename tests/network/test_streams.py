"""The law of streams, over any mixture of latencies, losses and partitions; and what a run owes to its seed."""

from __future__ import annotations

from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from meshsim.core.latency import parse_latency
from meshsim.core.streams import Stream
from meshsim.network.connection import EOF
from meshsim.network.link import Link
from meshsim.network.outcome import ConnectionReset
from meshsim.network.rules import Blackhole, Loss, Partition, Reset, Slow
from tests.network.small_network import MS, SECOND, SmallNetwork, named

A, B = named("a/0"), named("b/0")
# Longer than 15 retransmissions: afterwards a stream has delivered everything or is broken.
LONG_NS = 2000 * SECOND

latencies = st.sampled_from(
    [
        "1ms",
        "0s..300ms",
        "normal(mean=1ms sd=50ms)",
        "lognormal(median=5ms p99=2s)",
        "exponential(mean=80ms)",
        "pareto(scale=1ms shape=0.7)",
    ]
).map(parse_latency)
shares = st.sampled_from([0.05, 0.3, 0.7, 0.95])


def seeded(make: Any) -> Any:
    """Give each rule that draws a stream of its own, so that an example says all about its run."""
    return st.integers(0, 5).map(lambda seed: lambda: make(Stream(seed)))


rules = st.one_of(
    st.booleans().map(lambda oneway: lambda: Partition(A, B, oneway=oneway)),
    st.just(lambda: Partition(B, A, oneway=True)),
    st.just(lambda: Blackhole(A, B)),
    shares.flatmap(lambda share: seeded(lambda stream: Loss(A, B, probability=share, stream=stream))),
    shares.flatmap(
        lambda share: seeded(lambda stream: Loss(B, A, probability=share, stream=stream, oneway=True))
    ),
    latencies.flatmap(lambda one: seeded(lambda stream: Slow(A, B, sample=one.sample, stream=stream))),
    latencies.flatmap(
        lambda one: seeded(lambda stream: Slow(A, B, sample=one.sample, stream=stream, replaces=True))
    ),
)
breaks = seeded(lambda stream: Reset(A, B, probability=0.1, stream=stream))
waits = st.tuples(st.just("wait"), st.integers(0, 3000).map(lambda ms: ms * MS))
sends = st.tuples(st.sampled_from(["up", "down"]), st.integers(1, 8))
ends = st.tuples(st.sampled_from(["client", "server"]), st.sampled_from(["finish", "close", "abort"]))
links = st.builds(
    lambda latency, loss, bandwidth: Link(latency.sample, latency.constant_ns, loss, bandwidth),
    latencies,
    st.sampled_from([0.0, 0.01, 0.5]),
    st.sampled_from([None, 2000.0]),
)


def steps(*more: Any) -> Any:
    """Give sequences of what happens to a connection: messages, waits, rules that come and go, and `more`."""
    faults = st.tuples(st.just("rule"), st.one_of(rules, *more[:1]))
    heals = st.tuples(st.just("heal"), st.integers(0, 3))
    return st.lists(st.one_of(sends, waits, faults, heals, *more[1:]), max_size=25)


class Run:
    """What a sequence of steps did to one connection."""

    def __init__(self, link: Link, script: list[tuple[str, Any]], seed: int) -> None:
        self.sent: dict[str, list[int]] = {"up": [], "down": []}
        self.heard: dict[str, list[tuple[object, int]]] = {"up": [], "down": []}
        with SmallNetwork(link=link, seed=seed) as net:
            self.net = net
            client, server = net.connect()
            self.ends = {"client": client, "server": server}
            client.on_message(lambda item: self.heard["down"].append((item, net.now)))
            server.on_message(lambda item: self.heard["up"].append((item, net.now)))
            for word, value in script:
                self.step(word, value)
            for rule in list(net.fabric.rules):
                net.fabric.remove(rule)
            net.sleep(LONG_NS)
            self.broken = client._error is not None or server._error is not None
            self.packets = net.packets

    def step(self, word: str, value: Any) -> None:
        """Do one step."""
        net = self.net
        if word == "wait":
            net.sleep(value)
        elif word == "rule":
            net.fabric.install(value())
        elif word == "heal":
            if net.fabric.rules:
                net.fabric.remove(net.fabric.rules[value % len(net.fabric.rules)])
        elif word in self.ends:
            getattr(self.ends[word], value)()
        else:
            self.send(word, value)

    def send(self, way: str, count: int) -> None:
        """Send so many messages, as far as the connection takes them."""
        end: Any = self.ends["client" if way == "up" else "server"]
        for _ in range(count):
            if end.finished or end.closed:
                return
            try:
                end.send(len(self.sent[way]), 100)
            except ConnectionReset:
                return
            self.sent[way].append(len(self.sent[way]))

    def messages(self, way: str) -> list[object]:
        """Return the messages that arrived, without what ended the stream."""
        return [item for item, _ in self.heard[way] if isinstance(item, int)]


@settings(deadline=None, max_examples=150)
@given(link=links, script=steps(), seed=st.integers(0, 3))
def test_whatever_the_network_does_a_stream_loses_and_doubles_nothing(
    link: Link, script: list[tuple[str, Any]], seed: int
) -> None:
    """Once the faults are over every message has arrived, in order and once, unless nobody heard for 15 minutes."""
    run = Run(link, script, seed)
    event(f"broken: {run.broken}")
    for way in ("up", "down"):
        arrived = run.messages(way)
        assert arrived == run.sent[way][: len(arrived)]
        if not run.broken:
            assert arrived == run.sent[way]


@settings(deadline=None, max_examples=150)
@given(link=links, script=steps(breaks, ends), seed=st.integers(0, 3))
def test_a_stream_that_breaks_or_ends_has_delivered_a_beginning_and_says_nothing_after_it(
    link: Link, script: list[tuple[str, Any]], seed: int
) -> None:
    """What arrives is a beginning of what was sent; after EOF comes no message, after a reset nothing at all."""
    run = Run(link, script, seed)
    event(f"broken: {run.broken}")
    for way, reader in (("up", "server"), ("down", "client")):
        arrived = run.messages(way)
        assert arrived == run.sent[way][: len(arrived)]
        tail = [item for item, _ in run.heard[way]][len(arrived) :]
        assert len([item for item in tail if item is EOF]) <= 1
        assert all(item is EOF or isinstance(item, ConnectionReset) for item in tail)
        assert all(not isinstance(item, ConnectionReset) for item in tail[:-1])
        if tail and tail[0] is EOF and not run.ends[reader].closed:
            assert arrived == run.sent[way], "the end comes behind everything that was sent"


@settings(deadline=None, max_examples=25)
@given(link=links, script=steps(breaks, ends), seed=st.integers(0, 3))
def test_the_same_seed_gives_the_same_packets_at_the_same_moments(
    link: Link, script: list[tuple[str, Any]], seed: int
) -> None:
    """Two runs of one script are equal, packet by packet and arrival by arrival."""
    one, other = Run(link, script, seed), Run(link, script, seed)
    assert one.packets == other.packets
    for way in ("up", "down"):
        assert [(str(item), at) for item, at in one.heard[way]] == [
            (str(item), at) for item, at in other.heard[way]
        ]
