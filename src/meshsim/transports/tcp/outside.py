"""A real connection at the end of a simulated one: bytes are pumped between the two.

Virtual time waits for the real peer: a task that waits inside one step of its own holds the clock. It does so
for `patience_s` of real time after something was sent; then, while somebody is blocked in a read of the
simulated end, virtual time goes on no faster than real time; and after `limit_s` of that nobody looks any more.

What a real peer answers, and in how many pieces, is not ours: a world with one is only as deterministic as it
is. The pieces that come within a millisecond are therefore joined, which makes usual exchanges repeatable.
"""

from __future__ import annotations

import _socket
import contextlib
import errno
import socket
from typing import TYPE_CHECKING, Any, Final

from meshsim.kernel import state
from meshsim.kernel.patches import sockets as fence
from meshsim.transports.tcp.stream import Stream

if TYPE_CHECKING:
    from meshsim.kernel.process import Process

CONNECT_S: Final = 10.0
PATIENCE_S: Final = 2.0
LIMIT_S: Final = 30.0
# How long a reply that has begun is waited for to go on.
QUIET_S: Final = 0.001
# How often somebody looks for what the peer sends unasked, in virtual time, and how long that takes for real
# while a program is blocked in a read.
LOOK_NS: Final = 10_000_000
LOOK_S: Final = 0.02
PIECE_BYTES: Final = 262_144


def reach(host: str, port: int) -> Any:
    """Connect for real, and return the socket: the C type, which no patch stands before.

    Raises:
        OSError: as the system says it.
    """
    answers = fence.real["getaddrinfo"].real(host, port, 0, socket.SOCK_STREAM)
    error: OSError = OSError(errno.EHOSTUNREACH, f"no address for {host}:{port}")
    for family, kind, proto, _, address in answers:
        real = _socket.socket(family, kind, proto)
        try:
            real.settimeout(CONNECT_S)
            real.connect(address)
            real.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as failure:
            real.close()
            error = failure
        else:
            real.settimeout(0)
            return real
    raise error


class Pump:
    """Moves bytes between a real socket and a simulated connection.

    Args:
        process: whose end of the connection it is.
        connection: the simulated connection's end.
        real: the real socket, connected and not blocking.
        patience_s, limit_s: see above.
    """

    def __init__(
        self,
        process: Process,
        connection: Any,
        real: Any,
        *,
        patience_s: float = PATIENCE_S,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._stream = Stream(process, socket.AF_INET, 0)
        self._stream.established(connection)
        self._client = connection.peer
        self._real = real
        self._patience_s = patience_s
        self._limit_s = limit_s
        self._waited_s = 0.0
        self._over = False

    def run(self) -> None:
        """Pump until both directions have ended; the body of a task."""
        try:
            while not self._over:
                if self._take_in():
                    self._take_out(self._patience_s)
                elif not self._over and not self._take_out(self._look_s()):
                    self._park()
        finally:
            self._real.close()
            self._stream.release()

    def _take_in(self) -> bool:
        """Send to the peer what has come; whether there was any."""
        try:
            data = self._stream.read(PIECE_BYTES)
        except OSError:
            self._over = True
            return False
        if data is None:
            return False
        self._waited_s = 0.0
        if not data:
            if self._stream.shut & 1:
                return False
            self._stream.shut |= 1
            with contextlib.suppress(OSError):
                self._real.shutdown(socket.SHUT_WR)
            return True
        view = memoryview(data)
        try:
            while view:
                fence.real["select"].real([], [self._real], [], self._patience_s)
                view = view[self._real.send(view) :]
        except OSError:
            self._over = True
            self._reset()
        return True

    def _take_out(self, wait_s: float) -> bool:
        """Receive from the peer, waiting for so long at first; whether there was something."""
        parts: list[bytes] = []
        ended = False
        try:
            while fence.real["select"].real([self._real], [], [], wait_s)[0]:
                data = self._real.recv(PIECE_BYTES)
                if not data:
                    ended = True
                    break
                parts.append(data)
                wait_s = QUIET_S
        except OSError:
            self._over = True
            self._reset()
            return True
        self._deliver(b"".join(parts))
        if ended:
            self._over = True
        return bool(parts) or ended

    def _deliver(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                sent = self._stream.write(bytes(view[:PIECE_BYTES]))
                view = view[sent:]
                if not sent:
                    self._stream.wait(None)
        except OSError:
            self._over = True

    def _reset(self) -> None:
        if self._stream.connection is not None:
            self._stream.connection.abort()

    def _wanted(self) -> bool:
        flow = self._client.flow
        return isinstance(flow, Stream) and flow.awaited and not flow.buffer

    def _look_s(self) -> float:
        if not self._wanted() or self._waited_s >= self._limit_s:
            return 0.0
        self._waited_s += LOOK_S
        return LOOK_S

    def _park(self) -> None:
        kernel = state.kernel
        if kernel is not None:
            # Nobody looks for ever: a program that waits in vain is then told of its deadlock.
            patient = self._waited_s < self._limit_s
            self._stream.wait(kernel.now + LOOK_NS if patient else None)
