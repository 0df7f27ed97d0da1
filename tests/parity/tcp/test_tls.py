"""TLS over sockets: the same program on the mesh and on Linux."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from pairs import HOST, in_thread, moment, outcome, tcp_pair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Both = Callable[[Callable[[], Any]], tuple[Any, Any]]
    Contexts = tuple[ssl.SSLContext, ssl.SSLContext]

BODIES: dict[str, Callable[[Contexts], Any]] = {}
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl makes a certificate")


def body(function: Callable[[Contexts], Any]) -> Callable[[Contexts], Any]:
    """Collect a body."""
    BODIES[function.__name__] = function
    return function


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate that signs itself, for the loopback."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -keyout key -out cert"
    extra = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command.split(), *extra], cwd=folder, check=True, capture_output=True)
    both: Path = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return both


def contexts(certificate: Path) -> Contexts:
    """Return the context of a server and of a client that trusts it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    server.set_alpn_protocols(["mesh/1"])
    client = ssl.create_default_context(cafile=str(certificate))
    client.set_alpn_protocols(["other", "mesh/1"])
    return server, client


class Shouting:
    """A server in a thread that answers in capitals."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.seen: list[Any] = []

    def __enter__(self) -> Any:
        self._listening = socket.create_server((HOST, 0))
        self._thread = in_thread(self._serve)
        return self._listening.getsockname()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        try:
            with self._context.wrap_socket(connection, server_side=True) as secured:
                while data := secured.recv(1000):
                    secured.sendall(data.upper())
        except OSError as error:
            self.seen.append(type(error).__name__)
            connection.close()

    def __exit__(self, *_: object) -> None:
        self._thread.join(5)
        self._listening.close()


@body
def a_session(pair: Contexts) -> Any:
    with Shouting(pair[0]) as address, socket.create_connection(address) as plain:
        with pair[1].wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(b"hello")
            first = client.recv(2), client.pending(), client.recv(100)
            found: Any = client.getpeercert()
            return (
                first,
                client.version(),
                client.selected_alpn_protocol(),
                found["subject"],
                client.cipher() is not None,
                plain.fileno(),
                isinstance(client, ssl.SSLSocket),
                client.gettimeout(),
            )


@body
def large_messages(pair: Contexts) -> Any:
    data = bytes(range(97, 123)) * 10_000
    with Shouting(pair[0]) as address, socket.create_connection(address) as plain:
        with pair[1].wrap_socket(plain, server_hostname="localhost") as client:
            thread = in_thread(lambda: client.sendall(data))
            with client.makefile("rb") as file:
                got = file.read(len(data))
            thread.join()
            return got == data.upper()


@body
def a_certificate_that_nobody_trusts(pair: Contexts) -> Any:
    shouting = Shouting(pair[0])
    with shouting as address, socket.create_connection(address) as plain:
        error = outcome(ssl.create_default_context().wrap_socket, plain, server_hostname="localhost")
        moment()
    return type(error).__name__, error.verify_code, shouting.seen


@body
def a_certificate_of_another(pair: Contexts) -> Any:
    with Shouting(pair[0]) as address, socket.create_connection(address) as plain:
        error = outcome(pair[1].wrap_socket, plain, server_hostname="elsewhere")
        return type(error).__name__, error.verify_message


@body
def no_tls_at_the_other_end(pair: Contexts) -> Any:
    with tcp_pair() as (client, server):
        server.sendall(b"220 welcome\r\n")
        error = outcome(pair[1].wrap_socket, client, server_hostname="localhost")
        return type(error).__name__, error.reason


@body
def a_handshake_that_is_cut(pair: Contexts) -> Any:
    with tcp_pair() as (client, server):
        server.shutdown(socket.SHUT_WR)
        return type(outcome(pair[1].wrap_socket, client, server_hostname="localhost")).__name__


@body
def a_handshake_that_takes_too_long(pair: Contexts) -> Any:
    with tcp_pair() as (client, _):
        client.settimeout(0.05)
        error = outcome(pair[1].wrap_socket, client, server_hostname="localhost")
        return type(error).__name__, "handshake operation timed out" in str(error)


@body
def reading_too_long(pair: Contexts) -> Any:
    with Shouting(pair[0]) as address, socket.create_connection(address) as plain:
        with pair[1].wrap_socket(plain, server_hostname="localhost") as client:
            client.settimeout(0.05)
            return outcome(client.recv, 10)


@body
def not_blocking(pair: Contexts) -> Any:
    with tcp_pair() as (plain, server):

        def serve() -> None:
            with pair[0].wrap_socket(server, server_side=True) as secured:
                secured.sendall(secured.recv(10).upper())

        with pair[1].wrap_socket(plain, server_hostname="localhost", do_handshake_on_connect=False) as client:
            client.setblocking(False)
            # The server begins after this: Linux may answer a handshake within the first call otherwise.
            first = type(outcome(client.do_handshake)).__name__
            thread = in_thread(serve)
            while outcome(client.do_handshake) is not None:
                moment()
            second = type(outcome(client.recv, 10)).__name__
            client.sendall(b"x")
            thread.join()
            moment()
            return first, second, client.recv(10)


@body
def unwrapping(pair: Contexts) -> Any:
    with tcp_pair() as (client, server):

        def serve() -> None:
            with pair[0].wrap_socket(server, server_side=True) as secured:
                secured.recv(100)
                plain = secured.unwrap()
                plain.sendall(b"in the clear")
                plain.close()

        thread = in_thread(serve)
        secured = pair[1].wrap_socket(client, server_hostname="localhost")
        secured.sendall(b"x")
        plain = secured.unwrap()
        got = plain.recv(100)
        plain.close()
        thread.join()
        return got


@body
def connecting_after_wrapping(pair: Contexts) -> Any:
    with (
        Shouting(pair[0]) as address,
        pair[1].wrap_socket(socket.socket(), server_hostname="localhost") as client,
    ):
        client.connect(address)
        client.sendall(b"late")
        return client.recv(10)


@body
def asyncio_over_tls(pair: Contexts) -> Any:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    async def main() -> Any:
        server = await asyncio.start_server(shout, HOST, 0, ssl=pair[0])
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address, ssl=pair[1], server_hostname="localhost")
        writer.write(b"hello\n")
        found = await reader.readline(), writer.get_extra_info("ssl_object").version(), await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        # The server's side has its own farewell to say.
        await asyncio.sleep(0.05)
        return found

    return asyncio.run(main())


@body
def asyncio_start_tls(pair: Contexts) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"go\n")
        await writer.drain()
        await writer.start_tls(pair[0])
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    async def main() -> Any:
        server = await asyncio.start_server(serve, HOST, 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"STARTTLS\n")
        first = await reader.readline()
        await writer.start_tls(pair[1], server_hostname="localhost")
        writer.write(b"secret\n")
        found = first, await reader.readline()
        writer.close()
        await writer.wait_closed()
        server.close()
        # The server's side has its own farewell to say.
        await asyncio.sleep(0.05)
        return found

    return asyncio.run(main())


@pytest.mark.parametrize("name", sorted(BODIES))
def test_tls_is_what_it_is_on_linux(both: Both, certificate: Path, name: str) -> None:
    """The same program gives the same values and exceptions on the mesh and on the loopback."""
    simulated, real = both(lambda: BODIES[name](contexts(certificate)))
    assert simulated == real
