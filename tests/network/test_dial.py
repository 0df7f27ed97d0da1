"""Attempts to connect: refused, silent, repeated and given up, each at its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import FenceError
from meshsim.network import packet as kinds
from meshsim.network.link import Link
from meshsim.network.outcome import ConnectRefused, ConnectTimeout
from meshsim.network.rules import Loss, Partition, Refuse, Reset
from meshsim.network.verdict import BROKEN
from tests.network.small_network import MS, PORT, SECOND, SmallNetwork, named
from tests.network.test_connection import Scripted

if TYPE_CHECKING:
    from meshsim.network.connection import Connection

A, B = named("a/0"), named("b/0")
SLOW = Link(constant_ns=10 * MS)


def syns(net: SmallNetwork) -> int:
    """Count the attempts that went out."""
    return sum(kind == kinds.SYN for _, _, kind, *_ in net.packets)


def test_a_connection_takes_the_way_there_and_back() -> None:
    """Both ends stand after one round trip, the server's half of it earlier."""
    with SmallNetwork(link=SLOW) as net:
        accepted: list[int] = []
        net.fabric.listen(net.host("b/0"), PORT, lambda _: accepted.append(net.now))
        began = net.now
        net.fabric.connect(net.host("a/0"), "b", PORT, None)
        assert (net.now - began, accepted) == (20 * MS, [began + 10 * MS])


def test_a_closed_port_refuses_after_a_round_trip() -> None:
    """Nothing listens: the machine says so, as it does after the listener was closed."""
    with SmallNetwork(link=SLOW) as net:
        assert net.refusal("a/0", "b") == ("ConnectRefused", 20 * MS)
        listener = net.fabric.listen(net.host("b/0"), PORT, lambda _: None)
        assert net.refusal("a/0", "b") == ("connected", 20 * MS)
        listener.close()
        listener.close()
        assert net.refusal("a/0", "b") == ("ConnectRefused", 20 * MS)


def test_a_crashed_host_refuses_because_it_was_tried() -> None:
    """Its ports are closed with its process, and open again when its next process listens."""
    with SmallNetwork(link=SLOW) as net:
        net.connect()
        net.crash("b/0")
        assert net.refusal("a/0", "b") == ("ConnectRefused", 20 * MS)
        net.kernel.boot(net.host("b/0"))
        assert net.refusal("a/0", "b") == ("ConnectRefused", 20 * MS)
        client, server = net.connect()
        assert client.peer is server


def test_a_rule_refuses_at_once() -> None:
    """A refusal by a rule comes without a journey, and only new connections meet it."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        net.fabric.install(Refuse(A, B))
        with pytest.raises(ConnectRefused, match="a/0 -> b/0:80: connection refused"):
            net.fabric.connect(net.host("a/0"), "b", PORT, None)
        client.send("x", 10)
        assert server.receive() == "x"


def test_a_partition_is_silent_until_the_callers_own_timeout() -> None:
    """Nobody answers; the attempt ends when the caller says, and leaves nothing behind."""
    with SmallNetwork(link=SLOW) as net:
        net.connect()
        cut = net.with_rule(Partition(A, B))
        assert net.refusal("a/0", "b", 5 * SECOND) == ("ConnectTimeout", 5 * SECOND)
        sent = syns(net)
        net.fabric.remove(cut)
        net.sleep(1000 * SECOND)
        assert syns(net) == sent, "nobody goes on trying"


def test_an_attempt_is_repeated_after_1_2_4_seconds_and_given_up_after_127() -> None:
    """As Linux does with tcp_syn_retries at 6, when the caller has no timeout of its own."""
    with SmallNetwork(link=SLOW) as net:
        accepted: list[Connection] = []
        net.fabric.listen(net.host("b/0"), PORT, accepted.append)
        times: list[float] = []
        began = net.now
        net.fabric.on_packet = lambda *_: times.append((net.now - began) / SECOND)
        net.fabric.install(Partition(A, B))
        with pytest.raises(ConnectTimeout, match="timed out"):
            net.fabric.connect(net.host("a/0"), "b", PORT, None)
        assert times == [0, 1, 3, 7, 15, 31, 63]
        assert accepted == []


@pytest.mark.parametrize("lost", [kinds.SYN, kinds.ACCEPT])
def test_a_lost_handshake_costs_a_second_and_one_connection_stands(lost: int) -> None:
    """Whichever way the packet was lost, the server has one connection, not two."""
    with SmallNetwork(link=SLOW) as net:
        accepted: list[Connection] = []
        net.fabric.listen(net.host("b/0"), PORT, accepted.append)
        one_lost = Loss(A, B, probability=1.0, stream=net.streams.get("network"))
        original = one_lost.on_packet

        def once(packet: Any) -> Any:
            return original(packet) if packet.kind == lost and not one_lost.fired else None

        one_lost.on_packet = once  # type: ignore[method-assign]  # of this one packet
        net.fabric.install(one_lost)
        began = net.now
        client = net.fabric.connect(net.host("a/0"), "b", PORT, None)
        assert net.now - began == SECOND + (20 if lost == kinds.SYN else 30) * MS
        assert [end.peer for end in accepted] == [client]


def test_a_partition_that_heals_lets_the_next_attempt_through() -> None:
    """Who waits long enough is connected by the repetition behind the healing."""
    with SmallNetwork(link=SLOW) as net:
        net.connect()
        cut = net.with_rule(Partition(A, B))
        net.kernel.call_at(net.now + 2 * SECOND, net.fabric.remove, cut)
        assert net.refusal("a/0", "b") == ("connected", 3 * SECOND + 20 * MS)


def test_a_full_queue_does_not_answer() -> None:
    """A listener that nobody accepts from drops attempts, which come again, as Linux has it."""
    with SmallNetwork(link=SLOW) as net:
        listener = net.fabric.listen(net.host("b/0"), PORT, lambda _: None)
        listener.full = True
        assert net.refusal("a/0", "b", SECOND) == ("ConnectTimeout", SECOND)
        net.kernel.call_at(net.now + 2 * SECOND, setattr, listener, "full", False)
        outcome, took = net.refusal("a/0", "b")
        assert outcome == "connected"
        assert 3 * SECOND < took < 4 * SECOND


def test_a_reset_meets_an_attempt_only_where_a_rule_says_so() -> None:
    """The rule that breaks connections lets handshakes pass; one that breaks the answer is told to the caller."""
    with SmallNetwork(link=SLOW) as net:
        net.connect()
        rule = net.with_rule(Reset(A, B))
        assert net.refusal("a/0", "b") == ("connected", 20 * MS)
        net.fabric.remove(rule)
        net.fabric.install(Scripted(BROKEN, of=(kinds.ACCEPT,)))
        assert net.refusal("a/0", "b") == ("ConnectionReset", 10 * MS)


def test_an_attempt_that_is_given_up_is_not_accepted_for_long() -> None:
    """The server's end of a connection that nobody waits for any more is reset."""
    with SmallNetwork(link=SLOW) as net:
        accepted: list[Connection] = []
        net.fabric.listen(net.host("b/0"), PORT, accepted.append)
        assert net.refusal("a/0", "b", 15 * MS) == ("ConnectTimeout", 15 * MS)
        net.sleep(SECOND)
        assert all(end.broken for end in accepted)


def test_a_caller_that_dies_is_not_connected() -> None:
    """An attempt ends with its process: nothing more is sent for it."""
    with SmallNetwork(link=SLOW) as net:
        net.connect()
        net.fabric.install(Partition(A, B))
        outcomes: list[object] = []
        attempt = net.fabric.dial(net.host("a/0"), "b", PORT, outcomes.append)
        assert repr(attempt) == "connection to b/0:80"
        net.crash("a/0")
        sent = syns(net)
        net.sleep(200 * SECOND)
        assert syns(net) == sent
        assert outcomes == []


def test_an_unknown_name_meets_the_fence_with_what_is_near() -> None:
    """The error names who called, the nearest name, and the lines that would fake the host."""
    with SmallNetwork("shop/0", "orders/0") as net, pytest.raises(FenceError) as caught:
        net.fabric.connect(net.host("shop/0"), "ordres", 443, None)
    text = str(caught.value)
    assert "shop/0 calls ordres:443" in text
    assert "did you mean 'orders'?" in text
    assert "external: {host: ordres}" in text
    assert "aliases: [ordres]" in text
