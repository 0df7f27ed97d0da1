"""A world that is over is given back to the collector, whatever its sockets were doing."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio
import zmq.devices

from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

outlives: list[Any] = []
made_before: Any = zmq.Context()


def nothing() -> None:
    """Be the service that every world has."""


def echo() -> None:
    """Answer for ever."""
    socket = zmq.Context().socket(zmq.REP)
    outlives.append(socket)
    socket.bind("tcp://*:5555")
    while True:
        socket.send(socket.recv())


def asks(context: Any) -> Any:
    socket = context.socket(zmq.REQ)
    outlives.append(socket)
    socket.connect("tcp://echo:5555")
    socket.send(b"x")
    assert socket.recv() == b"x"
    return socket


def waits_for_a_reply(context: Any) -> None:
    asks(context).send(b"never answered")


def beats(context: Any) -> None:
    socket = context.socket(zmq.SUB)
    outlives.append(socket)
    socket.heartbeat_ivl = 100
    socket.connect("tcp://echo:5555")
    assert not socket.poll(500)


def lingers(context: Any) -> None:
    with context.socket(zmq.PUSH) as socket:
        socket.connect("tcp://echo:9")
        socket.send(b"for nobody")


def is_watched(context: Any) -> None:
    socket = context.socket(zmq.REQ)
    outlives.extend([socket, socket.get_monitor_socket()])
    socket.connect("tcp://echo:9")
    assert outlives[-1].poll(500)


def is_blocked(context: Any) -> None:
    def wait() -> None:
        with context.socket(zmq.PULL) as socket:
            socket.bind("inproc://nobody")
            socket.recv()

    threading.Thread(target=wait, daemon=True).start()
    time.sleep(0.1)


def ends(context: Any) -> None:
    outlives.append(context.socket(zmq.PULL))
    threading.Thread(target=context.term, daemon=True).start()
    time.sleep(0.1)


def forwards(context: Any) -> None:
    assert context is not None
    device = zmq.devices.ThreadProxy(zmq.PULL, zmq.PUSH)
    device.bind_in("tcp://*:71")
    device.bind_out("tcp://*:72")
    device.start()
    time.sleep(0.1)


def runs_a_loop(context: Any) -> None:
    async def main() -> None:
        socket = zmq.asyncio.Context(context).socket(zmq.REQ)
        outlives.append(socket)
        socket.connect("tcp://echo:5555")
        await socket.send(b"x")
        await socket.recv()

    asyncio.run(main())


def is_of_before(context: Any) -> None:
    assert context is not None
    asks(made_before)


@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
@pytest.mark.parametrize(
    "use",
    [
        waits_for_a_reply, beats, lingers, is_watched, is_blocked, ends, forwards, runs_a_loop, is_of_before,
    ],
)  # fmt: skip
def test_a_closed_world_is_collected(use: Callable[[Any], None], carrier: str) -> None:
    """Sockets, contexts and frames that outlive their world do not keep it."""
    kernels = []
    for _ in range(2):
        with World(seed=1, carrier=carrier).service("echo", python=echo) as mesh:
            use(mesh.zmq())
            kernels.append(weakref.ref(mesh.kernel))
        del mesh
    # What the latest world left in the patches of the kernel goes when the next one begins.
    with World(seed=1).service("idle", python=nothing) as mesh:
        pass
    del mesh
    gc.collect()
    assert [kernel() for kernel in kernels] == [None, None]
    outlives.clear()
