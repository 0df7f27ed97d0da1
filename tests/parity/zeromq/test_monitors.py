"""What monitors tell of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from tests.parity.zeromq.sockets import bound, settle, told, watched

if TYPE_CHECKING:
    from tests.parity.zeromq.sockets import Context

pytestmark = pytest.mark.usefixtures("arm")


def test_a_monitor_tells_of_connections(ctx: Context) -> None:
    """Both ends tell what happens to them, with the address."""
    pull = ctx.socket(zmq.PULL)
    at_pull = watched(pull)
    address = f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}"
    push = ctx.socket(zmq.PUSH)
    at_push = watched(push)
    push.reconnect_ivl = 60_000
    push.connect(address)
    push.send(b"x")
    pull.recv()
    assert told(at_push, zmq.EVENT_HANDSHAKE_SUCCEEDED) == [
        (name, address.encode()) for name in ("CONNECT_DELAYED", "CONNECTED", "HANDSHAKE_SUCCEEDED")
    ]
    pull.close(linger=0)
    assert told(at_pull, zmq.EVENT_MONITOR_STOPPED) == [
        ("LISTENING", address.encode()),
        ("ACCEPTED", address.encode()),
        ("HANDSHAKE_SUCCEEDED", address.encode()),
        ("CLOSED", address.encode()),
        ("MONITOR_STOPPED", b""),
    ]
    assert told(at_push, zmq.EVENT_CONNECT_RETRIED) == [
        (name, address.encode()) for name in ("DISCONNECTED", "CONNECT_RETRIED")
    ]
    push.disable_monitor()


def test_a_monitor_tells_of_refusals(ctx: Context) -> None:
    """A refused connection is told, with the interval until it is tried again, which grows with a maximum."""
    pull = ctx.socket(zmq.PULL)
    address = f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}"
    pull.unbind(address)
    settle(ctx)
    push = ctx.socket(zmq.PUSH)
    monitor = watched(push, zmq.EVENT_CONNECT_RETRIED, zmq.EVENT_CLOSED)
    push.reconnect_ivl, push.reconnect_ivl_max = 10, 35
    push.connect(address)
    seen: list[tuple[int, int]] = []
    while len([event for event, _ in seen if event == zmq.EVENT_CONNECT_RETRIED]) < 4:
        message = recv_monitor_message(monitor)
        seen.append((message["event"], int(message["value"])))
    assert [value for event, value in seen if event == zmq.EVENT_CONNECT_RETRIED] == [10, 20, 35, 35]
    assert [event for event, _ in seen][:2] == [zmq.EVENT_CLOSED, zmq.EVENT_CONNECT_RETRIED]


def test_a_monitor_tells_of_types_that_do_not_fit(ctx: Context) -> None:
    """Types that do not fit disconnect."""
    rep, address = bound(ctx, zmq.REP)
    at_rep = watched(rep)
    push = ctx.socket(zmq.PUSH)
    at_push = watched(push)
    push.connect(address)
    seen = [[name for name, _ in told(monitor, zmq.EVENT_DISCONNECTED)] for monitor in (at_push, at_rep)]
    assert seen == [["CONNECT_DELAYED", "CONNECTED", "DISCONNECTED"], ["ACCEPTED", "DISCONNECTED"]]


def test_a_failed_bind_is_told(ctx: Context) -> None:
    """BIND_FAILED has the number of the error."""
    first, address = bound(ctx, zmq.PULL)
    second = ctx.socket(zmq.PULL)
    monitor = watched(second)
    with pytest.raises(zmq.ZMQError):
        second.bind(address)
    closed, failed = recv_monitor_message(monitor), recv_monitor_message(monitor)
    assert first is not None
    assert closed["event"] == zmq.EVENT_CLOSED
    assert (failed["event"], failed["value"], failed["endpoint"]) == (
        zmq.EVENT_BIND_FAILED,
        zmq.EADDRINUSE,
        address.removeprefix("tcp://").encode(),
    )
