"""Raw RESP: the same words to a real server and to ours, replies compared with their types."""

from __future__ import annotations

import random
import socket
import time
from typing import Any

from meshsim.transports.redis.server import RedisServer

__all__ = ["Ours", "Real", "Reply", "parse", "request"]

Reply = Any


def request(*words: bytes) -> bytes:
    """Write a command."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def parse(data: bytes, position: int = 0) -> tuple[Reply, int]:
    """Read one reply, keeping its type: `('$', b'x')`, `('*', (...))`, `('-', 'ERR ...')`.

    Raises:
        IndexError: the reply is not complete.
    """
    end = data.find(b"\r\n", position)
    if end < 0:
        raise IndexError(position)
    sign, body = chr(data[position]), data[position + 1 : end]
    position = end + 2
    if sign in "$=":
        length = int(body)
        if length < 0:
            return ("$", None), position
        if len(data) < position + length + 2:
            raise IndexError(position)
        return (sign, data[position : position + length]), position + length + 2
    if sign in "*~>%":
        count = int(body) * (2 if sign == "%" else 1)
        if count < 0:
            return (sign, None), position
        items = []
        for _ in range(count):
            item, position = parse(data, position)
            items.append(item)
        if sign == "~":
            items.sort(key=repr)
        if sign == "%":
            items = sorted(zip(items[::2], items[1::2], strict=True), key=repr)
        return (sign, tuple(items)), position
    return (sign, body), position


class Real:
    """A connection to a real redis-server on loopback."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.settimeout(5)
        self._left = b""

    def ask(self, *words: bytes) -> Reply:
        """Send a command and read its reply."""
        self._socket.sendall(request(*words))
        while True:
            try:
                reply, used = parse(self._left)
            except IndexError:
                self._left += self._socket.recv(1 << 16)
            else:
                self._left = self._left[used:]
                return reply

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class _Never:
    def cancel(self) -> None:
        """Do nothing: the timer would never have come."""


class Ours:
    """A session of our server, on the real clock so that both expire alike."""

    def __init__(self, version: str) -> None:
        self.server = RedisServer(
            "cache",
            clock=time.time_ns,
            random=random.Random(0),
            call_at=lambda _when_ns, _function: _Never(),
            version=version,
        )
        self._data = b""
        self._session = self.server.open("127.0.0.1:1", self._take)

    def _take(self, data: bytes) -> None:
        self._data += data

    def ask(self, *words: bytes) -> Reply:
        """Feed a command and read its reply."""
        self._data = b""
        self._session.feed(request(*words))
        reply, used = parse(self._data)
        assert used == len(self._data), self._data
        return reply
