"""Stream sockets: what they do, and what they raise, is what Linux does and raises."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest
from pairs import HOST, closed_port, in_thread, moment, outcome, reset, tcp_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    Both = Callable[[Callable[[], Any]], tuple[Any, Any]]

BODIES: dict[str, Callable[[], Any]] = {}


def body(function: Callable[[], Any]) -> Callable[[], Any]:
    """Collect a body; its docstring is the claim."""
    BODIES[function.__name__] = function
    return function


@body
def echoes() -> Any:
    with tcp_pair() as (client, server):
        client.sendall(b"hello")
        moment()
        client.sendall(b" world")
        moment()
        server.sendall(server.recv(100))
        return client.recv(5), client.recv(100)


@body
def partial_reads_and_peeks() -> Any:
    with tcp_pair() as (client, server):
        client.sendall(b"0123456789")
        moment()
        first = server.recv(3, socket.MSG_PEEK)
        second = server.recv(3)
        rest = bytearray(4)
        count = server.recv_into(rest)
        more = server.recvfrom(100)
        return first, second, count, bytes(rest), more


@body
def waitall() -> Any:
    with tcp_pair() as (client, server):
        client.sendall(b"01234")
        thread = in_thread(lambda: (moment(), client.sendall(b"56789")))
        got = server.recv(10, socket.MSG_WAITALL)
        thread.join()
        return got


@body
def recvmsg_and_sendmsg() -> Any:
    with tcp_pair() as (client, server):
        sent = client.sendmsg([b"ab", b"cd", bytearray(b"ef")])
        moment()
        one, two = bytearray(2), bytearray(10)
        size, ancillary, flags, _ = server.recvmsg_into([one, two])
        return sent, size, ancillary, flags, bytes(one), bytes(two)


@body
def makefile_reads_lines() -> Any:
    with tcp_pair() as (client, server):
        with client.makefile("w", encoding="utf-8", newline="\n") as out:
            out.write("first\nsecönd\n")
        with server.makefile("r", encoding="utf-8") as lines:
            return lines.readline(), lines.readline()


@body
def makefile_keeps_the_socket_open() -> Any:
    with tcp_pair() as (client, server):
        file = client.makefile("rb")
        client.close()
        server.sendall(b"still here")
        server.shutdown(socket.SHUT_WR)
        got = file.read()
        file.close()
        return got


@body
def an_orderly_close_is_an_empty_read() -> Any:
    with tcp_pair() as (client, server):
        client.sendall(b"last")
        client.close()
        moment()
        return server.recv(100), server.recv(100), server.recv(100)


@body
def a_half_close() -> Any:
    with tcp_pair() as (client, server):
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        moment()
        question = server.recv(100), server.recv(100)
        server.sendall(b"answer")
        return question, client.recv(100), outcome(client.send, b"more")


@body
def shutting_down_reading() -> Any:
    with tcp_pair() as (client, server):
        client.shutdown(socket.SHUT_RD)
        return client.recv(10), server.send(b"x")


@body
def shutting_down_wakes_a_reader() -> Any:
    with tcp_pair() as (client, _server):
        got: list[Any] = []
        thread = in_thread(lambda: got.append(client.recv(10)))
        moment()
        client.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        return got


@body
def refused() -> Any:
    with socket.socket() as client:
        return outcome(socket.create_connection, closed_port()), client.connect_ex(closed_port())


@body
def a_reset_is_told_once() -> Any:
    with tcp_pair() as (client, server):
        reset(server)
        return outcome(client.recv, 10), outcome(client.recv, 10), outcome(client.send, b"x")


@body
def a_reset_met_by_sending() -> Any:
    with tcp_pair() as (client, server):
        reset(server)
        return outcome(client.send, b"x"), outcome(client.send, b"x"), outcome(client.recv, 10)


@body
def a_reset_behind_data() -> Any:
    with tcp_pair() as (client, server):
        server.sendall(b"data")
        moment()
        reset(server)
        return outcome(client.recv, 10), outcome(client.recv, 10), outcome(client.recv, 10)


@body
def sending_to_a_closed_peer() -> Any:
    with tcp_pair() as (client, server):
        server.close()
        moment()
        first = outcome(client.send, b"x")
        moment()
        return first, outcome(client.send, b"y"), outcome(client.recv, 10)


@body
def closing_with_unread_data_resets() -> Any:
    with tcp_pair() as (client, server):
        client.sendall(b"unread")
        moment()
        server.close()
        moment()
        return outcome(client.recv, 10)


@body
def so_error_is_told_once() -> Any:
    with tcp_pair() as (client, server):
        reset(server)
        get = client.getsockopt
        return (
            get(socket.SOL_SOCKET, socket.SO_ERROR),
            get(socket.SOL_SOCKET, socket.SO_ERROR),
            client.recv(1),
        )


@body
def peer_name_after_a_reset() -> Any:
    with tcp_pair() as (client, server):
        reset(server)
        return outcome(client.getpeername)


@body
def timeouts() -> Any:
    with tcp_pair() as (client, server):
        client.settimeout(0.05)
        first = outcome(client.recv, 10)
        server.sendall(b"late")
        moment()
        return first, client.recv(10), client.gettimeout(), client.getblocking(), client.timeout


@body
def not_blocking() -> Any:
    with tcp_pair() as (client, server):
        client.setblocking(False)
        first = outcome(client.recv, 10), outcome(client.recv_into, bytearray(3)), client.gettimeout()
        server.sendall(b"x")
        moment()
        dont_wait = outcome(server.recv, 1, socket.MSG_DONTWAIT)
        return first, client.recv(10), dont_wait


@body
def connecting_without_blocking() -> Any:
    with socket.create_server((HOST, 0)) as listening, socket.socket() as client:
        client.setblocking(False)
        first = client.connect_ex(listening.getsockname())
        moment()
        error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        again = client.connect_ex(listening.getsockname())
        return first, error, again, client.connect_ex(listening.getsockname())


@body
def connecting_without_blocking_raises() -> Any:
    with socket.create_server((HOST, 0)) as listening, socket.socket() as client:
        client.setblocking(False)
        return outcome(client.connect, listening.getsockname())


@body
def refused_without_blocking() -> Any:
    with socket.socket() as client:
        client.setblocking(False)
        first = client.connect_ex(closed_port())
        moment()
        return first in {errno.EINPROGRESS, errno.ECONNREFUSED}, client.getsockopt(
            socket.SOL_SOCKET, socket.SO_ERROR
        )


@body
def connecting_twice() -> Any:
    with tcp_pair() as (client, server):
        return outcome(client.connect, server.getsockname()), client.connect_ex(server.getsockname())


@body
def a_refused_socket_connects_again() -> Any:
    with socket.create_server((HOST, 0)) as listening, socket.socket() as client:
        first = outcome(client.connect, closed_port())
        client.connect(listening.getsockname())
        return first, client.getpeername() == listening.getsockname()


@body
def not_connected() -> Any:
    with socket.socket() as fresh:
        return (
            outcome(fresh.recv, 1),
            outcome(fresh.send, b"x"),
            outcome(fresh.sendall, b"x"),
            outcome(fresh.getpeername),
            outcome(fresh.shutdown, socket.SHUT_RDWR),
            outcome(fresh.accept),
            fresh.getsockname(),
        )


@body
def closed() -> Any:
    fresh = socket.socket()
    fresh.close()
    return (
        fresh.fileno(),
        outcome(fresh.recv, 1),
        outcome(fresh.send, b"x"),
        outcome(fresh.bind, (HOST, 0)),
        outcome(fresh.connect, (HOST, 1)),
        outcome(fresh.getsockname),
        outcome(fresh.getsockopt, socket.SOL_SOCKET, socket.SO_ERROR),
        outcome(fresh.close),
    )


@body
def binding() -> Any:
    with socket.create_server((HOST, 0)) as listening, socket.socket() as other, socket.socket() as bound:
        bound.bind((HOST, 0))
        return (
            outcome(other.bind, listening.getsockname()),
            outcome(bound.bind, (HOST, 0)),
            bound.getsockname()[0],
            outcome(socket.create_connection, bound.getsockname()),
        )


@body
def create_server_says_what_is_taken() -> Any:
    with socket.create_server((HOST, 0)) as listening:
        return outcome(socket.create_server, listening.getsockname())


@body
def wrong_addresses() -> Any:
    with socket.socket() as fresh:
        return (
            outcome(fresh.connect, "127.0.0.1:80"),
            outcome(fresh.connect, (HOST,)),
            outcome(fresh.connect, (HOST, 70_000)),
            outcome(fresh.bind, (HOST, -1)),
            outcome(fresh.connect, (HOST, "80")),
            outcome(fresh.settimeout, -1),
            outcome(fresh.recv, -1),
            outcome(fresh.shutdown, 7),
        )


@body
def accepting() -> Any:
    with socket.create_server((HOST, 0)) as listening:
        listening.settimeout(0.05)
        first = outcome(listening.accept)
        listening.setblocking(False)
        second = outcome(listening.accept)
        with socket.create_connection(listening.getsockname()) as client:
            moment()
            connection, address = listening.accept()
            with connection:
                return first, second, address == client.getsockname(), connection.gettimeout()


@body
def a_listener_does_not_connect_or_send() -> Any:
    with socket.create_server((HOST, 0)) as listening:
        return (
            outcome(listening.connect, (HOST, 9)),
            outcome(listening.send, b"x"),
            outcome(listening.recv, 1),
            listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN),
        )


@body
def closing_a_listener_resets_who_waits() -> Any:
    listening = socket.create_server((HOST, 0))
    with socket.create_connection(listening.getsockname()) as client:
        moment()
        listening.close()
        moment()
        return outcome(client.recv, 1)


@body
def what_a_client_sent_before_accept() -> Any:
    with socket.create_server((HOST, 0)) as listening:
        with socket.create_connection(listening.getsockname()) as client:
            client.sendall(b"early")
        moment()
        connection, _ = listening.accept()
        with connection:
            return connection.recv(100), connection.recv(100)


@body
def options() -> Any:
    with tcp_pair() as (client, _):
        level = socket.SOL_SOCKET
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(level, socket.SO_KEEPALIVE, True)
        client.setsockopt(level, socket.SO_LINGER, struct.pack("ii", 1, 5))
        return (
            client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0,
            client.getsockopt(level, socket.SO_KEEPALIVE),
            client.getsockopt(level, socket.SO_LINGER, 8),
            client.getsockopt(level, socket.SO_TYPE),
            client.getsockopt(level, socket.SO_DOMAIN),
            client.getsockopt(level, socket.SO_PROTOCOL),
            client.getsockopt(level, socket.SO_BROADCAST),
            outcome(client.getsockopt, 9999, 1),
            outcome(client.setsockopt, 9999, 1, 1),
            client.family,
            client.type,
        )


@body
def dup_shares_the_connection() -> Any:
    with tcp_pair() as (client, server):
        with client.dup() as other:
            client.close()
            other.sendall(b"by the other")
            moment()
            got = server.recv(100)
        moment()
        return got, server.recv(100)


@body
def detach_and_take_up_again() -> Any:
    with tcp_pair() as (client, server):
        fd = client.detach()
        closed = client.fileno(), outcome(client.send, b"x")
        with socket.socket(fileno=fd) as again:
            again.sendall(b"again")
            moment()
            return closed, server.recv(10), again.family, again.type


@body
def socket_pairs() -> Any:
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"ping")
        got = other.recv(10)
        one.close()
        return got, other.recv(10), outcome(other.send, b"x"), other.family, other.getsockname()


@body
def unix_paths() -> Any:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        path = f"{folder}/s"
        with socket.socket(socket.AF_UNIX) as client:
            missing = outcome(client.connect, path)
            listening.bind(path)
            unheard = outcome(client.connect, path)
            listening.listen()
            client.connect(path)
            connection, address = listening.accept()
            with connection:
                client.sendall(b"by path")
                return missing, unheard, address, connection.recv(10), connection.getsockname() == path


@body
def ipv6() -> Any:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
        with socket.create_connection(listening.getsockname()[:2]) as client:
            connection, address = listening.accept()
            with connection:
                client.sendall(b"six")
                moment()
                return connection.recv(3), address[0], address[2:], len(client.getsockname()), client.family


@body
def sendfile() -> Any:
    import tempfile

    with tcp_pair() as (client, server), tempfile.TemporaryFile() as file:
        file.write(b"0123456789" * 100)
        file.flush()
        file.seek(0)
        count = client.sendfile(file, 10, 500)
        moment()
        return count, server.recv(1000), file.tell()


@body
def a_large_message_arrives_whole() -> Any:
    data = bytes(range(256)) * 20_000
    with tcp_pair() as (client, server):
        thread = in_thread(lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
        with server.makefile("rb") as file:
            got = file.read()
        thread.join()
        return got == data


@body
def a_full_window_stops_who_does_not_block() -> Any:
    with tcp_pair() as (client, server):
        client.setblocking(False)
        refusals = 0
        sent = 0
        while not refusals:
            with contextlib.suppress(BlockingIOError):
                sent += client.send(bytes(65_536))
                continue
            refusals += 1
        error = outcome(client.send, b"x" * 65_536)
        client.settimeout(0.1)
        late = outcome(client.sendall, bytes(10_000_000))
        return sent > 65_536, error, late, server.fileno() > 0


@body
def threads_of_a_server() -> Any:
    with socket.create_server((HOST, 0)) as listening:

        def serve() -> None:
            for _ in range(3):
                connection, _ = listening.accept()
                threading.Thread(target=shout, args=(connection,), daemon=True).start()

        def shout(connection: socket.socket) -> None:
            with connection:
                while data := connection.recv(100):
                    connection.sendall(data.upper())

        in_thread(serve)
        clients = [socket.create_connection(listening.getsockname()) for _ in range(3)]
        for number, client in enumerate(clients):
            client.sendall(b"client %d" % number)
        got = [client.recv(100) for client in clients]
        for client in clients:
            client.close()
        return got


@body
def names() -> Any:
    return (
        socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM),
        socket.getaddrinfo("127.0.0.1", "http", socket.AF_INET, socket.SOCK_STREAM),
        socket.getaddrinfo("localhost", 80, socket.AF_INET),
        socket.getaddrinfo(None, 80, socket.AF_INET, socket.SOCK_STREAM, 0, socket.AI_PASSIVE),
        outcome(socket.getaddrinfo, "name", 80, 0, 0, 0, socket.AI_NUMERICHOST),
        outcome(socket.getaddrinfo, "::1", 80, socket.AF_INET),
        outcome(socket.getaddrinfo, "127.0.0.1", "no-such-service"),
        outcome(socket.getaddrinfo, None, None),
        socket.gethostbyname("localhost"),
        socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV),
        socket.getaddrinfo("::1", 80, socket.AF_INET6, socket.SOCK_STREAM),
    )


@body
def default_timeouts() -> Any:
    before = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(1.5)
        with socket.socket() as fresh:
            return (
                before,
                socket.getdefaulttimeout(),
                fresh.gettimeout(),
                outcome(socket.setdefaulttimeout, -1),
            )
    finally:
        socket.setdefaulttimeout(before)


@pytest.mark.parametrize("name", sorted(BODIES))
def test_a_stream_does_what_linux_does(both: Both, name: str) -> None:
    """The same program gives the same values and exceptions on the mesh and on the loopback."""
    simulated, real = both(BODIES[name])
    assert simulated == real
