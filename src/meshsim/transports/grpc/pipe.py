"""A client's connection: many calls at once, and what ends all of them.

Everything here runs on the hub or in the flow of whoever calls; none of it is user code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.kernel import api
from meshsim.network.connection import EOF
from meshsim.network.outcome import ConnectionReset
from meshsim.transports.grpc import texts
from meshsim.transports.grpc.status import UNAVAILABLE, Status
from meshsim.transports.grpc.wire import Begin, Credit, Data, End, GoAway, Headers, Ping, Reset

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.timer import Timer
    from meshsim.network.connection import Connection
    from meshsim.transports.grpc.attempt import Attempt
    from meshsim.transports.grpc.policy import Options

    Frame = Begin | Data | Credit | Reset | Ping


class Pipe:
    """A client's end of a connection.

    Args:
        connection: the network's connection, which stands.
        options: the channel's; for keepalive.
        lost: called once, when no more calls can be made here.

    Attributes:
        usable: whether new calls may begin here.
    """

    def __init__(self, connection: Connection, options: Options, lost: Callable[[Pipe], None]) -> None:
        self.connection = connection
        self.usable = True
        self._options = options
        self._lost = lost
        self._attempts: dict[int, Attempt] = {}
        self._next_stream = 1
        self._watch: Timer | None = None
        connection.on_message(self._arrived)
        self._watch_later()

    @property
    def server_host(self) -> str:
        """The name of the host at the other end."""
        return self.connection.peer_host

    def add(self, attempt: Attempt) -> int:
        """Give an attempt the next number of a stream."""
        stream = self._next_stream
        self._next_stream += 2
        self._attempts[stream] = attempt
        return stream

    def forget(self, stream: int) -> None:
        """Drop a stream that is over."""
        self._attempts.pop(stream, None)
        if not self.usable and not self._attempts:
            self.connection.close()

    def send(self, frame: Frame) -> None:
        """Send a frame; on a connection that is known to be broken it goes nowhere, and its end is on the way."""
        try:
            self.connection.send(frame, frame.size_bytes)
        except ConnectionReset:
            # What broke the connection is in its inbox, where every call on it learns of it.
            return

    def close(self) -> None:
        """Begin no more calls, and end the connection once none is left."""
        self._retire()
        if not self._attempts:
            self.connection.close()

    def _retire(self) -> None:
        if self.usable:
            self.usable = False
            if self._watch is not None:
                self._watch.cancel()
            self._lost(self)

    # -- what arrives -----------------------------------------------------------------------------------

    def _arrived(self, frame: object) -> None:
        if isinstance(frame, (End, Headers, Data, Reset, Credit)):
            attempt = self._attempts.get(frame.stream)
            if attempt is not None:
                attempt.arrived(frame)
        elif isinstance(frame, Ping):
            self._pong(frame)
        elif isinstance(frame, GoAway):
            self._go_away(frame)
        else:
            # EOF, a reset, or something that is no gRPC.
            self._broken(
                texts.RESET if isinstance(frame, ConnectionReset) else texts.CLOSED, eof=frame is EOF
            )

    def _go_away(self, frame: GoAway) -> None:
        self._retire()
        for stream, attempt in list(self._attempts.items()):
            if stream > frame.last_stream:
                attempt.lost(Status(UNAVAILABLE, texts.CLOSED), unseen=True)
        if not self._attempts:
            self.connection.close()

    def _broken(self, text: str, *, eof: bool = False) -> None:
        self._retire()
        if eof:
            self.connection.close()
        else:
            self.connection.abort()
        attempts, self._attempts = self._attempts, {}
        for attempt in attempts.values():
            attempt.lost(Status(UNAVAILABLE, text), unseen=False)

    # -- keepalive --------------------------------------------------------------------------------------

    def _watch_later(self) -> None:
        if self._options.keepalive_ns:
            self._watch = api.call_at(api.now() + self._options.keepalive_ns, self._ping)

    def _ping(self) -> None:
        if not self._attempts and not self._options.given.get("grpc.keepalive_permit_without_calls"):
            self._watch_later()
            return
        self.send(Ping())
        self._watch = api.call_at(
            api.now() + self._options.keepalive_timeout_ns, self._broken, texts.PING_TIMEOUT
        )

    def _pong(self, frame: Ping) -> None:
        if not frame.answer:
            self.send(Ping(answer=True))
        elif self.usable and self._watch is not None:
            self._watch.cancel()
            self._watch_later()
