"""Rules: each says one thing of a packet, the first that does not pass decides, and each has a lifetime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim.core.streams import Stream
from meshsim.network import packet as kinds
from meshsim.network.fabric import BROKEN, LOST, REFUSED
from meshsim.network.link import Link
from meshsim.network.outcome import ConnectionReset
from meshsim.network.rules import Blackhole, Double, Loss, PairRule, Partition, Refuse, Reset, Rule, Slow
from meshsim.network.verdict import DELIVER, DROPPED, Verdict
from tests.network.small_network import MS, PORT, SECOND, SmallNetwork, everything, named

if TYPE_CHECKING:
    from meshsim.network.packet import Packet

A, B, ANY = named("a/0"), named("b/0"), (lambda _: True)
EVERY_KIND = (kinds.SYN, kinds.DATA, kinds.FIN, kinds.RESET, kinds.ACCEPT, kinds.DATAGRAM)


def fates(net: SmallNetwork, source: str = "a/0", target: str = "b/0") -> list[int]:
    """Send one packet of each kind; return what became of each."""
    route = net.fabric.route(net.host(source), net.host(target))
    return [route.decide(kind, 100, None, PORT) for kind in EVERY_KIND]


USUAL = [MS] * len(EVERY_KIND)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Partition(A, B), [LOST] * 6),
        (Blackhole(A, B), [MS, LOST, LOST, LOST, MS, LOST]),
        (Refuse(A, B), [REFUSED, MS, MS, MS, MS, MS]),
        (Reset(A, B), [MS, BROKEN, MS, MS, MS, MS]),
        (Loss(A, B, probability=1.0, stream=Stream(1)), [LOST] * 6),
        (Double(A, B, probability=1.0, stream=Stream(1)), USUAL),
        (Slow(A, B, sample=lambda _: 5 * MS, stream=Stream(1)), [6 * MS] * 6),
        (Slow(A, B, sample=lambda _: 5 * MS, stream=Stream(1), replaces=True), [5 * MS] * 6),
    ],
    ids=["partition", "blackhole", "refuse", "reset", "loss", "double", "slower", "slow instead"],
)
def test_what_a_rule_says_of_each_kind_of_packet(rule: Rule, expected: list[int]) -> None:
    """A rule decides about its kinds of packets, in both directions, lets others pass, and ends when it is removed."""
    with SmallNetwork("a/0", "b/0", "c/0", link=Link(constant_ns=MS)) as net:
        assert fates(net) == USUAL
        net.fabric.install(rule)
        assert fates(net) == expected
        assert fates(net, "b/0", "a/0") == expected
        assert fates(net, "a/0", "c/0") == fates(net, "c/0", "b/0") == USUAL
        assert rule.fired == (2 if isinstance(rule, Double) else 2 * sum(fate != MS for fate in expected))
        net.fabric.remove(rule)
        assert fates(net) == fates(net, "b/0", "a/0") == USUAL
        net.fabric.remove(rule)


def test_a_oneway_rule_leaves_the_way_back_alone() -> None:
    """With `oneway` only packets from a source to a target are met."""
    with SmallNetwork(link=Link(constant_ns=MS)) as net:
        for make in (Partition, Blackhole, Refuse, Reset):
            rule = net.with_rule(make(A, B, oneway=True))
            assert fates(net) != USUAL
            assert fates(net, "b/0", "a/0") == USUAL
            net.fabric.remove(rule)


class Saying(PairRule):
    """A rule that always says the same, and counts how often it was asked."""

    def __init__(self, verdict: Verdict | None) -> None:
        super().__init__(ANY, ANY)
        self.verdict = verdict

    def on_packet(self, packet: Packet) -> Verdict | None:
        """Say it."""
        self.fired += 1
        return self.verdict


def test_the_first_rule_that_does_not_pass_decides() -> None:
    """Rules are asked in the order of their installation; those behind the one that decides are not asked."""
    passing, first, second = Saying(None), Saying(DROPPED), Saying(Verdict(DELIVER, delay_ns=7))
    with SmallNetwork(link=Link(constant_ns=MS)) as net:
        for rule in (passing, first, second):
            net.fabric.install(rule)
        assert set(fates(net)) == {LOST}
        assert (passing.fired, first.fired, second.fired) == (6, 6, 0)
        net.fabric.remove(first)
        assert set(fates(net)) == {7}
        net.fabric.install(Reset(A, B))
        net.fabric.install(Partition(A, B))
        route = net.fabric.route(net.host("a/0"), net.host("b/0"))
        assert route.decide(kinds.DATA, 1, None, PORT) == BROKEN, "the reset stands before the partition"
        assert route.decide(kinds.FIN, 1, None, PORT) == LOST, "what the reset lets pass"


def test_delays_add_up_and_the_first_replacement_stands() -> None:
    """A link's latency, or the first that is put in its place, and whatever rules add before and after it."""
    with SmallNetwork(link=Link(constant_ns=MS)) as net:
        net.fabric.install(Saying(Verdict(DELIVER, extra_ns=2)))
        net.fabric.install(Saying(Verdict(DELIVER, extra_ns=30)))
        assert set(fates(net)) == {MS + 32}
        net.fabric.install(Saying(Verdict(DELIVER, delay_ns=500)))
        net.fabric.install(Saying(Verdict(DELIVER, delay_ns=9000)))
        net.fabric.install(Saying(Verdict(DELIVER, extra_ns=100)))
        assert set(fates(net)) == {632}


def test_what_a_link_loses_is_lost_however_slow_a_rule_makes_it() -> None:
    """An added delay does not bring back what the link's own loss took."""
    with SmallNetwork(link=Link(constant_ns=MS, loss_probability=0.5)) as net:
        net.fabric.install(Slow(A, B, sample=lambda _: 5 * MS, stream=Stream(1)))
        assert {fate for _ in range(20) for fate in fates(net)} == {LOST, 6 * MS}


def test_a_slow_link_can_be_cut() -> None:
    """A partition that comes while a fault has replaced the latency drops all the same."""
    with SmallNetwork(link=Link(constant_ns=MS)) as net:
        net.fabric.install(Slow(A, B, sample=lambda _: 5 * MS, stream=Stream(1), replaces=True))
        cut = net.with_rule(Partition(A, B))
        assert set(fates(net)) == {LOST}
        assert cut.fired == 6


def test_a_lost_datagram_is_not_doubled() -> None:
    """A rule that doubles gives each copy a draw of its own, and none slips through a partition."""
    draws = iter([5, 1, 8, 2])
    with SmallNetwork(link=Link(sample=lambda _: next(draws), constant_ns=None)) as net:
        route = net.fabric.route
        one, other = net.host("a/0"), net.host("b/0")
        assert route(one, other).fates(kinds.DATAGRAM, 10, b"", PORT) == [5]
        net.fabric.install(Double(A, B, probability=1.0, stream=Stream(1)))
        assert route(one, other).fates(kinds.DATAGRAM, 10, b"", PORT) == [1, 8]
        cut = net.with_rule(Partition(A, B))
        assert route(one, other).fates(kinds.DATAGRAM, 10, b"", PORT) == [LOST]
        net.fabric.remove(cut)
        assert route(one, other).decide(kinds.DATA, 10, b"", PORT) == 2, "a stream takes no notice"
        assert [fate for *_, fate in net.packets] == [5, 1, 8, LOST, 2], "the trace knows of each copy"


@pytest.mark.parametrize("probability", [0.0, 0.02, 0.5, 1.0])
def test_a_probability_is_the_share_of_packets_that_a_rule_meets(probability: float) -> None:
    """Loss, resets and doubles meet so many of the packets, and never one with probability 0."""
    rules: list[Any] = [
        make(A, B, probability=probability, stream=Stream(3)) for make in (Loss, Reset, Double)
    ]
    for rule in rules:
        with SmallNetwork(link=Link(constant_ns=MS)) as net:
            net.fabric.install(rule)
            route = net.fabric.route(net.host("a/0"), net.host("b/0"))
            kind = kinds.DATAGRAM if isinstance(rule, Double) else kinds.DATA
            for _ in range(5000):
                route.fates(kind, 100, None, PORT)
            assert rule.fired / 5000 == pytest.approx(
                probability, abs=0.03 if 0.1 < probability < 1 else 0.008
            )
            assert probability not in {0.0, 1.0} or rule.fired == 5000 * probability


def test_a_partition_is_silent_and_heals_without_a_trace() -> None:
    """Both ends of a connection hear nothing while it lasts; what was sent in it arrives after it, once, in order."""
    with SmallNetwork(link=Link(constant_ns=MS)) as net:
        client, server = net.connect()
        up, down = everything(server), everything(client)
        cut = net.with_rule(Partition(A, B))
        for number in range(5):
            client.send(number, 10)
            server.send(-number, 10)
        net.sleep(SECOND)
        assert (up, down) == ([], [])
        assert not client.broken
        net.fabric.remove(cut)
        client.send(5, 10)
        net.sleep(SECOND)
        assert (up, down) == ([0, 1, 2, 3, 4, 5], [0, -1, -2, -3, -4])


def test_in_a_oneway_partition_one_side_is_still_heard() -> None:
    """What the cut side sends stalls, what it is sent arrives."""
    with SmallNetwork(link=Link(constant_ns=MS)) as net:
        client, server = net.connect()
        up, down = everything(server), everything(client)
        net.fabric.install(Partition(A, B, oneway=True))
        client.send("question", 10)
        server.send("answer", 10)
        net.sleep(SECOND)
        assert (up, down) == ([], ["answer"])


def test_a_reset_breaks_both_ends_of_one_connection() -> None:
    """The one on which something is sent breaks, on both sides, and another between the same hosts stands."""
    with SmallNetwork(link=Link(constant_ns=MS)) as net:
        client, server = net.connect()
        other, _ = net.connect()
        rule = net.with_rule(Reset(A, B))
        client.send("x", 10)
        net.fabric.remove(rule)
        for end in (client, server):
            assert end.broken
            with pytest.raises(ConnectionReset, match="reset by the network"):
                end.receive(0)
            with pytest.raises(ConnectionReset):
                end.send("y", 10)
        assert not other.broken
