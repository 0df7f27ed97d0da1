"""An attempt to connect: a SYN, tried again while nothing answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.network import packet as kinds
from meshsim.network.connection import Connection
from meshsim.network.outcome import ConnectionReset, ConnectRefused, ConnectTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.host import Host
    from meshsim.kernel.timer import Timer
    from meshsim.network.fabric import Fabric

SYN_BYTES = 60
# Linux: the first SYN is sent again after 1 s, then after twice as long each time; six times
# (net.ipv4.tcp_syn_retries), so that the attempt fails after 127 s.
FIRST_RETRY_NS = 1_000_000_000
RETRIES = 6


class Dial:
    """One attempt; ends with `done(connection)` or `done(outcome)` on the hub, once."""

    __slots__ = (
        "_accepted",
        "_done",
        "_fabric",
        "_local_port",
        "_over",
        "_port",
        "_process",
        "_retries",
        "_source",
        "_target",
        "_timer",
    )

    def __init__(
        self,
        fabric: Fabric,
        source: Host,
        target: Host,
        port: int,
        done: Callable[[Connection | Exception], None],
        *,
        local_port: int = 0,
    ) -> None:
        self._fabric = fabric
        self._source = source
        self._process = source.process
        self._target = target
        self._port = port
        self._done = done
        self._local_port = local_port
        self._retries = 0
        self._over = False
        self._accepted = False
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Send the first SYN."""
        self._send()

    def cancel(self) -> None:
        """Give up: `done` will not be called. A connection that the target has accepted is reset when it comes."""
        self._over = True
        if self._timer is not None and not self._accepted:
            self._timer.cancel()

    def _text(self, what: str) -> str:
        return f"{self._source.name} -> {self._target.name}:{self._port}: {what}"

    def _send(self) -> None:
        if self._over or self._process is None or self._process.dead:
            return
        fate = self._fabric.route(self._source, self._target).decide(kinds.SYN, SYN_BYTES, None, self._port)
        if fate >= 0:
            self._timer = self._fabric.kernel.call_at(self._fabric.kernel.now + fate, self._arrive)
        elif fate == -1:
            self._again()
        else:
            self._finish(ConnectRefused(self._text("connection refused")))

    def _again(self) -> None:
        if self._retries == RETRIES:
            self._finish(ConnectTimeout(self._text("connection timed out")))
            return
        delay = FIRST_RETRY_NS << self._retries
        self._retries += 1
        self._timer = self._fabric.kernel.call_at(self._fabric.kernel.now + delay, self._send)

    def _arrive(self) -> None:
        """Be the SYN at the target: a listener accepts, a closed port refuses."""
        listener = self._target.listeners.get(self._port)
        answer: Connection | Exception
        server: Connection | None = None
        if listener is None:
            answer = ConnectRefused(self._text("connection refused"))
        elif self._over:
            return
        elif listener.full:  # type: ignore[attr-defined]  # a host knows its listeners as objects
            # As Linux does: a SYN that finds the queue of a listener full is not answered.
            self._again()
            return
        else:
            answer, server = Connection.pair(self._fabric, self._process, self._target.process, self._port)
            answer.local_port = self._local_port
        back = self._fabric.route(self._target, self._source).decide(
            kinds.ACCEPT, SYN_BYTES, None, self._port
        )
        if back < 0 and back != -1:
            self._finish(ConnectionReset(self._text("connection reset by peer")))
        elif back == -1:
            self._again()
        else:
            kernel = self._fabric.kernel
            self._timer = kernel.call_at(kernel.now + back, self._finish, answer)
            if listener is not None and server is not None:
                self._accepted = True
                listener.on_connect(server)  # type: ignore[attr-defined]

    def _finish(self, outcome: Connection | Exception) -> None:
        if self._over:
            if isinstance(outcome, Connection):
                outcome.abort()
            return
        self._over = True
        self._done(outcome)

    def __repr__(self) -> str:
        return f"connection to {self._target.name}:{self._port}"
