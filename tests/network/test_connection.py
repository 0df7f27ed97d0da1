"""Connections: ordered streams, with TCP's ways of going wrong at TCP's times."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.errors import UsageError
from meshsim.network import packet as kinds
from meshsim.network.connection import EOF
from meshsim.network.fabric import BROKEN, LOST
from meshsim.network.link import Link
from meshsim.network.outcome import ConnectionReset, ReceiveTimeout
from meshsim.network.rules import Partition
from meshsim.network.verdict import BROKEN as BREAKS
from meshsim.network.verdict import DROPPED, Verdict
from tests.network.small_network import MS, SECOND, SmallNetwork, everything, named

A, B = named("a/0"), named("b/0")
SLOW = Link(constant_ns=10 * MS)


class Scripted:
    """A rule with one answer for each packet with data or an end, in order; then it passes."""

    def __init__(self, *answers: Verdict | None, of: tuple[int, ...] = (kinds.DATA, kinds.FIN)) -> None:
        self.answers = list(answers)
        self.kinds = of
        self.fired = 0

    def covers(self, source: str, target: str) -> bool:
        """Whether packets between these two are meant."""
        return True

    def on_packet(self, packet: Any) -> Verdict | None:
        """Give the next answer."""
        if packet.kind not in self.kinds or not self.answers:
            return None
        self.fired += 1
        return self.answers.pop(0)


def arrivals(net: SmallNetwork, end: Any) -> list[tuple[object, int]]:
    """Collect what arrives at an end, each with the milliseconds from now on."""
    began, found = net.now, list[tuple[object, int]]()
    end.on_message(lambda item: found.append((item, (net.now - began) // MS)))
    return found


def test_messages_come_whole_and_in_order_and_then_the_end() -> None:
    """Both directions are streams of their own; after the end EOF is read for ever."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        message = object()
        client.send(message, 10)
        client.send("two", 10)
        server.send("answer", 10)
        client.close()
        assert not server.readable
        assert server.receive() is message
        assert server.receive() == "two"
        assert server.receive() is EOF
        assert server.receive() is EOF
        assert not server.receive()
        assert server.broken


def test_a_half_close_leaves_the_other_half_open() -> None:
    """After `finish` one can still receive, and the end is told once."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        heard = everything(server)
        client.finish()
        client.finish()
        client.close()
        net.sleep(SECOND)
        assert heard == [EOF]
        one, other = net.connect()
        one.finish()
        assert other.receive() is EOF
        other.send("late", 10)
        assert one.receive() == "late"


def test_a_reader_waits_on_virtual_time_and_keeps_its_connection() -> None:
    """A timeout ends the wait at its moment and costs nothing else: what comes later can still be read."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        began = net.now
        client.send("x", 10)
        with pytest.raises(ReceiveTimeout, match="nothing came in time"):
            server.receive(4 * MS)
        assert net.now - began == 4 * MS
        assert server.receive(20 * MS) == "x"
        assert net.now - began == 10 * MS


def test_a_lost_message_comes_200_ms_later_and_holds_up_what_is_behind_it() -> None:
    """A stream loses nothing: the network's loss is a stall, at TCP's first retransmission."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        heard = arrivals(net, server)
        net.fabric.install(Scripted(DROPPED))
        client.send(1, 10)
        net.sleep(50 * MS)
        client.send(2, 10)
        net.sleep(SECOND)
        client.send(3, 10)
        net.sleep(SECOND)
        assert heard == [(1, 210), (2, 210), (3, 1060)]


def test_retransmissions_are_ever_further_apart_and_begin_again_after_a_success() -> None:
    """200 ms, 400 ms, 800 ms after each other; the next loss begins at 200 ms."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        heard = arrivals(net, server)
        net.fabric.install(Scripted(DROPPED, DROPPED, DROPPED, None, DROPPED))
        client.send(1, 10)
        client.send(2, 10)
        net.sleep(10 * SECOND)
        assert heard == [(1, 1410), (2, 1610)]


def test_a_stall_is_ended_by_somebodys_timeout_alone() -> None:
    """In a partition the writer hears of nothing and the reader times out; after it both go on as they were."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        cut = net.with_rule(Partition(A, B))
        client.send("x", 10)
        with pytest.raises(ReceiveTimeout):
            client.receive(5 * SECOND)
        client.send("y", 10)
        assert not client.broken
        net.fabric.remove(cut)
        assert [server.receive(60 * SECOND), server.receive(0)] == ["x", "y"]


def test_what_nobody_acknowledges_breaks_the_connection_after_a_quarter_of_an_hour() -> None:
    """After 15 retransmissions, 924.6 s, the writer gives up; one who only reads never learns."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        net.fabric.install(Partition(A, B))
        began = net.now
        client.send("x", 10)
        with pytest.raises(ConnectionReset, match="timed out"):
            client.receive()
        assert (net.now - began) / SECOND == pytest.approx(924.6, abs=0.01)
        assert len([fate for *_, fate in net.packets if fate == LOST]) == 16
        assert not server.broken


@pytest.mark.parametrize("sent", ["nothing", "a message"])
def test_an_abort_resets_the_other_end(sent: str) -> None:
    """The peer is told one latency later, loses what it has not read, and cannot send."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        if sent == "a message":
            client.send("unread", 10)
        client.abort()
        net.sleep(9 * MS)
        assert not server.broken
        net.sleep(2 * MS)
        assert server.broken
        for _ in range(2):
            with pytest.raises(ConnectionReset, match="by peer"):
                server.receive()
        with pytest.raises(ConnectionReset, match="by peer"):
            server.send("x", 10)
        with pytest.raises(ConnectionReset, match="after it was closed"):
            client.send("x", 10)


def test_a_crashed_peer_is_silent_until_something_is_sent() -> None:
    """Nothing says that the process has died; the machine answers a message with a reset."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        net.crash("b/0")
        with pytest.raises(ReceiveTimeout):
            client.receive(100 * SECOND)
        assert not client.broken
        began = net.now
        client.send("anybody?", 10)
        with pytest.raises(ConnectionReset, match="by peer"):
            client.receive(SECOND)
        assert net.now - began == 20 * MS
        server.send("a dead process sends nothing", 10)
        assert all(source != "b/0" or kind == kinds.RESET for source, _, kind, *_ in net.packets[2:])


def test_two_dead_ends_do_not_answer_each_other() -> None:
    """A reset is not answered, whoever it reaches."""
    with SmallNetwork(link=SLOW) as net:
        client, _ = net.connect()
        client.abort()
        net.crash("a/0")
        net.crash("b/0")
        net.sleep(1000 * SECOND)
        assert [kind for _, _, kind, *_ in net.packets].count(kinds.RESET) == 1


def test_a_crashed_writer_sends_nothing_again() -> None:
    """What was lost before a crash is not repeated after it."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        heard = everything(server)
        cut = net.with_rule(Partition(A, B))
        client.send("x", 10)
        net.crash("a/0")
        net.fabric.remove(cut)
        net.sleep(1000 * SECOND)
        assert heard == []


def test_the_machine_of_a_process_that_ended_in_order_sends_what_is_left() -> None:
    """An exit with status 0 while a packet is lost: it is repeated, and the end comes behind it."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        heard = arrivals(net, server)
        net.fabric.install(Scripted(DROPPED, None, DROPPED))
        client.send("goodbye", 10)
        process = client.process
        process.at_death.append(client.farewell)
        net.kernel.kill(process, 0)
        net.sleep(10 * SECOND)
        assert heard == [("goodbye", 210), (EOF, 410)]


def test_the_answer_of_a_dead_peer_is_repeated_as_the_question_is() -> None:
    """A reset that is lost comes again: who asks a crashed host in a bad network is not left without an answer."""
    with SmallNetwork(link=SLOW) as net:
        client, _ = net.connect()
        net.crash("b/0")
        net.fabric.install(Scripted(DROPPED, DROPPED, of=(kinds.RESET,)))
        began = net.now
        client.send("anybody?", 10)
        with pytest.raises(ConnectionReset, match="by peer"):
            client.receive()
        assert net.now - began == 620 * MS


def test_an_answer_under_way_is_read_before_the_reset_behind_it() -> None:
    """A host that answers, dies and is asked again: the reset does not overtake the answer."""
    draws = iter([1, 1, 500, 1, 1])
    with SmallNetwork(link=Link(sample=lambda _: next(draws) * MS, constant_ns=None)) as net:
        client, server = net.connect()
        server.send("answer", 10)
        net.crash("b/0")
        heard = arrivals(net, client)
        client.send("more?", 10)
        net.sleep(SECOND)
        assert [(type(item).__name__, at) for item, at in heard] == [("str", 500), ("ConnectionReset", 500)]


def test_nothing_comes_after_a_connection_is_broken() -> None:
    """What was under way, and what waits behind a message at which a rule broke it, is gone on both sides."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        heard = everything(server)
        client.send("under way", 10)
        net.fabric.install(Scripted(DROPPED, BREAKS))
        client.send("breaks when it is sent again", 10)
        client.send("behind it", 10)
        net.sleep(5 * MS)
        client.close()
        net.sleep(2 * SECOND)
        assert [type(item).__name__ for item in heard] == ["str", "ConnectionReset"]
        assert [fate for *_, kind, _, fate in net.packets if kind == kinds.DATA] == [10 * MS, LOST, BROKEN]
        client, server = net.connect()
        heard = everything(server)
        client.send("under way", 10)
        net.fabric.install(Scripted(BREAKS))
        client.send("breaks at once", 10)
        net.sleep(SECOND)
        assert [type(item).__name__ for item in heard] == ["ConnectionReset"]


def test_what_comes_for_a_closed_end_is_answered_with_a_reset() -> None:
    """Data that arrives after `close` breaks the peer, its end does not."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        client.close()
        heard = everything(server)
        server.send("too late", 10)
        net.sleep(SECOND)
        assert [type(item).__name__ for item in heard] == ["EndOfStream", "ConnectionReset"]
        one, other = net.connect()
        one.close()
        other.close()
        before = len(net.packets)
        net.sleep(SECOND)
        assert len(net.packets) == before
        one, _ = net.connect()
        one.close()
        with pytest.raises(ConnectionReset, match="read after it was closed"):
            one.receive()


def test_waiting_for_a_message_needs_a_flow_that_can_wait() -> None:
    """On the hub there is nobody to park: it is an error with its cure."""
    with SmallNetwork(link=SLOW) as net:
        _, server = net.connect()
        net.kernel.call_at(net.now, server.receive)
        with pytest.raises(UsageError, match="spawn a task"):
            net.sleep(SECOND)


def test_a_connection_says_between_whom_it_is() -> None:
    """Its repr and its errors name both hosts and the port, never an address."""
    with SmallNetwork(link=SLOW) as net:
        client, server = net.connect()
        assert (repr(client), repr(server)) == ("<Connection a/0 - b/0:80>", "<Connection b/0 - a/0:80>")
        assert (client.peer_host, server.peer_host) == ("b/0", "a/0")
        assert repr(EOF) == "EOF"
