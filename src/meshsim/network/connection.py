"""An ordered stream of messages between two processes, with TCP's ways of going wrong."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from meshsim.kernel import state
from meshsim.network import packet as kinds
from meshsim.network.outcome import ConnectionReset, ReceiveTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.process import Process
    from meshsim.kernel.task import Task
    from meshsim.network.fabric import Fabric

# Linux sends a lost segment again after at least 200 ms (TCP_RTO_MIN), twice as long each time, at most 120 s
# apart, and gives the connection up after 15 tries (net.ipv4.tcp_retries2): about 15 minutes.
RETRY_NS: Final = 200_000_000
RETRY_NS_MAX: Final = 120_000_000_000
RETRIES: Final = 15
HEADER_BYTES: Final = 40


class EndOfStream:
    """What `receive` gives once the peer has closed in order."""

    def __repr__(self) -> str:
        return "EOF"

    def __bool__(self) -> bool:
        return False


EOF: Final = EndOfStream()


class Connection:
    """One end of an established stream.

    Messages arrive whole and in order. What the network loses is sent again, ever more rarely, and what is
    behind it waits: a stall, which only somebody's timeout ends. When the peer's process has died nothing
    says so until something is sent; then a reset comes back.
    """

    __slots__ = (
        "_backlog",
        "_callback",
        "_error",
        "_fabric",
        "_inbox",
        "_last_arrival",
        "_peer_closed",
        "_reader",
        "_retries",
        "_route",
        "_route_version",
        "closed",
        "finished",
        "flow",
        "label",
        "local_port",
        "peer",
        "port",
        "process",
        "unread_bytes",
    )

    peer: Connection

    def __init__(self, fabric: Fabric, process: Process, port: int) -> None:
        self._fabric = fabric
        self.process = process
        self.port = port
        self.closed = False
        self.finished = False
        self.label: Any = None
        # For rooms that speak bytes: the client's own port, how much the peer has not read yet, and who is told
        # (`window_opened()`) when it has. Rooms that speak whole messages leave these alone and are never held up.
        self.local_port = 0
        self.unread_bytes = 0
        self.flow: Any = None
        self._inbox: deque[object] = deque()
        self._reader: Task | None = None
        self._callback: Callable[[object], None] | None = None
        self._peer_closed = False
        self._error: Exception | None = None
        self._backlog: deque[tuple[int, object, int]] | None = None
        self._retries = 0
        self._last_arrival = 0
        self._route: Any = None
        self._route_version = -1

    @classmethod
    def pair(cls, fabric: Fabric, client: Any, server: Any, port: int) -> tuple[Connection, Connection]:
        """Return the client's and the server's end of a new stream."""
        one, other = cls(fabric, client, port), cls(fabric, server, port)
        one.peer, other.peer = other, one
        return one, other

    @property
    def peer_host(self) -> str:
        """The name of the host at the other end."""
        return self.peer.process.host.name

    def __repr__(self) -> str:
        return f"<Connection {self.process.host.name} - {self.peer_host}:{self.port}>"

    # -- sending ----------------------------------------------------------------------------------------

    def send(self, message: object, size_bytes: int) -> None:
        """Send a message; never blocks.

        Raises:
            ConnectionReset: the connection is known to be broken, or was closed on this side.
        """
        if self._error is not None:
            raise self._error
        if self.closed:
            msg = f"{self!r}: sent on after it was closed"
            raise ConnectionReset(msg)
        self._emit(kinds.DATA, message, size_bytes)

    def close(self) -> None:
        """Close in order: the peer receives what was sent, then EOF."""
        if not self.closed:
            self.finish()
            self.closed = True

    def finish(self) -> None:
        """Send EOF and go on receiving: a half-close."""
        if not self.finished and not self.closed:
            self.finished = True
            if self._error is None:
                self._emit(kinds.FIN, None, 0)

    def farewell(self) -> None:
        """Close for a process that has ended in order: its machine says so, since it no longer can."""
        if not self.closed and not self.finished and self._error is None:
            self.closed = self.finished = True
            self._pass_on(kinds.FIN, None, 0)

    def taken(self, size_bytes: int) -> None:
        """Note that so much of what the peer sent was read: its window opens."""
        peer = self.peer
        peer.unread_bytes -= size_bytes
        if peer.flow is not None:
            peer.flow.window_opened()

    def abort(self) -> None:
        """Break the connection: the peer loses what it has not read."""
        if not self.closed:
            self.closed = True
            self._backlog = None
            if self._error is None:
                self._emit(kinds.RESET, None, 0)

    def _emit(self, kind: int, message: object, size_bytes: int) -> None:
        if not self.process.dead:
            self._pass_on(kind, message, size_bytes)

    def _pass_on(self, kind: int, message: object, size_bytes: int) -> None:
        if self._backlog is not None:
            self._backlog.append((kind, message, size_bytes))
        elif not self._transmit(kind, message, size_bytes):
            self._backlog = deque([(kind, message, size_bytes)])
            self._retry_later()

    def _transmit(self, kind: int, message: object, size_bytes: int) -> bool:
        fabric = self._fabric
        if self._route_version != fabric.version:
            self._route = fabric.route(self.process.host, self.peer.process.host)
            self._route_version = fabric.version
        fate = self._route.decide(kind, size_bytes + HEADER_BYTES, message, self.port)
        kernel = fabric.kernel
        if fate >= 0:
            arrival = kernel.now + fate
            arrival = max(arrival, self._last_arrival)
            self._last_arrival = arrival
            kernel.call_at(arrival, self.peer._arrive, kind, message)  # noqa: SLF001 - the other end
            return True
        if fate == -1:
            return False
        self._break("connection reset by the network")
        self.peer._break("connection reset by the network")  # noqa: SLF001
        return True

    def _retry_later(self) -> None:
        delay = min(RETRY_NS << self._retries, RETRY_NS_MAX)
        self._fabric.kernel.call_at(self._fabric.kernel.now + delay, self._retry)

    def _retry(self) -> None:
        backlog = self._backlog
        if not backlog or self._crashed:
            self._backlog = None
            return
        self._retries += 1
        if self._retries > RETRIES:
            self._break("connection timed out: nothing was acknowledged")
            return
        # Until it is empty, or until a rule broke the connection at one of them: then it is another backlog, none.
        while backlog and self._backlog is backlog:
            if not self._transmit(*backlog[0]):
                self._retry_later()
                return
            backlog.popleft()
            self._retries = 0
        self._backlog = None

    @property
    def _crashed(self) -> bool:
        """Whether not even the machine speaks for the process; after an end in order it sends what is left."""
        return self.process.dead and (self.process.exit_code or 0) < 0

    # -- receiving --------------------------------------------------------------------------------------

    def _arrive(self, kind: int, message: object) -> None:
        if self._error is not None:
            # What was under way when the connection broke: whoever reads has been told that this is the end.
            return
        if self.process.dead or (self.closed and kind == kinds.DATA):
            # Nobody is there: the machine answers for the process that is gone, because it was asked.
            if kind != kinds.RESET:
                self._answer_reset()
            return
        if kind == kinds.DATA:
            self._give(message)
        elif kind == kinds.FIN:
            self._peer_closed = True
            self._give(EOF)
        elif kind == kinds.RESET:
            self._break("connection reset by peer")

    def _answer_reset(self, retries: int = 0) -> None:
        fabric, kernel, peer = self._fabric, self._fabric.kernel, self.peer
        if retries and (peer._error is not None or peer.process.dead):  # noqa: SLF001 - the other end
            return
        route = fabric.route(self.process.host, peer.process.host)
        fate = route.decide(kinds.RESET, HEADER_BYTES, None, self.port)
        if fate >= 0:
            # Behind what was sent before: an answer that is still under way is read first.
            self._last_arrival = max(kernel.now + fate, self._last_arrival)
            kernel.call_at(self._last_arrival, peer._arrive, kinds.RESET, None)  # noqa: SLF001 - the other end
        elif fate == -1 and retries < RETRIES:
            # Nobody acknowledged what brought this about: it comes again, and so does the answer.
            delay = min(RETRY_NS << retries, RETRY_NS_MAX)
            kernel.call_at(kernel.now + delay, self._answer_reset, retries + 1)

    def _give(self, item: object) -> None:
        if self._callback is not None:
            self._callback(item)
            return
        self._inbox.append(item)
        reader = self._reader
        if reader is not None:
            self._fabric.kernel.wake(reader)

    def _break(self, why: str) -> None:
        if self._error is not None or self.process.dead:
            return
        self._error = ConnectionReset(f"{self!r}: {why}")
        self._backlog = None
        self._inbox.clear()
        self._give(self._error)

    def on_message(self, callback: Callable[[object], None] | None) -> None:
        """Have all that arrives given to `callback` on the hub: messages, EOF, or a ConnectionReset."""
        self._callback = callback
        while callback is not None and self._inbox:
            callback(self._inbox.popleft())

    def receive(self, timeout_ns: int | None = None) -> object:
        """Return the next message, or EOF; parks the calling task until there is one.

        Raises:
            ReceiveTimeout: nothing came in time; the connection stands.
            ConnectionReset: the connection is broken.
        """
        inbox = self._inbox
        if not inbox:
            self._wait(timeout_ns)
        item = inbox[0]
        if item is EOF:
            return EOF
        if item is self._error:
            raise self._error  # type: ignore[misc]  # it is the error, looked at by identity
        inbox.popleft()
        return item

    def _wait(self, timeout_ns: int | None) -> None:
        if self.closed:
            msg = f"{self!r}: read after it was closed"
            raise ConnectionReset(msg)
        task = state.task
        kernel = self._fabric.kernel
        deadline = None if timeout_ns is None else kernel.now + timeout_ns
        self._reader = task
        if task is not None:
            task.wait = self
        try:
            while not self._inbox:
                if not kernel.park(deadline) and not self._inbox:
                    msg = f"{self!r}: nothing came in time"
                    raise ReceiveTimeout(msg)
        finally:
            self._reader = None

    @property
    def readable(self) -> bool:
        """Whether `receive` would return, or raise, at once."""
        return bool(self._inbox)

    @property
    def broken(self) -> bool:
        """Whether this end knows that the stream has ended: closed by the peer, or reset."""
        return self._peer_closed or self._error is not None
