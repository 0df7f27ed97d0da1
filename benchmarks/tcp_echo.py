"""Sockets: an echo round trip, and `urllib` calling `http.server`, over the mesh and over the real loopback.

    python benchmarks/tcp_echo.py

Everything is measured in one process, one after the other, and the best of several rounds is told.
"""

from __future__ import annotations

import contextlib
import http.server
import socket
import sys
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any, NamedTuple

from meshsim.core.streams import Streams
from meshsim.kernel.patches import threading as main_thread
from meshsim.kernel.patches import time as clocks
from meshsim.kernel.simulation import Simulation
from meshsim.network.fabric import Fabric
from meshsim.trace import Recorder
from meshsim.transports.tcp.rooms import rooms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 7
ECHOES = 2_000
CALLS = 150
MESSAGE = b"x" * 32


def echo(listening: socket.socket) -> None:
    """Send back what one client sends."""
    connection, _ = listening.accept()
    with listening, connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := connection.recv(4096):
            connection.sendall(data)


class Handler(http.server.BaseHTTPRequestHandler):
    """Says hello."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Cost(NamedTuple):
    """What a call costs in microseconds: by the clock, and in time of the processor."""

    wall_us: float
    cpu_us: float


def best(function: Callable[[], object], count: int) -> Cost:
    """Return the best cost of a call over the rounds."""
    walls, cpus = [], []
    # By its module: a name bound here would be followed, and give virtual time.
    for _ in range(ROUNDS):
        wall, cpu = clocks.real_perf_counter(), clocks.real_process_time()
        for _ in range(count):
            function()
        walls.append((clocks.real_perf_counter() - wall) / count * 1e6)
        cpus.append((clocks.real_process_time() - cpu) / count * 1e6)
    return Cost(min(walls), min(cpus))


def measure(address: Any, url: str) -> tuple[Cost, Cost]:
    """Return what an echo and a call cost."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call() -> None:
        with opener.open(url) as reply:
            reply.read()

    with socket.create_connection(address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def one() -> None:
            client.sendall(MESSAGE)
            client.recv(4096)

        return best(one, ECHOES), best(call, CALLS)


def real() -> tuple[Cost, Cost]:
    """Measure over the loopback."""
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    threading.Thread(target=echo, args=(listening,), daemon=True).start()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        found = measure(address, f"http://127.0.0.1:{web.server_address[1]}/")
        web.shutdown()
    return found


@contextlib.contextmanager
def mesh() -> Iterator[Any]:
    """Open a world of bare hosts, its trace on."""
    streams = Streams(1)
    simulation = Simulation(streams)
    kernel = simulation.kernel
    fabric = kernel.fabric = Fabric(kernel, streams)
    recorder = Recorder(lambda: kernel.now)
    kernel.on_switch, fabric.on_packet = recorder.switch, recorder.packet
    fabric.names.add(kernel.hosts["test"], None)
    simulation.enter(rooms())
    try:
        yield kernel
    finally:
        simulation.leave()


def host(kernel: Any, name: str, program: Callable[[], object]) -> None:
    """Run a program on a new host."""
    machine = kernel.add_host(name, name)
    kernel.fabric.names.add(machine, None)

    def main() -> None:
        main_thread.become_main_thread()
        program()

    kernel.spawn(kernel.boot(machine), main, name="MainThread")


def simulated() -> tuple[Cost, Cost, Cost]:
    """Measure over the mesh; the last figure is the kernel's own sleep and switch."""
    with mesh() as kernel:
        host(kernel, "echo", lambda: echo(socket.create_server(("", 7))))
        host(kernel, "web", lambda: http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever())
        time.sleep(0.001)
        sleep = best(lambda: time.sleep(0.001), ECHOES)
        return *measure(("echo", 7), "http://web/"), sleep


def main() -> int:
    """Print the table.

    The real arm has two threads, which a busy machine gives two shares: there, the processor's time compares.
    """
    mesh_echo, mesh_call, sleep = simulated()
    real_echo, real_call = real()
    print(
        f"{'':26}{'mesh us':>9}{'real us':>9}{'ratio':>7}{'mesh cpu':>10}{'real cpu':>10}{'ratio':>7}   at most"
    )
    rows = [
        ("tcp echo round trip", mesh_echo, real_echo, "15 us"),
        ("urllib -> http.server", mesh_call, real_call, "ratio 1.00"),
    ]
    for name, simulated_cost, real_cost, limit in rows:
        (wall, cpu), (real_wall, real_cpu) = simulated_cost, real_cost
        print(
            f"{name:26}{wall:9.1f}{real_wall:9.1f}{wall / real_wall:7.2f}"
            f"{cpu:10.1f}{real_cpu:10.1f}{cpu / real_cpu:7.2f}   {limit}"
        )
    print(f"{'kernel: sleep and switch':26}{sleep.wall_us:9.1f}{'':16}{sleep.cpu_us:10.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
