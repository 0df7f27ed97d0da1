"""What the trace is told of requests: each REQ's once, when its reply has come or nobody waits for it any more.

As in the redis room, requests are too many for a record with two ends each: that would cost more than the round
trip. One is written down whole, by its caller: what was asked, how long the caller waited, what went wrong.
Messages of the other patterns have no answer that could be told from another message: they are packets of the trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshsim.transports.zeromq.pipes import Message, Pipe
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["Asking"]

_MAX_BYTES = 80


class Asking:
    """The request of one REQ that waits for its reply."""

    __slots__ = ("_caller", "_kernel", "_pipe", "_recorder", "_request", "_sent_ns")

    def __init__(self, socket: MeshSocket) -> None:
        self._kernel: Any = socket.kernel
        self._recorder: Any = getattr(socket.kernel, "recorder", None)
        self._caller = socket.process.host.name
        self._pipe: Pipe | None = None
        self._request: Message = ()
        self._sent_ns = 0

    def begin(self, pipe: Pipe, request: Message) -> None:
        """Note that a request leaves."""
        self._pipe = pipe
        self._request = request
        self._sent_ns = self._kernel.now

    def end(self, error: str = "") -> None:
        """Note that the reply is there, or what is told instead; once."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None and self._recorder is not None:
            took_ns = self._kernel.now - self._sent_ns
            self._recorder.command(self._caller, pipe.party(), _text(self._request), took_ns, error)


def _text(request: Message) -> str:
    return b" ".join((b"REQ", *request))[:_MAX_BYTES].decode("utf-8", "backslashreplace")
