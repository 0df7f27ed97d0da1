"""Sockets on simulated hosts: links, faults, crashes, virtual time and the trace."""

from __future__ import annotations

import time
from typing import Any

import pytest
import zmq

from meshsim.world import World

MS = 0.001


def echo() -> None:
    """Answer for ever."""
    socket = zmq.Context().socket(zmq.REP)
    socket.bind("tcp://*:5555")
    while True:
        socket.send(socket.recv())


def ticker() -> None:
    """Publish a number every 10 ms; each boot begins at 0."""
    socket = zmq.Context().socket(zmq.PUB)
    socket.bind("tcp://*:5556")
    number = 0
    while True:
        socket.send(b"%d" % number)
        number += 1
        time.sleep(0.01)


def sink() -> None:
    """Take what comes, and do nothing with it."""
    socket = zmq.Context().socket(zmq.PULL)
    socket.bind("tcp://*:5557")
    while True:
        socket.recv()


def world(**options: Any) -> World:
    return (
        World(seed=1, **options)
        .service("echo", python=echo)
        .service("ticker", python=ticker)
        .service("sink", python=sink)
        .link("*", "*", latency="2ms")
    )


def connected(kind: int, address: str, **options: Any) -> Any:
    socket: Any = zmq.Context.instance().socket(kind)
    for name, value in options.items():
        setattr(socket, name, value)
    socket.connect(address)
    return socket


def test_a_round_trip_takes_the_links_time() -> None:
    """A request and its reply take two latencies of virtual time, once connected."""
    with world() as mesh:
        req = connected(zmq.REQ, "tcp://echo:5555")
        req.send(b"first")
        req.recv()
        begun = mesh.now
        req.send(b"second")
        assert req.recv() == b"second"
        assert mesh.now - begun == pytest.approx(4 * MS)
        zmq.Context.instance().destroy(linger=0)


def test_messages_have_a_size() -> None:
    """Bandwidth slows a big message down by what it measures on the wire."""
    spec = World(seed=1).service("echo", python=echo).link("*", "*", latency="1ms", bandwidth="1MB/s")
    with spec as mesh:
        req = connected(zmq.REQ, "tcp://echo:5555")
        req.send(b"")
        req.recv()
        begun = mesh.now
        req.send(bytes(500_000))
        req.recv()
        assert 1.0 < mesh.now - begun < 1.01
        zmq.Context.instance().destroy(linger=0)


def test_a_partition_stalls_and_heals() -> None:
    """What is sent during a partition arrives after it, in order and once."""
    with world() as mesh:
        req = connected(zmq.REQ, "tcp://echo:5555", rcvtimeo=500)
        req.send(b"before")
        req.recv()
        with mesh.partition("test", "echo"):
            req.send(b"during")
            with pytest.raises(zmq.Again):
                req.recv()
        req.rcvtimeo = 5000
        assert req.recv() == b"during"
        zmq.Context.instance().destroy(linger=0)


def test_loss_is_only_delay() -> None:
    """On a lossy link nothing is lost, doubled or out of order: the stream is sent again."""
    spec = World(seed=1).service("echo", python=echo).link("*", "*", latency="1ms", loss="20%")
    with spec as mesh:
        dealer = connected(zmq.DEALER, "tcp://echo:5555")
        for number in range(50):
            dealer.send_multipart([b"", b"%d" % number])
        got = [dealer.recv_multipart()[1] for _ in range(50)]
        assert got == [b"%d" % number for number in range(50)]
        assert mesh.now > 0.2
        zmq.Context.instance().destroy(linger=0)


def test_a_crashed_peer_is_found_out_by_sending() -> None:
    """A sender learns of a crash from the reset that answers it, queues, and goes on after the restart."""
    with world() as mesh:
        req = connected(zmq.REQ, "tcp://echo:5555", req_relaxed=1, req_correlate=1, rcvtimeo=300)
        req.send(b"1")
        assert req.recv() == b"1"
        mesh.host("echo/0").crash()
        for _ in range(2):
            req.send(b"lost")
            with pytest.raises(zmq.Again):
                req.recv()
        mesh.host("echo/0").restart()
        req.rcvtimeo = 5000
        req.send(b"2")
        assert req.recv() == b"2"
        zmq.Context.instance().destroy(linger=0)


def test_a_subscriber_of_a_crashed_publisher_hears_the_next_one() -> None:
    """A SUB, which sends nothing, is silent while its publisher is down, and hears it once it is up again."""
    with world() as mesh:
        sub = connected(zmq.SUB, "tcp://ticker:5556")
        sub.subscribe("")
        sub.recv()
        mesh.host("ticker/0").crash()
        mesh.run_for("50ms")
        while sub.poll(0):
            sub.recv()
        assert sub.poll(2000) == 0
        mesh.host("ticker/0").restart()
        assert sub.poll(3000) == zmq.POLLIN
        assert int(sub.recv()) < 100
        zmq.Context.instance().destroy(linger=0)


def test_heartbeats_find_out_a_silent_peer() -> None:
    """With HEARTBEAT_IVL a partition is noticed: the connection is given up and tried again."""
    with world() as mesh:
        sub = connected(zmq.SUB, "tcp://ticker:5556", heartbeat_ivl=200, heartbeat_timeout=300)
        sub.subscribe("")
        monitor = sub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        sub.recv()
        with mesh.partition("test", "ticker"):
            assert monitor.poll(2000)
        assert sub.poll(5000)
        zmq.Context.instance().destroy(linger=0)


def test_a_process_that_ends_in_order_says_goodbye() -> None:
    """When a program ends, its machine closes its connections, and peers see that at once."""
    kept = []

    def short() -> None:
        socket: Any = zmq.Context().socket(zmq.PULL)
        kept.append(socket)
        socket.bind("tcp://*:5558")
        socket.recv()

    with World(seed=1).service("short", python=short) as mesh:
        push: Any = zmq.Context.instance().socket(zmq.PUSH)
        monitor = push.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        push.connect("tcp://short:5558")
        push.send(b"end")
        assert monitor.poll(1000)
        assert mesh.now < 1
        zmq.Context.instance().destroy(linger=0)


def test_a_poll_of_zero_neither_stops_nor_spins() -> None:
    """A loop of polls without waiting lets time pass, so that what it waits for happens."""
    with world() as mesh:
        sub = connected(zmq.SUB, "tcp://ticker:5556")
        sub.subscribe("")
        sub.recv()
        looks = 0
        begun = mesh.now
        while mesh.now - begun < 1:
            looks += 1
            if sub.poll(0):
                sub.recv()
        assert looks < 30_000
        begun = mesh.now
        for _ in range(5):
            while True:
                try:
                    sub.recv(zmq.NOBLOCK)
                    break
                except zmq.Again:
                    pass
        assert 0.03 < mesh.now - begun < 0.1
        while not sub.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            pass
        zmq.Context.instance().destroy(linger=0)


def test_each_process_has_its_own_global_context() -> None:
    """Context.instance() is one object a process, and names bound in it are not seen by another host."""
    seen: dict[str, Any] = {}

    def first() -> None:
        seen["first"] = zmq.Context.instance()
        seen["pull"] = seen["first"].socket(zmq.PULL)
        seen["pull"].bind("inproc://name")
        time.sleep(1)
        seen["again"] = zmq.Context.instance()

    def second() -> None:
        time.sleep(0.5)
        seen["second"] = zmq.Context.instance()
        seen["other"] = seen["second"].socket(zmq.PULL)
        seen["other"].bind("inproc://name")

    with World(seed=1).service("first", python=first).service("second", python=second) as mesh:
        mesh.run_for("2s")
        assert seen["first"] is seen["again"]
        assert seen["second"] is not seen["first"]


def test_the_world_gives_the_test_a_context() -> None:
    """mesh.zmq() is a new context of pyzmq's on the host `test`."""
    with world() as mesh:
        with mesh.zmq() as context, context.socket(zmq.REQ) as req:
            req.connect("tcp://echo:5555")
            req.send(b"hello")
            assert req.recv() == b"hello"
        assert mesh.zmq() is not mesh.zmq()


def test_requests_are_calls_of_the_trace() -> None:
    """A REQ's request is a call to whoever answered it, with its time; one that nobody waits for any more failed."""
    with world() as mesh:
        req = connected(zmq.REQ, "tcp://echo:5555", req_relaxed=1)
        for words in (b"order 17", b"order 18"):
            req.send(words)
            req.recv()
        mesh.host("echo/0").crash()
        req.send(b"order")
        req.send(b"cancel")
        req.close()
        calls = mesh.trace.requests("test -> echo REQ")
        assert [(call.room, call.target, call.answered, call.error) for call in calls] == [
            ("zeromq", "echo/0", True, ""),
            ("zeromq", "echo/0", True, ""),
            ("zeromq", "echo/0", False, "given up for another request"),
            ("zeromq", "echo/0", False, "closed before the reply"),
        ]
        assert [call.request.path for call in calls if call.request] == [
            "order 17",
            "order 18",
            "order",
            "cancel",
        ]
        assert calls[1].replied_at == pytest.approx(calls[1].sent_at + 4 * MS)


def trace(carrier: str) -> tuple[str, list[bytes]]:
    with world(carrier=carrier) as mesh:
        sub, req = connected(zmq.SUB, "tcp://ticker:5556"), connected(zmq.REQ, "tcp://echo:5555")
        sub.subscribe("")
        got = []
        for number in range(5):
            req.send(b"%d" % number)
            got += [req.recv(), sub.recv()]
        zmq.Context.instance().destroy(linger=0)
        return mesh.hash, got


def test_the_same_seed_gives_the_same_run() -> None:
    """Two runs of a seed have the same trace, on greenlets and on threads."""
    assert trace("greenlet") == trace("greenlet") == trace("thread")


def test_a_deadlock_names_the_sockets() -> None:
    """A program that waits for nobody is reported with its socket's type and endpoint."""
    from meshsim.errors import DeadlockError

    with World(seed=1).service("echo", python=echo):
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://*:1234")
            with pytest.raises(DeadlockError, match=r"ZeroMQ PULL \(tcp://0.0.0.0:1234\)"):
                pull.recv()
