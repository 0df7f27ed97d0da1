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
    from meshsim.network.connection import Connection

__all__ = ["Exchanges"]

_WORDS = 3
_MAX_BYTES = 80
_SHORT = 200
# Commands whose arguments are nobody's business.
_SECRET = frozenset({b"AUTH", b"HELLO", b"auth", b"hello"})


class Exchanges:
    """The commands under way on one connection."""

    __slots__ = ("_caller", "_pending", "_requests", "_sent_ns", "_target")

    def __init__(self, connection: Connection) -> None:
        self._caller = connection.process.host.name
        self._target = connection.peer_host
        self._requests = RequestParser()
        self._pending: list[bytes] = []
        self._sent_ns = 0

    def sent(self, data: bytes) -> None:
        """Note commands that leave."""
        kernel = state.kernel
        if kernel is not None:
            if not self._pending:
                self._sent_ns = kernel.now
            self._pending.append(data)

    def answered(self, data: bytes) -> None:
        """Note that replies have come: of everything under way, because a server answers what it has read."""
        if self._pending:
            error = ""
            if data[:1] == b"-":
                error = data[1 : data.find(b"\r\n")].decode("utf-8", "backslashreplace")
            self._finish(error)

    def failed(self, error: BaseException) -> None:
        """Note that no reply comes any more."""
        if self._pending:
            self._finish(f"{type(error).__name__}: {error}")

    def _finish(self, error: str) -> None:
        kernel: Any = state.kernel
        recorder = getattr(kernel, "recorder", None)
        pending, self._pending = self._pending, []
        if recorder is None:
            return
        took_ns = kernel.now - self._sent_ns
        for data in pending:
            for text in self._read(data):
                recorder.command(self._caller, self._target, text, took_ns, error)

    def _read(self, data: bytes) -> list[str] | tuple[str, ...]:
        if len(data) <= _SHORT and self._requests.idle and (found := _known(data)):
            return found
        try:
            return [_text(fields) for fields in self._requests.feed(data)]
        except ProtocolError:
            return []


@functools.lru_cache(maxsize=1024)
def _known(data: bytes) -> tuple[str, ...]:
    """Return the text of a short packet that is one command; polling clients send the same one all the time."""
    fields = whole_command(data)
    return () if fields is None else (_text(fields),)


def _text(fields: list[bytes]) -> str:
    words = fields[:1] if fields[0] in _SECRET else fields[:_WORDS]
    return b" ".join(words)[:_MAX_BYTES].decode("utf-8", "backslashreplace")
