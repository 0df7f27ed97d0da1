"""The fabric: listeners, routes, and draws that come from the network's stream alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshsim.core.streams import Stream, Streams
from meshsim.core.tape import Tape
from meshsim.network import packet as kinds
from meshsim.network.fabric import Fabric
from meshsim.network.link import Link, Links
from meshsim.network.rules import Loss, Partition, Slow
from tests.network.small_network import MS, PORT, SmallNetwork, named

if TYPE_CHECKING:
    from meshsim.network.packet import Packet

A, B = named("a/0"), named("b/0")
NOISY = Link(sample=lambda random: int(random.random() * 10 * MS), constant_ns=None, loss_probability=0.2)


def fates(net: SmallNetwork, count: int = 200, source: str = "a/0", target: str = "b/0") -> list[int]:
    """Send packets on one route; return their fates."""
    route = net.fabric.route(net.host(source), net.host(target))
    return [route.decide(kinds.DATA, 100, None, PORT) for _ in range(count)]


def test_a_taken_port_is_refused_as_by_a_real_bind() -> None:
    """A second listener on a port is EADDRINUSE; the port is free once the first one is closed or dead."""
    with SmallNetwork() as net:
        host = net.host("b/0")
        listener = net.fabric.listen(host, PORT, lambda _: None)
        with pytest.raises(OSError, match="b/0:80") as caught:
            net.fabric.listen(host, PORT, lambda _: None)
        assert caught.value.errno == 98
        listener.close()
        net.fabric.listen(host, PORT, lambda _: None)
        listener.close()
        assert PORT in host.listeners, "a listener that was closed twice does not take its successor along"
        net.crash("b/0")
        assert not host.listeners


def test_a_run_is_the_seeds() -> None:
    """The same seed gives the same fates, another seed others."""

    def run(seed: int) -> list[int]:
        with SmallNetwork(link=NOISY, seed=seed) as net:
            return fates(net)

    assert run(7) == run(7)
    assert run(7) != run(8)
    assert len(set(run(7))) > 100


@pytest.mark.parametrize("label", ["schedule", "faults", "workload", "host:a/0"])
def test_a_draw_more_in_another_stream_leaves_the_network_alone(label: str) -> None:
    """Fates come from the stream `network`: what others draw before and in between does not move them."""
    with SmallNetwork(link=NOISY) as net:
        expected = fates(net)
    with SmallNetwork(link=NOISY) as net:
        other = net.streams.get(label)
        other.random()
        found = []
        for _ in range(20):
            found += fates(net, 10)
            other.getrandbits(32)
    assert found == expected


def test_a_draw_of_the_network_leaves_the_others_alone() -> None:
    """Packets more do not change what schedule, faults and hosts draw."""
    labels = ("schedule", "faults", "workload", "host:a/0")
    with SmallNetwork(link=NOISY) as net:
        expected = [net.streams.get(label).random() for label in labels]
    with SmallNetwork(link=NOISY) as net:
        fates(net, 1000)
        assert [net.streams.get(label).random() for label in labels] == expected


def test_a_rule_that_draws_for_itself_leaves_the_links_draws_alone() -> None:
    """A fault with a stream of its own changes what it meets and no packet more."""
    with SmallNetwork(link=NOISY) as net:
        expected = fates(net)
    with SmallNetwork(link=NOISY) as net:
        net.fabric.install(Slow(A, B, sample=lambda stream: stream.getrandbits(1), stream=Stream(1)))
        found = fates(net)
    assert found != expected
    assert all(late in {fate, fate + 1} for fate, late in zip(expected, found, strict=True))


def test_the_fates_of_packets_are_on_the_tape() -> None:
    """A replayed tape gives the same fates under another seed; an edited draw changes its own packet alone."""
    tape = Tape()
    link = Link(sample=lambda random: int(random.random() * 10 * MS), constant_ns=None)

    def run(streams: Streams) -> list[int]:
        with SmallNetwork(link=link) as net:
            net.fabric = Fabric(net.kernel, streams, Links(link))
            return fates(net, 50)

    first = run(Streams(7, tape))
    saved = Tape.from_dict(tape.to_dict())
    assert run(Streams(8, saved)) == first
    saved.rewind()
    saved.edit("network", 20, 0.5)
    assert run(Streams(8, saved)) == [*first[:20], 5 * MS, *first[21:]]


def test_a_rule_counts_from_its_installation_and_to_its_removal() -> None:
    """Known routes and standing connections meet a rule at the next packet, and no longer than it stands."""
    with SmallNetwork(link=Link(constant_ns=MS)) as net:
        client, server = net.connect()
        client.send(1, 10)
        cut = net.with_rule(Partition(A, B))
        client.send(2, 10)
        net.fabric.remove(cut)
        client.send(3, 10)
        assert [server.receive(), server.receive(), server.receive()] == [1, 2, 3]
        assert cut.fired == 1


def test_a_change_of_the_links_counts_from_the_next_packet() -> None:
    """After `changed()` a connection that stands takes the new latency."""
    links = Links(Link(constant_ns=MS))
    with SmallNetwork(links=links) as net:
        client, server = net.connect()
        links.set_default(Link(constant_ns=9 * MS))
        net.fabric.changed()
        began = net.now
        client.send(1, 10)
        server.receive()
        assert net.now - began == 9 * MS


def test_a_rule_is_asked_once_a_pair_whether_it_is_its_business() -> None:
    """`covers` is asked for each route, `on_packet` for each packet on the routes that it covers."""

    class Counting(Loss):
        asked = 0

        def covers(self, source: str, target: str) -> bool:
            """Count the questions."""
            Counting.asked += 1
            return super().covers(source, target)

    with SmallNetwork("a/0", "b/0", "c/0", link=Link(constant_ns=MS)) as net:
        rule = net.with_rule(Counting(A, B, probability=0.0, stream=Stream(1)))
        for _ in range(3):
            fates(net, 5)
            fates(net, 5, "a/0", "c/0")
        assert Counting.asked == 2
        assert rule.fired == 0


def test_packets_name_their_kind_their_way_and_their_size() -> None:
    """What a rule is shown reads as what it is."""
    seen: list[str] = []
    with SmallNetwork(link=Link(constant_ns=MS)) as net:
        rule = Partition(A, B)

        def look(packet: Packet) -> None:
            seen.append(repr(packet))

        rule.on_packet = look  # type: ignore[assignment,method-assign]  # passes everything
        net.fabric.install(rule)
        client, _ = net.connect()
        client.send("x", 60)
        client.close()
    assert seen == [
        "<Packet syn a/0 -> b/0:80 60B>",
        "<Packet accept b/0 -> a/0:80 60B>",
        "<Packet data a/0 -> b/0:80 100B>",
        "<Packet fin a/0 -> b/0:80 40B>",
    ]
