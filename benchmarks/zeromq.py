"""ZeroMQ: a REQ/REP round trip, through the mesh and over the real loopback; and a PUB with a hundred SUBs.

    python benchmarks/zeromq.py

The real server is a process of its own, as services are. The hundred subscribers are compared with the kernel's own
hop: a hundred bare connections whose tasks wait for one message each. All arms take turns, and the best of many short
slices is told. The round trip of a bare connection, whose limit is nobody's, tells what of ours is the kernel's.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import zmq

from meshsim.kernel import state
from meshsim.kernel.patches import time as clocks
from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
SLICES = 12
ASKS = 400
SUBSCRIBERS = 100
MESSAGES = 20
MS = 1_000_000
BODY = b"x" * 32
# At most so many times as long as over the loopback.
ROUND_TRIP_LIMIT = 0.35
# At most so much more for a delivery than the kernel's hop takes.
DELIVERY_LIMIT_US = 1.0


# The real server: tells its port, and answers.
SERVER = """
import sys, zmq
context = zmq.Context()
socket, told = context.socket(zmq.REP), context.socket(zmq.PUSH)
told.connect("tcp://127.0.0.1:" + sys.argv[1])
told.send_json(socket.bind_to_random_port("tcp://127.0.0.1"))
while True:
    socket.send(socket.recv())
"""


def best_us(function: Callable[[], object], count: int) -> float:
    """Return the microseconds of one of `count` things that a call does: the best of many slices."""
    best = float("inf")
    for _ in range(SLICES):
        begun = clocks.real_perf_counter()
        function()
        best = min(best, (clocks.real_perf_counter() - begun) / count * 1e6)
    return best


def serve() -> None:
    """Answer for ever."""
    socket = zmq.Context().socket(zmq.REP)
    socket.bind("tcp://*:5555")
    while True:
        socket.send(socket.recv())


def asks(context: Any, address: str) -> float:
    """Return what a request and its reply cost."""
    with context.socket(zmq.REQ) as socket:
        socket.connect(address)

        def ask() -> None:
            for _ in range(ASKS):
                socket.send(BODY)
                socket.recv()

        ask()
        return best_us(ask, ASKS)


def simulated_round_trip() -> float:
    """Measure a round trip through the mesh."""
    with World(seed=1).service("server", python=serve) as mesh:
        return asks(mesh.zmq(), "tcp://server:5555")


def real_round_trip() -> float:
    """Measure a round trip over the loopback."""
    with zmq.Context() as context, context.socket(zmq.PULL) as told:
        port = told.bind_to_random_port("tcp://127.0.0.1")
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(port)])
        try:
            return asks(context, f"tcp://127.0.0.1:{told.recv_json()}")
        finally:
            server.terminate()
            server.wait()


def bare_round_trip() -> float:
    """Measure a round trip over a bare connection, without ZeroMQ."""
    with World(seed=1).service("server", python=echo) as mesh:
        connection = mesh.fabric.connect(mesh.kernel.hosts["test"], "server", 5558, None)

        def ask() -> None:
            for _ in range(ASKS):
                connection.send(BODY, len(BODY))
                connection.receive()

        ask()
        return best_us(ask, ASKS)


def echo() -> None:
    """Answer on one bare connection."""
    kernel: Any = state.kernel
    waiting: list[Any] = []
    kernel.fabric.listen(kernel.hosts["server/0"], 5558, waiting.append)
    while not waiting:
        time.sleep(0.001)
    while True:
        waiting[0].send(waiting[0].receive(), len(BODY))


def subscribe() -> None:
    """Take what comes, in as many tasks as there are subscribers."""
    context = zmq.Context()

    def take() -> None:
        socket = context.socket(zmq.SUB)
        socket.subscribe("")
        socket.connect("tcp://test:5556")
        while True:
            socket.recv()

    for _ in range(SUBSCRIBERS):
        threading.Thread(target=take).start()


def listen() -> None:
    """Take what comes on bare connections, in as many tasks as there are subscribers."""
    kernel: Any = state.kernel
    host = kernel.hosts["subscribers/0"]

    def take(connection: Any) -> None:
        while True:
            connection.receive()

    def accepted(connection: Any) -> None:
        threading.Thread(target=take, args=(connection,)).start()

    waiting: list[Any] = []
    kernel.fabric.listen(host, 5557, waiting.append)
    while len(waiting) < SUBSCRIBERS:
        time.sleep(0.001)
    for connection in waiting:
        accepted(connection)


def delivery() -> float:
    """Measure a message from a PUB to each of its subscribers."""
    with World(seed=1).service("subscribers", python=subscribe) as mesh, mesh.zmq().socket(zmq.PUB) as socket:
        socket.bind("tcp://*:5556")
        mesh.run_for("100ms")

        def publish() -> None:
            for _ in range(MESSAGES):
                socket.send(BODY)
                time.sleep(0.01)

        publish()
        return best_us(publish, MESSAGES * SUBSCRIBERS)


def hop() -> float:
    """Measure a message on each of as many bare connections."""
    with World(seed=1).service("subscribers", python=listen) as mesh:
        test = mesh.kernel.hosts["test"]
        ends = [mesh.fabric.connect(test, "subscribers", 5557, None) for _ in range(SUBSCRIBERS)]
        mesh.run_for("100ms")

        def send() -> None:
            for _ in range(MESSAGES):
                for end in ends:
                    end.send(BODY, len(BODY))
                time.sleep(0.01)

        send()
        return best_us(send, MESSAGES * SUBSCRIBERS)


def main() -> int:
    """Print the figures; the exit code says whether they hold."""
    arms = (simulated_round_trip, real_round_trip, bare_round_trip, delivery, hop)
    rounds = [[arm() for arm in arms] for _ in range(ROUNDS)]
    mesh_us, real_us, bare_us, delivery_us, hop_us = (min(column) for column in zip(*rounds, strict=True))
    ratio, more_us = mesh_us / real_us, delivery_us - hop_us
    print(
        f"REQ/REP: {mesh_us:6.1f} us through the mesh, {real_us:6.1f} us over the loopback: {ratio:.2f}, "
        f"at most {ROUND_TRIP_LIMIT}; {bare_us:.1f} us over a bare connection"
    )
    print(
        f"PUB -> {SUBSCRIBERS} SUB: {delivery_us:5.2f} us a delivery, the kernel's hop {hop_us:5.2f} us: "
        f"{more_us:.2f} us more, at most {DELIVERY_LIMIT_US}"
    )
    return 0 if ratio <= ROUND_TRIP_LIMIT and more_us <= DELIVERY_LIMIT_US else 1


if __name__ == "__main__":
    sys.exit(main())
