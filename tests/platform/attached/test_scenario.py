"""A scenario that attaches a real server by the word `attach`."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from meshsim.errors import FenceError
from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a real server that sends back what it gets."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65_536):
                connection.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def test_a_real_server_is_reached_over_a_simulated_link_and_nothing_else_is(echo: int) -> None:
    """Its name leads to it, with the link's latency; its real address stays behind the fence."""
    world = World(1).platform("ledger", attach=f"127.0.0.1:{echo}").link("test", "ledger", latency="20ms")
    with world as mesh, mesh.on("test"):
        with socket.create_connection(("ledger", echo)) as client:
            before = time.monotonic()
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
            assert time.monotonic() - before == pytest.approx(0.04)
        with pytest.raises(FenceError, match="elsewhere"):
            socket.create_connection(("elsewhere", echo))
