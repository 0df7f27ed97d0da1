"""Datagram sockets: the same program on the mesh and on Linux."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from pairs import HOST, moment, outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    Both = Callable[[Callable[[], Any]], tuple[Any, Any]]

BODIES: dict[str, Callable[[], Any]] = {}


def body(function: Callable[[], Any]) -> Callable[[], Any]:
    """Collect a body."""
    BODIES[function.__name__] = function
    return function


def udp() -> socket.socket:
    """Return a bound datagram socket."""
    made = socket.socket(type=socket.SOCK_DGRAM)
    made.bind((HOST, 0))
    return made


def closed_port() -> Any:
    """Return an address where nobody receives."""
    with udp() as probe:
        return probe.getsockname()


@body
def messages_stay_whole() -> Any:
    with udp() as one, udp() as other:
        sent = one.sendto(b"first", other.getsockname()), one.sendto(b"", other.getsockname())
        one.sendto(b"third", 0, other.getsockname())
        moment()
        first, address = other.recvfrom(100)
        return sent, first, address == one.getsockname(), other.recv(100), other.recv(100)


@body
def what_is_too_long_is_cut() -> Any:
    with udp() as one, udp() as other:
        one.sendto(b"0123456789", other.getsockname())
        one.sendto(b"next", other.getsockname())
        moment()
        data, _, flags, _ = other.recvmsg(4)
        return data, flags == socket.MSG_TRUNC, other.recv(100)


@body
def peeking() -> Any:
    with udp() as one, udp() as other:
        one.sendto(b"look", other.getsockname())
        moment()
        return other.recv(2, socket.MSG_PEEK), other.recv(100)


@body
def a_connected_socket() -> Any:
    with udp() as one, udp() as other, udp() as third:
        one.connect(other.getsockname())
        one.send(b"hello")
        third.sendto(b"stranger", one.getsockname())
        other.sendto(b"friend", one.getsockname())
        moment()
        one.settimeout(0.05)
        return (
            other.recv(100),
            one.recv(100),
            outcome(one.recv, 100),
            one.getpeername() == other.getsockname(),
            outcome(third.getpeername),
        )


@body
def nobody_listens() -> Any:
    with udp() as one, udp() as unconnected:
        one.connect(closed_port())
        first = one.send(b"x")
        moment()
        one.settimeout(0.05)
        refused = outcome(one.recv, 1), outcome(one.send, b"y")
        unconnected.sendto(b"x", closed_port())
        unconnected.settimeout(0.05)
        return first, refused, outcome(unconnected.recv, 1)


@body
def errors() -> Any:
    with socket.socket(type=socket.SOCK_DGRAM) as fresh, udp() as other:
        return (
            outcome(fresh.send, b"x"),
            outcome(fresh.sendto, bytes(65_508), other.getsockname()),
            outcome(fresh.listen),
            outcome(fresh.accept),
            outcome(fresh.getpeername),
            outcome(fresh.shutdown, socket.SHUT_RDWR),
            outcome(fresh.sendto, b"x", "nowhere"),
            outcome(fresh.sendto, b"x"),
            outcome(fresh.bind, other.getsockname()),
            fresh.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_DGRAM,
        )


@body
def a_first_send_binds() -> Any:
    with socket.socket(type=socket.SOCK_DGRAM) as fresh, udp() as other:
        before = fresh.getsockname()
        fresh.sendto(b"x", other.getsockname())
        return before, fresh.getsockname()[0], fresh.getsockname()[1] > 0, other.recv(1)


@body
def pairs_of_datagrams() -> Any:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.send(b"a")
        one.send(b"b")
        return other.recv(10), other.recv(10), outcome(other.recv, 1, socket.MSG_DONTWAIT)


@body
def paths() -> Any:
    import tempfile

    kind = (socket.AF_UNIX, socket.SOCK_DGRAM)
    with tempfile.TemporaryDirectory() as folder, socket.socket(*kind) as one, socket.socket(*kind) as other:
        other.bind(f"{folder}/other")
        one.sendto(b"to a path", f"{folder}/other")
        missing = outcome(one.sendto, b"x", f"{folder}/missing")
        return other.recvfrom(100), missing


@pytest.mark.parametrize("name", sorted(BODIES))
def test_datagrams_do_what_they_do_on_linux(both: Both, name: str) -> None:
    """The same program gives the same values and exceptions on the mesh and on the loopback."""
    simulated, real = both(BODIES[name])
    assert simulated == real
