"""Stream sockets between the hosts of a world."""

from __future__ import annotations

import http.server
import socket
import threading
import urllib.error
import urllib.request
from typing import Any

import pytest
from socket_world import SocketWorld

from meshsim.errors import FenceError, UnsupportedOperation
from meshsim.network.rules import Partition


def echo(port: int = 7) -> None:
    """Send back what each connection sends, one after another."""
    with socket.create_server(("", port)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(4096):
                    connection.sendall(data)


def test_bytes_travel_in_virtual_time(world: SocketWorld) -> None:
    """A round trip takes what the links say, and the bytes are those that were sent."""
    world.run("echo", echo)
    with socket.create_connection(("echo", 7)) as client:
        before = world.kernel.now
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        assert world.kernel.now - before == 1_000_000
        assert isinstance(client, socket.socket)


def test_both_ends_know_each_other(world: SocketWorld) -> None:
    """What one end calls its own address, the other calls its peer's."""
    seen: list[Any] = []

    def server() -> None:
        with socket.create_server(("", 7)) as listening:
            connection, address = listening.accept()
            seen.extend([address, connection.getpeername(), connection.getsockname()])
            connection.close()

    world.run("server", server)
    with socket.create_connection(("server", 7)) as client:
        assert client.recv(1) == b""
        assert seen == [client.getsockname(), client.getsockname(), client.getpeername()]


def test_an_unknown_name_is_fenced(world: SocketWorld) -> None:
    """A name that the world does not have raises the fence's error with its cure."""
    with pytest.raises(FenceError, match=r"example\.org:80.*has as a name"):
        socket.create_connection(("example.org", 80))
    with socket.socket() as plain, pytest.raises(FenceError, match=r"8\.8\.8\.8"):
        plain.connect(("8.8.8.8", 53))


def test_a_raw_socket_is_refused(world: SocketWorld) -> None:
    """A kind of socket that is not simulated is an error that names it."""
    with pytest.raises(UnsupportedOperation, match="SOCK_RAW"):
        socket.socket(socket.AF_INET, socket.SOCK_RAW)


def test_urllib_calls_http_server(world: SocketWorld) -> None:
    """The standard library's client and server speak HTTP over simulated sockets, errors included."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/hello":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.end_headers()
            self.wfile.write(body[::-1])

        def log_message(self, *args: Any) -> None:
            pass

    world.run("web", lambda: http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever())
    assert urllib.request.urlopen("http://web/hello").read() == b"hello"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen("http://web/other")
    body = bytes(range(256)) * 2000
    assert urllib.request.urlopen("http://web/", data=body).read() == body[::-1]


def test_a_partition_is_silent(world: SocketWorld) -> None:
    """Through a partition nothing comes, and only the caller's own timeout ends the wait."""
    world.run("echo", echo)
    with socket.create_connection(("echo", 7)) as client:
        world.fabric.install(Partition(lambda name: name == "echo", lambda name: True))
        client.settimeout(2.5)
        client.sendall(b"hello")
        before = world.kernel.now
        with pytest.raises(TimeoutError, match="timed out"):
            client.recv(100)
        assert world.kernel.now - before == 2_500_000_000


def test_a_fast_sender_is_held_up(world: SocketWorld) -> None:
    """Who sends more than the peer reads waits until the peer reads."""
    sent: list[int] = []
    total = 2_000_000

    def server() -> None:
        with socket.create_server(("", 7)) as listening:
            connection, _ = listening.accept()
            with connection:
                world.kernel.sleep(5_000_000_000)
                got = 0
                while data := connection.recv(50_000):
                    got += len(data)
                connection.sendall(str(got).encode())

    world.run("slow", server)
    with socket.create_connection(("slow", 7)) as client:
        client.sendall(bytes(total))
        sent.append(world.kernel.now)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == str(total).encode()
    assert sent[0] > 5_000_000_000


def test_a_crashed_peer_is_silent_and_an_ended_one_closes(world: SocketWorld) -> None:
    """A program that ends closes its sockets; one that crashes says nothing until it is asked."""

    def server() -> None:
        listening = socket.create_server(("", 7))
        connection, _ = listening.accept()
        connection.recv(1)
        world.kernel.kill(state_process(), 0)

    def state_process() -> Any:
        return world.kernel.hosts["server"].process

    process = world.run("server", server)
    with socket.create_connection(("server", 7)) as client:
        client.sendall(b"x")
        assert client.recv(1) == b""
    assert process.dead
    crashed = world.run("other", echo)
    with socket.create_connection(("other", 7)) as client:
        world.kernel.kill(crashed, -9)
        client.settimeout(1)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_threads_of_a_client_share_a_socket(world: SocketWorld) -> None:
    """One thread may read what another writes."""
    world.run("echo", echo)
    got: list[bytes] = []
    with socket.create_connection(("echo", 7)) as client:
        reader = threading.Thread(target=lambda: got.append(client.recv(100)))
        reader.start()
        client.sendall(b"from another thread")
        reader.join()
    assert got == [b"from another thread"]


def test_a_subclass_of_socket_is_simulated_too(world: SocketWorld) -> None:
    """A class that a program derives from `socket.socket` keeps its methods on simulated sockets."""

    class Shouting(socket.socket):
        def shout(self, text: str) -> None:
            self.sendall(text.upper().encode())

    world.run("echo", echo)
    with Shouting() as client:
        client.connect(("echo", 7))
        client.shout("hello")
        assert client.recv(100) == b"HELLO"


def test_nothing_of_it_is_left_outside() -> None:
    """When the world has closed, `socket.socket` is what it was."""
    with SocketWorld(), socket.socket() as simulated:
        assert type(simulated) is not socket.socket
    with socket.socket() as real:
        assert type(real) is socket.socket
        assert real.fileno() < 1_000_000
    assert "__new__" not in vars(socket.socket)
