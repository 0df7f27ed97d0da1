"""A real server behind a simulated link."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import BootError, FenceError, UsageError
from meshsim.kernel.patches import sockets as fence
from meshsim.network.rules import Partition, Reset
from meshsim.platform.attached import Attached
from meshsim.transports.tcp import outside

sys.path[:0] = [str(Path(__file__).parents[2] / "transports" / folder) for folder in ("http", "tcp")]

from socket_world import SocketWorld  # noqa: E402 - found by the path that was set above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsim.kernel.host import Host

MS = 1_000_000


class AttachedWorld(SocketWorld):
    """A world with what a provider asks of one."""

    def add_host(self, name: str, service: str, port: int | None) -> Host:
        host: Host = self.kernel.add_host(name, service)
        self.fabric.names.add(host, port)
        return host

    def attach(self, name: str, **options: Any) -> Attached:
        spec: Any = SimpleNamespace(name=name, options=options, place="mesh.yaml:3:5")
        provider = Attached(self, spec)  # type: ignore[arg-type]  # a world in small
        provider.boot()
        return provider


@pytest.fixture
def real_echo() -> Iterator[tuple[str, int]]:
    """A real server on the loopback that answers in capitals, after a moment."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65_536):
                time.sleep(0.005)
                connection.sendall(data.upper())

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()
    server.close()


@pytest.fixture(params=["greenlet", "thread"])
def world(request: pytest.FixtureRequest, real_echo: tuple[str, int]) -> Iterator[AttachedWorld]:
    """A world, opened when the real server is there already."""
    with AttachedWorld(request.param) as opened:
        yield opened


def test_virtual_time_waits_for_the_real_server(world: AttachedWorld, real_echo: tuple[str, int]) -> None:
    """A round trip takes the virtual time of its link, however long the real server takes."""
    world.attach("ledger", attach=f"127.0.0.1:{real_echo[1]}", port=5432)
    with socket.create_connection(("ledger", 5432)) as client:
        before = world.kernel.now
        client.sendall(b"hello")
        assert client.recv(100) == b"HELLO"
        assert world.kernel.now - before == MS
        client.sendall(b"x" * 300_000)
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as file:
            assert file.read() == b"X" * 300_000


def test_faults_lie_on_the_way(world: AttachedWorld, real_echo: tuple[str, int]) -> None:
    """A partition hides a real server; it is still there when the partition heals."""
    world.attach("ledger", address=f"127.0.0.1:{real_echo[1]}", port=5432, patience="1s")
    with socket.create_connection(("ledger", 5432)) as client:
        rule = Partition(lambda name: name == "ledger", lambda name: True)
        world.fabric.install(rule)
        client.settimeout(2)
        client.sendall(b"lost")
        with pytest.raises(TimeoutError):
            client.recv(100)
        world.fabric.remove(rule)
        client.settimeout(60)
        assert client.recv(100) == b"LOST"


def test_a_server_that_is_not_there_stops_the_boot(world: AttachedWorld) -> None:
    """An address where nobody listens is a boot error that names service and address."""
    with pytest.raises(BootError, match=r"'ledger': the real server at 127\.0\.0\.1:1 does not answer"):
        world.attach("ledger", attach="127.0.0.1:1")


@pytest.mark.parametrize("written", ["nonsense", "host:", ":80", "host:99999", None])
def test_a_wrong_address_has_its_place(world: AttachedWorld, written: str | None) -> None:
    """What is no address is an error at its place, with the value."""
    with pytest.raises(UsageError, match=r"mesh.yaml:3:5: attach: .*is no address"):
        world.attach("ledger", attach=written)
    with pytest.raises(UsageError, match=r"no option 'pasience'"):
        world.attach("other", address="127.0.0.1:1", pasience="1s")


def test_an_allowed_network_leads_outside(
    world: AttachedWorld, real_echo: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where real sockets are allowed, an address that is none of the world's is reached for real."""
    asked: list[tuple[str, int]] = []
    reach = outside.reach

    def redirected(host: str, port: int) -> Any:
        # The tests reach no other machine: what would have been called is noted, and the loopback called.
        asked.append((host, port))
        return reach(*real_echo)

    monkeypatch.setattr(outside, "reach", redirected)
    with pytest.raises(FenceError):
        socket.create_connection(("192.0.2.1", 80))
    monkeypatch.setattr(fence, "allow_network", True)
    with socket.create_connection(("192.0.2.1", 80)) as client:
        client.sendall(b"out")
        assert client.recv(100) == b"OUT"
    assert asked == [("192.0.2.1", 80)]


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server is installed")
def test_a_real_redis_answers_a_client_on_plain_sockets(tmp_path: Path) -> None:
    """A real Redis behind a link answers a program that writes its protocol on a plain socket."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "redis-server",
        "--port",
        str(port),
        "--save",
        "",
        "--bind",
        "127.0.0.1",
        "--dir",
        str(tmp_path),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.05)
        with AttachedWorld() as opened:
            opened.attach("cache", attach=f"127.0.0.1:{port}", port=6379)
            with socket.create_connection(("cache", 6379)) as client, client.makefile("rb") as file:
                client.sendall(b"SET greeting hello\r\nGET greeting\r\n")
                assert [file.readline() for _ in range(3)] == [b"+OK\r\n", b"$5\r\n", b"hello\r\n"]
    finally:
        server.terminate()
        server.wait()


POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


@pytest.mark.skipif(not POSTGRES or not shutil.which("setpriv"), reason="no PostgreSQL server is installed")
def test_a_real_postgres_answers_pg8000(tmp_path: Path) -> None:
    """A real PostgreSQL behind a link answers pg8000, and a reset on the link is pg8000's own error."""
    native = pytest.importorskip("pg8000.native")
    with running_postgres(tmp_path) as port, AttachedWorld() as opened:
        opened.attach("ledger", attach=f"127.0.0.1:{port}", port=5432)
        before = opened.kernel.now
        connection = native.Connection("mesh", host="ledger", database="postgres", timeout=30)
        connection.run("CREATE TEMPORARY TABLE account (id int, balance numeric)")
        connection.run("INSERT INTO account VALUES (1, 10.5), (2, 20)")
        assert connection.run("SELECT sum(balance)::text FROM account WHERE id < :top", top=3) == [["30.5"]]
        assert opened.kernel.now - before < 200 * MS
        with pytest.raises(native.DatabaseError, match="division by zero"):
            connection.run("SELECT 1/0")
        opened.fabric.install(Reset(lambda name: name == "ledger", lambda name: True))
        with pytest.raises((OSError, native.InterfaceError)):
            connection.run("SELECT 1")
        with contextlib.suppress(OSError, native.InterfaceError):
            connection.close()


@contextlib.contextmanager
def running_postgres(folder: Path) -> Iterator[int]:
    """Run a PostgreSQL of the test's own; it refuses to run as root, and is then run as `nobody`."""
    data, binaries = Path(tempfile.mkdtemp(prefix="mesh-pg-")), POSTGRES[-1].parent
    del folder
    prefix: list[str] = []
    if os.getuid() == 0:
        shutil.chown(data, "nobody")
        prefix = ["setpriv", "--reuid=nobody", "--clear-groups"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = [*prefix, str(binaries / "initdb"), "-D", f"{data}/db", "-U", "mesh", "-A", "trust", "--no-sync"]
    subprocess.run(made, check=True, capture_output=True, cwd=data)
    options = ["-D", f"{data}/db", "-p", str(port), "-k", str(data), "-h", "127.0.0.1", "-F"]
    server = subprocess.Popen(
        [*prefix, str(binaries / "postgres"), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=data,
    )
    try:
        ready = [str(binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
        deadline = time.monotonic() + 20
        while (
            subprocess.run(ready, capture_output=True, check=False).returncode and time.monotonic() < deadline
        ):
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(data, ignore_errors=True)
