"""What the bodies of the parity tests begin with; plain programs that know of no world."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "127.0.0.1"
# Long enough for a packet on either arm.
MOMENT_S = 0.05


@contextlib.contextmanager
def tcp_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give a connected client and server over the loopback."""
    with socket.create_server((HOST, 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        server, _ = listening.accept()
        with client, server:
            yield client, server


def closed_port() -> tuple[str, int]:
    """Return an address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        address: tuple[str, int] = probe.getsockname()
    return address


def reset(sock: socket.socket) -> None:
    """Close so that the peer is sent a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    moment()


def moment() -> None:
    """Let packets arrive."""
    time.sleep(MOMENT_S)


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return what a call returns, or its exception."""
    try:
        return function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - it is what is looked at
        return error


def in_thread(function: Callable[[], Any]) -> threading.Thread:
    """Run a function in a thread."""
    thread = threading.Thread(target=lambda: outcome(function), daemon=True)
    thread.start()
    return thread
