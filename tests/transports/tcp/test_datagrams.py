"""Datagrams between hosts: lost, doubled and overtaken as the network's rules say."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING, Any

from meshsim.network.rules import Double, Loss, Slow

if TYPE_CHECKING:
    from socket_world import SocketWorld

COUNT = 40


def everyone(name: str) -> bool:
    """Mean every host."""
    return bool(name)


def received(world: SocketWorld, *rules: Any) -> list[int]:
    """Return the numbers that a host receives of those that are sent to it in order."""
    got: list[int] = []

    def receive() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as receiver:
            receiver.bind(("", 514))
            while True:
                got.append(int(receiver.recv(100)))

    world.run("log", receive)
    for rule in rules:
        world.fabric.install(rule)
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for number in range(COUNT):
            sender.sendto(str(number).encode(), ("log", 514))
    world.kernel.sleep(1_000_000_000)
    return got


def test_without_rules_all_arrive_in_order(world: SocketWorld) -> None:
    """A link of one latency delivers each datagram once, in the order sent."""
    assert received(world) == list(range(COUNT))


def test_some_are_lost(world: SocketWorld) -> None:
    """A datagram that is lost is not sent again."""
    rule = Loss(everyone, everyone, probability=0.5, stream=random.Random(1))
    got = received(world, rule)
    assert len(got) == COUNT - rule.fired
    assert 0 < rule.fired < COUNT
    assert got == sorted(set(got))


def test_some_are_doubled(world: SocketWorld) -> None:
    """A datagram that is doubled arrives twice."""
    rule = Double(everyone, everyone, probability=0.5, stream=random.Random(1))
    got = received(world, rule)
    assert len(got) == COUNT + rule.fired
    assert set(got) == set(range(COUNT))
    assert 0 < rule.fired < COUNT


def test_some_overtake_others(world: SocketWorld) -> None:
    """Datagrams with a delay each are not put in order again."""
    rule = Slow(everyone, everyone, sample=lambda stream: stream.randrange(10**8), stream=random.Random(1))
    got = received(world, rule)
    assert sorted(got) == list(range(COUNT))
    assert got != sorted(got)


def test_a_stream_takes_no_notice_of_doubling(world: SocketWorld) -> None:
    """What is doubled on a stream is still read once."""

    def serve() -> None:
        with socket.create_server(("", 7)) as listening:
            connection, _ = listening.accept()
            with connection:
                while data := connection.recv(100):
                    connection.sendall(data)

    world.run("echo", serve)
    world.fabric.install(Double(everyone, everyone, probability=1.0, stream=random.Random(1)))
    with socket.create_connection(("echo", 7)) as client:
        client.sendall(b"once")
        world.kernel.sleep(10**9)
        assert client.recv(100) == b"once"
