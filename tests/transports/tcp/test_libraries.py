"""Pure-Python clients and servers, as published, on simulated sockets; each is skipped where it is not installed."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from socket_world import SocketWorld

# A server that never ends dies with its world, and what it awaited then is awaited no more.
DIES = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@DIES
def test_aiohttp_calls_aiohttp(world: SocketWorld) -> None:
    """Aiohttp's client calls aiohttp's server: a body, a stream and a websocket."""
    aiohttp = pytest.importorskip("aiohttp")
    web = pytest.importorskip("aiohttp.web")

    async def echo(request: Any) -> Any:
        return web.json_response({"got": (await request.read()).decode()})

    async def talk(request: Any) -> Any:
        channel = web.WebSocketResponse()
        await channel.prepare(request)
        async for message in channel:
            await channel.send_str(message.data.upper())
        return channel

    def serve() -> None:
        application = web.Application()
        application.add_routes([web.post("/echo", echo), web.get("/talk", talk)])
        web.run_app(application, port=80, print=None, handle_signals=False)

    async def call() -> Any:
        async with aiohttp.ClientSession() as session:
            async with session.post("http://web/echo", data=b"hello") as reply:
                first = reply.status, await reply.json()
            async with session.ws_connect("http://web/talk") as channel:
                await channel.send_str("over a websocket")
                return first, (await channel.receive()).data

    world.run("web", serve)
    assert asyncio.run(call()) == ((200, {"got": "hello"}), "OVER A WEBSOCKET")


@DIES
def test_websockets_talk(world: SocketWorld) -> None:
    """A websockets server is reached by its asyncio and by its threaded client."""
    server = pytest.importorskip("websockets.asyncio.server")
    client = pytest.importorskip("websockets.asyncio.client")
    threaded = pytest.importorskip("websockets.sync.client")

    async def shout(channel: Any) -> None:
        async for message in channel:
            await channel.send(message.upper())

    async def serve() -> None:
        async with server.serve(shout, "0.0.0.0", 81) as running:
            await running.serve_forever()

    async def ask() -> Any:
        async with client.connect("ws://loud:81/", proxy=None) as channel:
            await channel.send("hello")
            return await channel.recv()

    world.run("loud", lambda: asyncio.run(serve()))
    assert asyncio.run(ask()) == "HELLO"
    with threaded.connect("ws://loud:81/", proxy=None) as channel:
        channel.send("from a thread")
        assert channel.recv() == "FROM A THREAD"


@DIES
def test_gunicorn_s_sync_worker_serves(world: SocketWorld) -> None:
    """Gunicorn's sync worker answers on a simulated listener, in the process of its host."""
    pytest.importorskip("gunicorn")
    from gunicorn.config import Config
    from gunicorn.glogging import Logger
    from gunicorn.workers.sync import SyncWorker

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "5")])
        return [environ["PATH_INFO"].encode()[:5]]

    def serve() -> None:
        listening = socket.create_server(("", 80))
        listening.setblocking(False)
        settings = Config()
        worker = SyncWorker(1, 1, [listening], None, 30, settings, Logger(settings))
        worker.wsgi = application
        while True:
            try:
                worker.accept(listening)
            except BlockingIOError:
                threading.Event().wait(0.001)

    import urllib.request

    world.run("green", serve)
    assert urllib.request.urlopen("http://green/path").read() == b"/path"


def test_pymysql_shakes_hands(world: SocketWorld) -> None:
    """PyMySQL greets, authenticates, pings and asks a server that speaks the first pages of the protocol."""
    pymysql = pytest.importorskip("pymysql")

    def packet(number: int, body: bytes) -> bytes:
        return struct.pack("<I", len(body))[:3] + bytes([number]) + body

    def serve() -> None:
        with socket.create_server(("", 3306)) as listening:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as file:
                greeting = b"\x0a8.0.0\x00" + struct.pack("<I", 1) + b"12345678\x00"
                greeting += struct.pack("<HBHHB", 0xF7FF, 33, 2, 0x0008, 21) + bytes(10) + b"123456789012\x00"
                connection.sendall(packet(0, greeting + b"mysql_native_password\x00"))
                number = 1
                while head := file.read(4):
                    number = head[3] + 1
                    file.read(int.from_bytes(head[:3], "little"))
                    connection.sendall(packet(number, b"\x00\x00\x00\x02\x00\x00\x00"))

    world.run("sql", serve)
    connection = pymysql.connect(host="sql", user="u", password="p", connect_timeout=5)
    connection.ping(reconnect=False)
    assert connection.open
    connection.close()
    with pytest.raises(pymysql.err.OperationalError, match=r"2003.*Connection refused"):
        pymysql.connect(host="sql", port=3307, user="u")


def test_pg8000_shakes_hands(world: SocketWorld) -> None:
    """pg8000 authenticates by MD5 and learns the server's parameters."""
    native = pytest.importorskip("pg8000.native")
    seen: list[bytes] = []

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", len(body) + 4) + body

    def serve() -> None:
        with socket.create_server(("", 5432)) as listening:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as file:
                begin = file.read(struct.unpack("!i", file.read(4))[0] - 4)
                if begin == struct.pack("!i", 80877103):
                    # It asks for TLS first, and goes on without.
                    connection.sendall(b"N")
                    file.read(struct.unpack("!i", file.read(4))[0] - 4)
                connection.sendall(message(b"R", struct.pack("!i", 5) + b"salt"))
                file.read(1)
                seen.append(file.read(struct.unpack("!i", file.read(4))[0] - 4))
                connection.sendall(
                    message(b"R", struct.pack("!i", 0))
                    + message(b"S", b"server_version\x0016.0\x00")
                    + message(b"Z", b"I")
                )
                file.read()

    world.run("ledger", serve)
    connection = native.Connection("u", host="ledger", password="p", timeout=5)
    assert connection.parameter_statuses["server_version"] == "16.0"
    connection.close()
    inner = hashlib.md5(b"pu").hexdigest().encode()
    assert seen == [b"md5" + hashlib.md5(inner + b"salt").hexdigest().encode() + b"\x00"]


def test_pika_begins_its_handshake(world: SocketWorld) -> None:
    """Pika sends AMQP's first bytes, and says so when the broker hangs up, after its own retries."""
    pika = pytest.importorskip("pika")
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    seen: list[bytes] = []

    def serve() -> None:
        with socket.create_server(("", 5672)) as listening:
            while True:
                connection, _ = listening.accept()
                seen.append(connection.recv(100))
                connection.close()

    world.run("broker", serve)
    parameters = pika.ConnectionParameters("broker", connection_attempts=2, retry_delay=1.0)
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(parameters)
    assert seen == [b"AMQP\x00\x00\x09\x01"] * 2


def test_kafka_python_asks_for_versions(world: SocketWorld) -> None:
    """kafka-python connects, asks for the broker's versions, and gives up by its own timeout."""
    kafka = pytest.importorskip("kafka")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    seen: list[tuple[int, int]] = []

    def serve() -> None:
        with socket.create_server(("", 9092)) as listening:
            while True:
                connection, _ = listening.accept()
                with connection, connection.makefile("rb") as file:
                    if size := file.read(4):
                        body = file.read(int.from_bytes(size, "big"))
                        seen.append(struct.unpack("!hh", body[:4]))

    world.run("broker", serve)
    with pytest.raises(kafka.errors.KafkaError):
        kafka.KafkaProducer(bootstrap_servers="broker:9092", bootstrap_timeout_ms=2000)
    # 18 is ApiVersions.
    assert seen
    assert {key for key, _ in seen} == {18}
