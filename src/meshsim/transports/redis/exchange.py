"""What the trace is told of commands: each once, when its reply has come or its caller has given up.

Commands are too many for a record with two ends each, so one is written down whole, by its caller: what was
asked, how long the caller waited, and the error that it got.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from meshsim.kernel import state
from meshsim.transports.redis.requests import ProtocolError, RequestParser, whole_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.network.connection import Connection

__all__ = ["Exchanges"]

_WORDS = 3
_MAX_BYTES = 80
_SHORT = 200
_MINUS = ord("-")
# Commands whose arguments are nobody's business.
_SECRET = frozenset({b"AUTH", b"HELLO", b"auth", b"hello"})


class Exchanges:
    """The commands under way on one connection.

    Kept short where a client asks one thing at a time: a packet out, a packet in, one line of trace.
    """

    __slots__ = ("_alone", "_caller", "_command", "_kernel", "_more", "_requests", "_sent_ns", "_target")

    def __init__(self, connection: Connection) -> None:
        self._caller = connection.process.host.name
        self._target = connection.peer_host
        self._requests = RequestParser()
        # The packet under way, and those behind it when a client sends before it has read.
        self._alone: bytes | None = None
        self._more: list[bytes] = []
        self._sent_ns = 0
        self._kernel: Any = state.kernel
        recorder = getattr(self._kernel, "recorder", None)
        self._command: Callable[..., None] = _nowhere if recorder is None else recorder.command

    def sent(self, data: bytes) -> None:
        """Note commands that leave."""
        if self._alone is None:
            self._alone = data
            self._sent_ns = self._kernel.now
        else:
            self._more.append(data)

    def answered(self, data: bytes) -> None:
        """Note that replies have come: of everything under way, because a server answers what it has read."""
        if self._alone is not None:
            error = ""
            if data[0] == _MINUS:
                error = data[1 : data.find(b"\r\n")].decode("utf-8", "backslashreplace")
            self._finish(error)

    def failed(self, error: BaseException) -> None:
        """Note that no reply comes any more."""
        if self._alone is not None:
            self._finish(f"{type(error).__name__}: {error}")

    def _finish(self, error: str) -> None:
        took_ns = self._kernel.now - self._sent_ns
        alone, self._alone = self._alone, None
        if alone is not None and not self._more and len(alone) <= _SHORT and self._requests.idle:
            text = _known(alone)
            if text is not None:
                self._command(self._caller, self._target, text, took_ns, error)
                return
        more, self._more = self._more, []
        for data in (alone, *more):
            for text in self._read(data or b""):
                self._command(self._caller, self._target, text, took_ns, error)

    def _read(self, data: bytes) -> list[str]:
        try:
            return [_text(fields) for fields in self._requests.feed(data)]
        except ProtocolError:
            return []


def _nowhere(*_command: object) -> None:
    """Stand for a recorder where nothing is recorded."""


@functools.lru_cache(maxsize=1024)
def _known(data: bytes) -> str | None:
    """Return the text of a short packet that is one command; polling clients send the same one all the time."""
    fields = whole_command(data)
    return None if fields is None else _text(fields)


def _text(fields: list[bytes]) -> str:
    words = fields[:1] if fields[0] in _SECRET else fields[:_WORDS]
    return b" ".join(words)[:_MAX_BYTES].decode("utf-8", "backslashreplace")
