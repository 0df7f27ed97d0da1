"""A PySOA call: through the mesh, and over a real Redis on the loopback device.

The same client calls the same action of the same server. Through the mesh both live in this process, with the clock
running and the trace on; else the server is a process of its own, started as in production, and so is Redis, which
this script starts on a free port and stops. Both take turns, so that what else the machine does meets them alike.
"""

from __future__ import annotations

import logging
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import redis
from pysoa.client.client import Client

from meshsim.kernel.patches import time as clocks
from meshsim.world import World

CALLS = 500
ROUNDS = 8
# At most so many times as long as over a real Redis.
LIMIT = 0.9
QUIET: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "ERROR", "handlers": []},
}

SERVER = """
from pysoa.server.action.base import Action
from pysoa.server.server import Server as BaseServer


class Echo(Action):
    def run(self, request):
        return {"n": request.body["n"]}


class Server(BaseServer):
    service_name = "echo"
    action_class_map = {"echo": Echo}
"""
SETTINGS = """
import os

host, port = os.environ["ECHO_REDIS"].split(":")
SOA_SERVER_SETTINGS = {
    "transport": {
        "path": "pysoa.common.transport.redis_gateway.server:RedisServerTransport",
        "kwargs": {
            "backend_type": "redis.standard",
            "backend_layer_kwargs": {
                "hosts": [(host, int(port))],
                "connection_kwargs": {"socket_timeout": None},
            },
        },
    },
    "logging": {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR", "handlers": []}},
}
"""
STANDALONE = """
from pysoa.server.standalone import simple_main


def server():
    from echo.server import Server

    return Server


if __name__ == "__main__":
    simple_main(server)
"""


def write_service(folder: Path) -> None:
    """Write the service's package."""
    package = folder / "echo"
    package.mkdir()
    files = {"__init__": "", "server": SERVER, "settings": SETTINGS, "standalone": STANDALONE}
    for name, source in files.items():
        (package / f"{name}.py").write_text(source)


def client_of(host: str, port: int) -> Client:
    """Return a client by way of a Redis."""
    layer = {"hosts": [(host, port)], "connection_kwargs": {"socket_timeout": None}}
    transport = {
        "path": "pysoa.common.transport.redis_gateway.client:RedisClientTransport",
        "kwargs": {"backend_type": "redis.standard", "backend_layer_kwargs": layer},
    }
    return Client({"echo": {"transport": transport}})


def time_calls(client: Client) -> list[float]:
    """Return the microseconds of each of many calls, after some to begin with."""
    for number in range(CALLS // 5):
        client.call_action("echo", "echo", {"n": number})
    found = []
    for number in range(CALLS):
        begun = clocks.real_perf_counter()
        if client.call_action("echo", "echo", {"n": number}).body != {"n": number}:
            raise AssertionError(number)
        found.append((clocks.real_perf_counter() - begun) * 1e6)
    return found


def through_the_mesh(folder: Path) -> list[float]:
    """Measure a service that calls the other, as services do: both on hosts of their own."""
    found: list[float] = []

    def caller() -> None:
        found.extend(time_calls(client_of("cache", 6379)))

    options = {"server": "echo.server:Server", "settings": "echo.settings"}
    world = World(seed=1, watchdog_s=None).platform("cache", redis={})
    world.service("echo", pysoa=options, path=str(folder), env={"ECHO_REDIS": "cache:6379"})
    with world.service("front", python=caller) as mesh:
        mesh.run_until(lambda: found, timeout="1h", every="1m")
    return found


class RealRedis:
    """A redis-server on a free port of the loopback device, and a PySOA server that uses it."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self._redis = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        environment = {"ECHO_REDIS": f"127.0.0.1:{self.port}", "PYTHONPATH": str(folder)}
        program = [sys.executable, "-m", "echo.standalone", "-s", "echo.settings"]
        self._server = subprocess.Popen(program, cwd=folder, env=environment)

    def wait(self) -> None:
        """Wait until the server is in its BLPOP."""
        with redis.Redis(host="127.0.0.1", port=self.port) as client:
            for _ in range(300):
                try:
                    if any(found["cmd"] == "blpop" for found in client.client_list()):
                        return
                except redis.ConnectionError:
                    pass
                time.sleep(0.05)
        msg = "the PySOA server did not come up over the real Redis"
        raise RuntimeError(msg)

    def close(self) -> None:
        """Stop both."""
        for process in (self._server, self._redis):
            process.terminate()
        for process in (self._server, self._redis):
            process.wait(timeout=30)


def main() -> int:
    """Print the figures; the exit code says whether they hold."""
    logging.basicConfig(level=logging.ERROR)
    if shutil.which("redis-server") is None:
        print("skipped: there is no redis-server on the PATH to compare with")
        return 0
    mesh: list[float] = []
    loopback: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_service(folder)
        real = RealRedis(folder)
        try:
            real.wait()
            for _ in range(ROUNDS):
                loopback += time_calls(client_of("127.0.0.1", real.port))
                mesh += through_the_mesh(folder)
        finally:
            real.close()
    mesh_us, real_us = statistics.median(mesh), statistics.median(loopback)
    ratio = mesh_us / real_us
    print(f"mesh       {mesh_us:8.0f} us a call, the median of {len(mesh)}")
    print(f"real Redis {real_us:8.0f} us a call, the median of {len(loopback)}")
    print(f"mesh / real Redis {ratio:5.2f}, at most {LIMIT}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
