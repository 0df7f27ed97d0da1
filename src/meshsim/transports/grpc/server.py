"""The server's side, sans-IO: ports, connections, and the calls that come in by them.

All of it runs on the hub or in the flow of whoever calls, and none of it is user code: a `GrpcServer` hands
each call to `start`, which brings it to a completion queue or to an event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.kernel import api, state
from meshsim.network.outcome import ConnectionReset
from meshsim.transports.grpc import notes, texts
from meshsim.transports.grpc.interception import intercept
from meshsim.transports.grpc.ports import take
from meshsim.transports.grpc.served import ServedCall
from meshsim.transports.grpc.status import UNAVAILABLE
from meshsim.transports.grpc.target import bound
from meshsim.transports.grpc.wire import Begin, Credit, Data, End, GoAway, Headers, Ping, Reset

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.process import Process
    from meshsim.network.connection import Connection
    from meshsim.transports.grpc.policy import Options
    from meshsim.transports.grpc.ports import Port


class ServerEnd:
    """The server's end of one connection."""

    __slots__ = ("_calls", "_closing", "_last_stream", "connection", "number", "server")

    def __init__(self, server: GrpcServer, connection: Connection, number: int) -> None:
        self.server = server
        self.connection = connection
        self.number = number
        self._calls: dict[int, ServedCall] = {}
        self._last_stream = 0
        self._closing = False
        connection.on_message(self._arrived)

    def _arrived(self, frame: object) -> None:
        if isinstance(frame, Begin):
            if not self._closing:
                self._begin(frame)
        elif isinstance(frame, (Data, Reset, Credit)):
            call = self._calls.get(frame.stream)
            if call is not None:
                call.arrived(frame)
        elif isinstance(frame, Ping):
            if not frame.answer:
                self.send(Ping(answer=True))
        else:
            # EOF, a reset, or something that is no gRPC.
            self.server.gone(self)
            self.connection.close()
            calls, self._calls = self._calls, {}
            for call in calls.values():
                call.lost()

    def _begin(self, frame: Begin) -> None:
        self._last_stream = frame.stream
        host = self.server.process.host.name
        call = ServedCall(self, frame)
        if call.over:
            return
        self._calls[frame.stream] = call
        found = intercept(call, host)
        if found is None or not found.drop:
            notes.received(frame.note, host)  # type: ignore[arg-type]  # the trace's own
        if found is None:
            self.server.start_call(call)
        elif not found.drop:
            api.call_at(api.now() + found.delay_ns, self._after, call, found)

    def _after(self, call: ServedCall, found: Any) -> None:
        """Go on with a call that was intercepted, when its delay is over."""
        if call.over:
            return
        if found.answer is not None:
            found.answer(call, self.server)
        else:
            self.server.start_call(call)

    def send(self, frame: Headers | Data | End | Reset | Credit | GoAway | Ping) -> None:
        """Send a frame; on a broken connection it goes nowhere, and its end is on the way."""
        try:
            self.connection.send(frame, frame.size_bytes)
        except ConnectionReset:
            # What broke it is in the inbox, where every call learns of it.
            return

    def forget(self, call: ServedCall) -> None:
        """Drop a call that is over."""
        self._calls.pop(call.begin.stream, None)
        self.server.call_over(call)
        if self._closing and not self._calls:
            self.connection.close()

    def go_away(self) -> None:
        """Take no new calls; end the connection once the ones that have begun are over."""
        if not self._closing:
            self._closing = True
            self.send(GoAway(self._last_stream))
            if not self._calls:
                self.connection.close()


class GrpcServer:
    """Ports of a host, and the calls that come in.

    Args:
        process: whose it is.
        options: the server's options.
        start: called on the hub with each call.

    Attributes:
        calls: what has begun and is not over.
        shares_ports: whether another server may have the same ports.
    """

    def __init__(self, process: Process, options: Options, start: Callable[[ServedCall], None]) -> None:
        self.process = process
        self.options = options
        self.calls: dict[ServedCall, None] = {}
        self.closing = False
        self._start = start
        self._fabric = api.kernel().fabric
        self.shares_ports = bool(options.given.get("grpc.so_reuseport", 1))
        self._ports: list[Port] = []
        self._ends: dict[ServerEnd, None] = {}
        self._started = False
        self._drained: Callable[[], None] | None = None

    @property
    def gone_world(self) -> bool:
        """Whether its process or its world has ended."""
        return self.process.dead or state.kernel is None or state.kernel.fabric is not self._fabric

    def bind(self, address: str) -> int:
        """Take a port; it is open once the server starts.

        Returns:
            The port, or 0 where it cannot be had.
        """
        number = bound(address)
        if number is None or not _names_here(self._fabric, self.process.host, address):
            return 0
        port = take(self.process, number, self)
        if port is None:
            return 0
        self._ports.append(port)
        if self._started:
            port.open(self._fabric, self)
        return port.number

    def start(self) -> None:
        """Open the ports."""
        self._started = True
        for port in self._ports:
            port.open(self._fabric, self)

    def accept(self, connection: Connection) -> None:
        """Take a connection, on the hub."""
        self._ends[ServerEnd(self, connection, self.process.count("grpc connection"))] = None

    def gone(self, end: ServerEnd) -> None:
        """Drop a connection that has ended."""
        self._ends.pop(end, None)

    def start_call(self, call: ServedCall) -> None:
        """Hand a call to the application."""
        self.calls[call] = None
        self._start(call)

    def call_over(self, call: ServedCall) -> None:
        """Forget a call."""
        self.calls.pop(call, None)
        if self.closing and not self.calls:
            self._tell_drained()

    def _tell_drained(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            for end in list(self._ends):
                end.connection.close()
            drained()

    def shut(self, drained: Callable[[], None]) -> None:
        """Close the ports and take no new calls; `drained()` once what has begun is over."""
        self.closing = True
        self._drained = drained
        ports, self._ports = self._ports, []
        for port in ports:
            port.leave(self)
        for end in list(self._ends):
            end.go_away()
        if not self.calls:
            self._tell_drained()

    def cancel_all(self) -> None:
        """Break off every call."""
        for call in list(self.calls):
            call.cancel_here(UNAVAILABLE, texts.STOPPED)

    def __repr__(self) -> str:
        return f"<GrpcServer {self.process.host.name}:{','.join(str(port.number) for port in self._ports)}>"


def _names_here(fabric: Any, host: Any, address: str) -> bool:
    """Whether an address to bind to is one of the host's own."""
    name = address.rpartition("/")[2].rpartition(":")[0].strip("[]") or address
    if name in ("localhost", "0.0.0.0", "::", "::1", "", host.name) or name.startswith("127."):  # noqa: S104 - names to recognise
        return True
    return host in fabric.names.hosts_of(name)
