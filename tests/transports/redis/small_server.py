"""A server on a clock that tests wind, and clients that speak to it in plain words."""

from __future__ import annotations

import heapq
import itertools
import random
from typing import Any

from meshsim.transports.redis.server import RedisServer

EPOCH_NS = 1_767_225_600_000_000_000
MS = 1_000_000
SECOND = 1_000 * MS


class _Timer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        """Take the call back."""
        self.cancelled = True


class Clock:
    """Virtual time: calls wait in order, `run` winds to where the test wants to be."""

    def __init__(self) -> None:
        self.now_ns = EPOCH_NS
        self._queue: list[tuple[int, int, _Timer, Any, tuple[Any, ...]]] = []
        self._numbers = itertools.count()

    def __call__(self) -> int:
        return self.now_ns

    def call_at(self, when_ns: int, function: Any, *args: Any) -> _Timer:
        """Have a function called at a moment."""
        timer = _Timer()
        heapq.heappush(self._queue, (max(when_ns, self.now_ns), next(self._numbers), timer, function, args))
        return timer

    def run(self, duration_ns: int) -> None:
        """Let time pass."""
        end_ns = self.now_ns + duration_ns
        while self._queue and self._queue[0][0] <= end_ns:
            when_ns, _, timer, function, args = heapq.heappop(self._queue)
            self.now_ns = when_ns
            if not timer.cancelled:
                function(*args)
        self.now_ns = end_ns


def server(clock: Clock | None = None, name: str = "cache", seed: int = 0, **options: Any) -> RedisServer:
    """Return a server; its clock stands still unless one is given."""
    clock = clock or Clock()
    return RedisServer(name, clock=clock, random=random.Random(seed), call_at=clock.call_at, **options)


def request(*words: Any) -> bytes:
    """Write a command in RESP."""
    raw = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in raw)


class Client:
    """A client that keeps every packet it got."""

    def __init__(self, of: Any, peer: str = "test:1") -> None:
        self.packets: list[bytes] = []
        self.closed = False
        self.session = of.open(peer, self.packets.append, self._close)

    def _close(self) -> None:
        self.closed = True

    def ask(self, *words: Any) -> bytes:
        """Send a command and return what came back by then, b"" when nothing did."""
        del self.packets[:]
        self.session.feed(request(*words))
        return self.got()

    def got(self) -> bytes:
        """Return what has come since the last question, and forget it."""
        data = b"".join(self.packets)
        del self.packets[:]
        return data
