"""Waiting for several sockets, and for simulated descriptors, at once."""

from __future__ import annotations

import select
from typing import Any, Final

from meshsim.errors import UnsupportedOperation
from meshsim.kernel import descriptors, state
from meshsim.kernel.descriptors import File
from meshsim.kernel.patches.time import zero_wait_ns
from meshsim.transports.zeromq.numbers import POLLERR, POLLIN, POLLOUT, POLLPRI
from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["poll"]

NS_PER_MS: Final = 1_000_000
# libzmq's bits are not those of the operating system.
_SYSTEM: Final = ((POLLIN, select.POLLIN), (POLLOUT, select.POLLOUT), (POLLPRI, select.POLLPRI))

Item = tuple[Any, File, int]


def resolve(thing: Any, number: int, flags: int) -> Item:
    """Return what to report and what to look at, for a descriptor.

    Raises:
        UnsupportedOperation: it is a real one: nothing of the world can wait for it.
    """
    file = descriptors.find(number)
    if file is None:
        raise UnsupportedOperation(
            f"zmq.Poller: {thing!r} is descriptor {number} of the operating system; inside a world only "
            "ZeroMQ sockets and simulated sockets can be polled (meshsim.transports.zeromq.supported)"
        )
    return number, file, flags


def poll(items: list[Item], timeout_ms: int) -> list[tuple[Any, int]]:
    """Return (thing, events) of what is ready; parks until something is, or the time is over.

    Args:
        items: what to report, what to look at, and for which events.
        timeout_ms: negative waits for ever; 0 costs the least time there is.

    Raises:
        ZMQError: a socket is closed, or its context has ended.
    """
    ready = _ready(items)
    task, kernel = state.current(), state.kernel
    if task is None or kernel is None:
        return ready
    if ready:
        task.zero_waits = 0
        return ready
    task.wait = "a poll of ZeroMQ sockets"
    if timeout_ms == 0:
        kernel.park(kernel.now + zero_wait_ns(task))
        return _ready(items)
    task.zero_waits = 0
    deadline = None if timeout_ms < 0 else kernel.now + timeout_ms * NS_PER_MS
    files = [file for _, file, _ in items]
    for file in files:
        file._blocked.append(task)
    try:
        while not ready:
            in_time = kernel.park(deadline)
            ready = _ready(items)
            if not in_time:
                break
    finally:
        for file in files:
            file._blocked.remove(task)
    return ready


def _ready(items: list[Item]) -> list[tuple[Any, int]]:
    found = []
    for thing, file, flags in items:
        mask = int(flags) & (file.events() if isinstance(file, MeshSocket) else _of_system(file.poll()))
        if mask:
            found.append((thing, mask))
    return found


def _of_system(mask: int) -> int:
    events = 0
    for ours, theirs in _SYSTEM:
        if mask & theirs:
            events |= ours
    if mask & (select.POLLERR | select.POLLHUP):
        events |= POLLERR | (POLLIN if mask & select.POLLHUP else 0)
    return events
