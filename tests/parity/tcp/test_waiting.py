"""Selectors, polling and what stands on them: the same program on the mesh and on Linux."""

from __future__ import annotations

import asyncio
import select
import selectors
import socket
import socketserver
import threading
from typing import TYPE_CHECKING, Any

import pytest
from pairs import HOST, in_thread, moment, outcome, reset, tcp_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    Both = Callable[[Callable[[], Any]], tuple[Any, Any]]

BODIES: dict[str, Callable[[], Any]] = {}


def body(function: Callable[[], Any]) -> Callable[[], Any]:
    """Collect a body."""
    BODIES[function.__name__] = function
    return function


def _positions(found: tuple[list[Any], ...], *things: Any) -> list[list[int]]:
    return [[things.index(thing) for thing in one] for one in found]


@body
def select_select() -> Any:
    with tcp_pair() as (client, server):
        idle = _positions(select.select([client, server], [client], [], 0.02), client, server)
        server.sendall(b"x")
        moment()
        ready = _positions(select.select([client, server], [], [client], 1), client, server)
        by_number = select.select([client.fileno()], [], [], 0)[0] == [client.fileno()]
        server.close()
        moment()
        return idle, ready, by_number, len(select.select([client], [client], [], 0)[0])


@body
def select_errors() -> Any:
    with tcp_pair() as (client, _):
        gone = socket.socket()
        gone.close()
        return (
            outcome(select.select, [gone], [], [], 0),
            outcome(select.select, [client], [], [], -1),
            outcome(select.select, ["x"], [], [], 0),
            select.select([], [], [], 0.01),
        )


@body
def poll_masks() -> Any:
    with tcp_pair() as (client, server):
        poller = select.poll()
        poller.register(client, select.POLLIN | select.POLLOUT | select.POLLRDHUP)
        fresh = [mask for _, mask in poller.poll(10)]
        server.sendall(b"x")
        moment()
        readable = [mask for _, mask in poller.poll(10)]
        server.shutdown(socket.SHUT_WR)
        moment()
        ended = [mask for _, mask in poller.poll(10)]
        poller.modify(client, select.POLLRDHUP)
        only = [mask for _, mask in poller.poll(10)]
        poller.unregister(client)
        return fresh, readable, ended, only, poller.poll(10), outcome(poller.unregister, client) is not None


@body
def poll_after_a_reset() -> Any:
    with tcp_pair() as (client, server):
        poller = select.poll()
        poller.register(client)
        reset(server)
        return [mask for _, mask in poller.poll(10)]


@body
def poll_when_both_have_shut() -> Any:
    with tcp_pair() as (client, server):
        poller = select.poll()
        poller.register(client)
        client.shutdown(socket.SHUT_WR)
        server.close()
        moment()
        return [mask for _, mask in poller.poll(10)]


@body
def poll_fresh_and_listening() -> Any:
    with socket.socket() as fresh, socket.create_server((HOST, 0)) as listening:
        poller = select.poll()
        poller.register(fresh)
        first = [mask for _, mask in poller.poll(10)]
        poller.unregister(fresh)
        poller.register(listening)
        idle = poller.poll(10)
        with socket.create_connection(listening.getsockname()):
            moment()
            return first, idle, [mask for _, mask in poller.poll(10)]


@body
def epoll_levels_and_edges() -> Any:
    with tcp_pair() as (client, server), select.epoll() as poller:
        poller.register(client, select.EPOLLIN)
        server.sendall(b"x")
        moment()
        level = [[mask for _, mask in poller.poll(0.1)] for _ in range(2)]
        poller.modify(client, select.EPOLLIN | select.EPOLLET)
        edge = [[mask for _, mask in poller.poll(0.01)] for _ in range(2)]
        server.sendall(b"y")
        moment()
        again = [mask for _, mask in poller.poll(0.01)]
        poller.modify(client, select.EPOLLIN | select.EPOLLONESHOT)
        once = [[mask for _, mask in poller.poll(0.01)] for _ in range(2)]
        twice = outcome(poller.register, client)
        poller.unregister(client)
        return level, edge, again, once, twice, outcome(poller.unregister, client)


@body
def a_closed_socket_leaves_an_epoll() -> Any:
    with tcp_pair() as (client, server), select.epoll() as poller:
        poller.register(client, select.EPOLLIN)
        server.close()
        moment()
        before = len(poller.poll(0.01))
        client.close()
        return before, poller.poll(0.01)


def _selector(kind: type[Any]) -> Any:
    with kind() as selector, socket.create_server((HOST, 0)) as listening:
        listening.setblocking(False)
        selector.register(listening, selectors.EVENT_READ, "listening")
        client = socket.create_connection(listening.getsockname())
        log: list[Any] = []
        server: Any = None
        client.sendall(b"hello")
        while not log or log[-1] != b"":
            for key, events in selector.select(1):
                if key.data == "listening":
                    server, _ = listening.accept()
                    server.setblocking(False)
                    selector.register(server, selectors.EVENT_READ | selectors.EVENT_WRITE, "server")
                elif events & selectors.EVENT_WRITE:
                    server.send(b"welcome")
                    selector.modify(server, selectors.EVENT_READ, "reader")
                else:
                    log.append(server.recv(100))
                    if log[-1]:
                        log.append(client.recv(100))
                        client.close()
        log.append(selector.get_key(server).data)
        log.append(outcome(selector.register, server, selectors.EVENT_READ) is None)
        log.append(selector.unregister(server).data)
        server.close()
        log.append(selector.select(0.01))
        return log


@body
def default_selector() -> Any:
    return _selector(selectors.DefaultSelector)


@body
def select_selector() -> Any:
    return _selector(selectors.SelectSelector)


@body
def poll_selector() -> Any:
    return _selector(selectors.PollSelector)


@body
def epoll_selector() -> Any:
    return _selector(selectors.EpollSelector)


@body
def a_thread_wakes_a_selector_by_a_pair() -> Any:
    one, other = socket.socketpair()
    with one, other, selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ)
        thread = in_thread(lambda: (moment(), other.send(b"!")))
        found = selector.select(5)
        thread.join()
        return len(found), one.recv(1)


@body
def socketserver_with_threads() -> Any:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                self.wfile.write(line.upper())

    with socketserver.ThreadingTCPServer((HOST, 0), Handler) as server:
        server.daemon_threads = True
        thread = in_thread(server.serve_forever)
        with socket.create_connection(server.server_address) as client, client.makefile("rwb") as file:  # type: ignore[arg-type]
            file.write(b"one\ntwo\n")
            file.flush()
            lines = file.readline(), file.readline()
        server.shutdown()
        thread.join()
        return lines


@body
def socketserver_with_datagrams() -> Any:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            sock.sendto(data[::-1], self.client_address)

    with socketserver.UDPServer((HOST, 0), Handler) as server:
        thread = in_thread(server.handle_request)
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.sendto(b"abc", server.server_address)
            got = client.recv(10)
        thread.join()
        return got


async def _shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


@body
def asyncio_streams() -> Any:
    async def main() -> Any:
        server = await asyncio.start_server(_shout, HOST, 0)
        address = server.sockets[0].getsockname()
        found = []
        for number in range(3):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"line %d\n" % number)
            found.append(await reader.readline())
            writer.write_eof()
            found.append(await reader.read())
            writer.close()
            await writer.wait_closed()
        server.close()
        await server.wait_closed()
        try:
            await asyncio.open_connection(*address)
        except OSError as error:
            found.append(type(error).__name__)  # type: ignore[arg-type]
        return found

    return asyncio.run(main())


@body
def asyncio_large_messages() -> Any:
    async def main() -> Any:
        data = bytes(range(256)) * 20_000

        async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(len(data)))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(send, HOST, 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(data)
        await writer.drain()
        got = await reader.read(-1)
        writer.close()
        server.close()
        return got == data

    return asyncio.run(main())


@body
def asyncio_timeouts_and_resets() -> Any:
    async def main() -> Any:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.transport.abort()

        server = await asyncio.start_server(silent, HOST, 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            await asyncio.wait_for(reader.read(1), 0.05)
        except TimeoutError as error:
            found: list[Any] = [type(error).__name__]
        writer.write(b"x")
        try:
            found.append(await reader.read(1))  # type: ignore[possibly-undefined]
        except ConnectionError as error:
            found.append(error)  # type: ignore[possibly-undefined]
        writer.close()
        server.close()
        return found

    return asyncio.run(main())


@body
def asyncio_sockets() -> Any:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        with socket.create_server((HOST, 0)) as listening, socket.socket() as client:
            listening.setblocking(False)
            client.setblocking(False)
            await loop.sock_connect(client, listening.getsockname())
            server, _ = await loop.sock_accept(listening)
            with server:
                await loop.sock_sendall(client, b"hello")
                buffer = bytearray(3)
                first = await loop.sock_recv_into(server, buffer)
                return first, bytes(buffer), await loop.sock_recv(server, 10)

    return asyncio.run(main())


@body
def asyncio_datagrams() -> Any:
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: Any) -> None:
            self.transport.sendto(data * 2, address)

    class Client(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.got: asyncio.Queue[bytes] = asyncio.Queue()

        def datagram_received(self, data: bytes, address: Any) -> None:
            self.got.put_nowait(data)

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        server, _ = await loop.create_datagram_endpoint(Echo, local_addr=(HOST, 0))
        address = server.get_extra_info("sockname")
        client, protocol = await loop.create_datagram_endpoint(Client, remote_addr=address)
        client.sendto(b"ab")
        found = await protocol.got.get()
        client.close()
        server.close()
        return found

    return asyncio.run(main())


@body
def asyncio_readers_of_a_pair() -> Any:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            ready = loop.create_future()
            loop.add_reader(one, lambda: ready.done() or ready.set_result(one.recv(10)))
            threading.Timer(0.01, lambda: other.send(b"from a thread")).start()
            found = await ready
            loop.remove_reader(one)
            return found

    return asyncio.run(main())


@pytest.mark.parametrize("name", sorted(BODIES))
def test_waiting_is_what_it_is_on_linux(both: Both, name: str) -> None:
    """The same program gives the same values and exceptions on the mesh and on the loopback."""
    simulated, real = both(BODIES[name])
    assert simulated == real
