"""`zmq.proxy`, `zmq.proxy_steerable` and the older monitored queue: loops in the task that calls them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from meshsim.transports.zeromq.errors import EINVAL, failure
from meshsim.transports.zeromq.numbers import DONTWAIT, POLLIN, POLLOUT, SocketType
from meshsim.transports.zeromq.poller import poll

if TYPE_CHECKING:
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["monitored_queue", "run"]

# libzmq moves at most so many messages one way before it looks at the other.
BURST: Final = 1000


class _Side:
    """One direction of a proxy, with what STATISTICS tells of it."""

    def __init__(self, source: MeshSocket, target: MeshSocket, capture: MeshSocket | None) -> None:
        self.source = source
        self.target = target
        self.capture = capture
        self.received = [0, 0]
        self.sent = [0, 0]

    def move(self) -> None:
        """Forward what there is, as long as it can be taken."""
        for _ in range(BURST):
            if not self.source.events() & POLLIN or not self.target.events() & POLLOUT:
                return
            frames = self.source.receive_message(DONTWAIT)
            size = sum(map(len, frames))
            self.received[0] += 1
            self.received[1] += size
            if self.capture is not None:
                self.capture.send_message(tuple(frames), 0)
            self.target.send_message(tuple(frames), 0)
            self.sent[0] += 1
            self.sent[1] += size


def run(
    frontend: MeshSocket, backend: MeshSocket, capture: MeshSocket | None, control: MeshSocket | None = None
) -> int:
    """Forward both ways until the context ends, or the control socket says TERMINATE.

    Raises:
        ContextTerminated: the context has ended.
        ZMQError: EINVAL, the control socket got a command that is none.
    """
    there, back = _Side(frontend, backend, capture), _Side(backend, frontend, capture)
    sides = [there] if frontend is backend else [there, back]
    paused = False
    while True:
        items = [] if paused else [(side.source, side.source, POLLIN) for side in sides]
        if control is not None:
            items.append((control, control, POLLIN))
        ready = dict(poll(list(items), -1))
        if control is not None and ready.get(control):
            command = control.receive_message(0)
            paused = _obey(command, control, there, back, paused=paused)
            if command == [b"TERMINATE"]:
                return 0
        if paused:
            continue
        for side in sides:
            if ready.get(side.source):
                side.move()
        stuck = [side for side in sides if ready.get(side.source) and side.source.events() & POLLIN]
        if stuck:
            # Something came and cannot be passed on: wait for room, or for a command.
            waits = [(side.target, side.target, POLLOUT) for side in stuck]
            if control is not None:
                waits.append((control, control, POLLIN))
            poll(list(waits), -1)


def _obey(command: list[bytes], control: MeshSocket, there: _Side, back: _Side, *, paused: bool) -> bool:
    """Answer a command, each with something, and return whether the proxy pauses now."""
    word = command[0] if len(command) == 1 else b""
    if word == b"STATISTICS":
        numbers = [*there.received, *back.sent, *back.received, *there.sent]
        control.send_message(tuple(struct.pack("=Q", number) for number in numbers), 0)
        return paused
    if word not in (b"PAUSE", b"RESUME", b"TERMINATE"):
        raise failure(EINVAL)
    control.send(b"", 0)
    # libzmq 4.3.5 has the two the wrong way round, and that is what runs in production (tests/parity/zeromq).
    return word == b"RESUME" or (paused and word == b"TERMINATE")


def monitored_queue(
    inside: MeshSocket, outside: MeshSocket, side: MeshSocket, in_prefix: bytes, out_prefix: bytes
) -> None:
    """Forward both ways, telling a third socket of each message, until the context ends."""
    swaps = inside.kind == outside.kind == SocketType.ROUTER
    while True:
        ready = dict(poll([(inside, inside, POLLIN), (outside, outside, POLLIN)], -1))
        for source, target, prefix in ((inside, outside, in_prefix), (outside, inside, out_prefix)):
            if ready.get(source):
                frames = source.receive_message(0)
                if swaps:
                    frames[:2] = frames[1::-1]
                side.send_message((prefix, *frames), 0)
                target.send_message(tuple(frames), 0)
