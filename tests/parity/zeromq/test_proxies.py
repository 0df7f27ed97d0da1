"""Proxies and devices: forwarding, steered and not."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.devices

from tests.parity.zeromq.sockets import bound, connected

if TYPE_CHECKING:
    from tests.parity.zeromq.sockets import Context

pytestmark = pytest.mark.usefixtures("arm")
PATIENCE_S = 10


def test_a_proxy_forwards_both_ways(ctx: Context) -> None:
    """zmq.proxy joins clients and workers, tells a capture socket, and ends with its context."""
    assert ctx is not None
    own: Any = zmq.Context()
    ended: list[Any] = []
    ready = threading.Event()
    addresses: list[str] = []

    def run_proxy() -> None:
        front, front_address = bound(own, zmq.ROUTER, linger=0)
        back, back_address = bound(own, zmq.DEALER, linger=0)
        capture, capture_address = bound(own, zmq.PUSH, linger=0)
        addresses.extend([front_address, back_address, capture_address])
        ready.set()
        try:
            zmq.proxy(front, back, capture)
        except zmq.ContextTerminated as error:
            ended.append(error.errno)
        for socket in (front, back, capture):
            socket.close()

    thread = threading.Thread(target=run_proxy)
    thread.start()
    ready.wait()
    spy = connected(ctx, zmq.PULL, addresses[2])
    client, worker = connected(ctx, zmq.REQ, addresses[0]), connected(ctx, zmq.REP, addresses[1])
    client.send(b"question")
    assert worker.recv() == b"question"
    worker.send(b"answer")
    assert client.recv() == b"answer"
    assert [spy.recv_multipart()[1:] for _ in range(2)] == [[b"", b"question"], [b"", b"answer"]]
    own.term()
    thread.join()
    assert ended == [zmq.ETERM]


def test_a_proxy_of_publishers_forwards_subscriptions(ctx: Context) -> None:
    """XSUB and XPUB in a proxy carry subscriptions one way and messages the other."""
    own: Any = zmq.Context()
    front, back = own.socket(zmq.XSUB), own.socket(zmq.XPUB)
    for socket in (front, back):
        socket.linger = 0
    front_address = f"tcp://127.0.0.1:{front.bind_to_random_port('tcp://127.0.0.1')}"
    back_address = f"tcp://127.0.0.1:{back.bind_to_random_port('tcp://127.0.0.1')}"

    def run_proxy() -> None:
        try:
            zmq.proxy(front, back)
        except zmq.ContextTerminated:
            front.close()
            back.close()

    thread = threading.Thread(target=run_proxy)
    thread.start()
    pub, sub = connected(ctx, zmq.XPUB, front_address), connected(ctx, zmq.SUB, back_address)
    sub.subscribe("t")
    assert pub.recv() == b"\1t"
    pub.send_multipart([b"topic", b"x"])
    assert sub.recv_multipart() == [b"topic", b"x"]
    own.term()
    thread.join()


def test_a_steerable_proxy_obeys(ctx: Context) -> None:
    """STATISTICS and TERMINATE do what they say; PAUSE goes on and RESUME pauses: libzmq 4.3.5 swaps them."""
    front, front_address = bound(ctx, zmq.PULL)
    back, back_address = bound(ctx, zmq.PUSH)
    control = ctx.socket(zmq.REP)
    control.bind("inproc://control")
    steer = ctx.socket(zmq.REQ)
    steer.connect("inproc://control")
    thread = threading.Thread(target=zmq.proxy_steerable, args=(front, back, None, control))
    thread.start()
    push, pull = connected(ctx, zmq.PUSH, front_address), connected(ctx, zmq.PULL, back_address)

    def command(word: bytes) -> list[bytes]:
        steer.send(word)
        return steer.recv_multipart()

    push.send(b"1")
    assert pull.recv() == b"1"
    assert command(b"PAUSE") == [b""]
    push.send(b"22")
    assert pull.recv() == b"22"
    assert command(b"RESUME") == [b""]
    push.send(b"333")
    assert not pull.poll(150)
    numbers = [int.from_bytes(frame, sys.byteorder) for frame in command(b"STATISTICS")]
    assert numbers == [2, 3, 0, 0, 0, 0, 2, 3]
    assert command(b"PAUSE") == [b""]
    assert pull.recv() == b"333"
    assert command(b"TERMINATE") == [b""]
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_device_runs_in_a_thread(ctx: Context) -> None:
    """zmq.devices.ThreadProxy forwards in the background."""
    device = zmq.devices.ThreadProxy(zmq.PULL, zmq.PUSH)
    front = device.bind_in_to_random_port("tcp://127.0.0.1")
    back = device.bind_out_to_random_port("tcp://127.0.0.1")
    device.setsockopt_in(zmq.LINGER, 0)
    device.setsockopt_out(zmq.LINGER, 0)
    device.start()
    push = connected(ctx, zmq.PUSH, f"tcp://127.0.0.1:{front}")
    pull = connected(ctx, zmq.PULL, f"tcp://127.0.0.1:{back}")
    push.send(b"through")
    assert pull.recv() == b"through"
    zmq.Context.instance().term()
    device.join()
