"""What the bodies do with sockets, on both arms: make them, let everything arrive, empty and fill them."""

from __future__ import annotations

import time
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

Context = zmq.Context[zmq.Socket[bytes]]
Socket = zmq.Socket[bytes]
LOOPBACK = "tcp://127.0.0.1"
# A connection takes its greeting, READY and subscriptions: fewer turns of the I/O thread than this.
TURNS = 8
# Long enough for a busy machine; nothing waits for it when all is well.
PATIENCE_MS = 20_000


def bound(ctx: Any, kind: int, **options: Any) -> tuple[Any, str]:
    """Return a socket and the address that it is bound to."""
    socket = ctx.socket(kind)
    for name, value in options.items():
        setattr(socket, name, value)
    return socket, f"{LOOPBACK}:{socket.bind_to_random_port(LOOPBACK)}"


def connected(ctx: Any, kind: int, *addresses: str, **options: Any) -> Any:
    """Return a socket that is connected to addresses, in their order."""
    socket = ctx.socket(kind)
    for name, value in options.items():
        setattr(socket, name, value)
    for address in addresses:
        socket.connect(address)
    return socket


def settle(ctx: Any) -> None:
    """Return when all that is under way has arrived, however busy the machine is.

    A context has one I/O thread: when a message of ours has gone through it and back so many times, it has looked
    as often at everything else. Waiting for a time instead would be a race on a busy machine.
    """
    left, right = zmq.Socket(ctx, zmq.PAIR), zmq.Socket(ctx, zmq.PAIR)
    try:
        left.linger = right.linger = 0
        left.rcvtimeo = right.rcvtimeo = -1
        right.connect(f"{LOOPBACK}:{left.bind_to_random_port(LOOPBACK)}")
        for _ in range(TURNS):
            left.send(b"")
            right.recv()
            right.send(b"")
            left.recv()
            time.sleep(0.0005)
    finally:
        left.close()
        right.close()


def drain(socket: Any) -> list[list[bytes]]:
    """Return every message that is there once all has arrived."""
    settle(socket.context)
    found = []
    while socket.poll(0):
        found.append(socket.recv_multipart())
    return found


def fill(socket: Socket, message: bytes = b"x", most: int = 100_000) -> int:
    """Send until nothing more is taken, and return how many messages were."""
    for count in range(most):
        try:
            socket.send(message, zmq.NOBLOCK)
        except zmq.Again:
            return count
    return most


def free_address(ctx: Context) -> str:
    """Return an address where nobody listens."""
    socket, address = bound(ctx, zmq.PUB)
    socket.unbind(address)
    settle(ctx)
    return address


def bind_again(socket: Any, address: str) -> None:
    """Bind an address that a closed socket had: libzmq gives it free in the background."""
    while True:
        try:
            socket.bind(address)
        except zmq.ZMQError as error:
            if error.errno != zmq.EADDRINUSE:
                raise
            time.sleep(0.005)
        else:
            return


def watched(socket: Socket, *events: int) -> Any:
    """Return a monitor of a socket that tells these events."""
    wanted = 0
    for event in events:
        wanted |= event
    monitor = socket.get_monitor_socket(wanted or zmq.EVENT_ALL)
    monitor.rcvtimeo = PATIENCE_MS
    return monitor


def told(monitor: Any, until: int) -> list[tuple[str, bytes]]:
    """Return the names and addresses of the events up to one that is waited for."""
    found = []
    while True:
        message = recv_monitor_message(monitor)
        found.append((message["event"].name, message["endpoint"]))
        if message["event"] == until:
            return found
