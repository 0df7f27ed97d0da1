r"""A stream socket as the operating system sees it: states, buffers, pending errors. Nothing here parks.

    fresh -> bound -> listening
         \-> connecting -> connected -> (EOF received, EOF sent, reset) -> released

What Linux does in each state is followed by its number (`man 7 tcp`, `net/ipv4/tcp.c`): a reset is told once
and then reads are empty and writes break; a reset that comes after the peer's EOF is EPIPE; closing with
unread data resets; a SYN that finds a full queue is not answered.
"""

from __future__ import annotations

import errno
import select
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from meshsim.errors import FenceError
from meshsim.kernel import api, state
from meshsim.kernel.descriptors import File
from meshsim.kernel.patches import sockets as fence
from meshsim.network.connection import EOF
from meshsim.network.outcome import ConnectionReset
from meshsim.transports.tcp import addresses, bridge, ports
from meshsim.transports.tcp.errors import number_of, system_error
from meshsim.transports.tcp.local import LocalConnection
from meshsim.transports.tcp.options import Options

if TYPE_CHECKING:
    from meshsim.kernel.process import Process
    from meshsim.network.connection import Connection
    from meshsim.network.dial import Dial
    from meshsim.network.fabric import Listener

    Address = tuple[Any, ...] | str | bytes

# What may be on its way or unread before a sender waits: Linux' default buffers of both sides.
WINDOW_BYTES: Final = 87_380 + 131_072
# A sender that waits is woken when a third of the window is free, as Linux has it (`sk_stream_is_writeable`).
ROOM_BYTES: Final = WINDOW_BYTES // 3
# What one packet holds at most: a segment as large as offloading makes them.
PACKET_BYTES: Final = 65_536
SHUT_BOTH: Final = 3

READABLE: Final = select.POLLIN | select.POLLRDNORM
WRITABLE: Final = select.POLLOUT | select.POLLWRNORM


class Stream(File):
    """A stream socket.

    Attributes:
        process: whose socket it is.
        local, remote: the addresses of both ends, as `getsockname` and `getpeername` give them; None without.
        connection: the network's, or one inside the machine.
        buffer: what has come and was not read.
        error: a number that the next operation raises, or 0.
        ended: whether the peer's EOF has come.
        shut: what this side has given up: 1 reading, 2 writing.
    """

    __slots__ = (
        "_attempt",
        "_backlog",
        "_bridge",
        "_connected_told",
        "_listener",
        "_port",
        "_starved",
        "buffer",
        "connection",
        "ended",
        "error",
        "family",
        "local",
        "options",
        "process",
        "protocol",
        "queue",
        "remote",
        "shut",
    )

    def __init__(self, process: Process, family: int, protocol: int) -> None:
        super().__init__()
        self.process = process
        self.family = family
        self.protocol = protocol
        self.options = Options(socket.SOCK_STREAM)
        self.local: Address | None = None
        self.remote: Address | None = None
        self.connection: Connection | LocalConnection | None = None
        self.buffer = bytearray()
        self.error = 0
        self.ended = False
        self.shut = 0
        self.queue: deque[Stream] | None = None
        self._backlog = 0
        self._listener: Listener | ports.UnixListener | None = None
        self._attempt: Dial | None = None
        self._connected_told = True
        self._bridge: Any = None
        self._port = 0
        self._starved = False

    def __repr__(self) -> str:
        return f"bytes on a socket, {self.local or 'unbound'!r} - {self.remote or 'unconnected'!r}"

    # -- readiness --------------------------------------------------------------------------------------

    @property
    def connecting(self) -> bool:
        """Whether an attempt to connect is under way."""
        return self._attempt is not None

    @property
    def listening(self) -> bool:
        """Whether it accepts connections."""
        return self.queue is not None

    def poll(self) -> int:
        """Return what it is ready for, as Linux' `tcp_poll` says."""
        if self.queue is not None:
            return READABLE if self.queue else 0
        if self._attempt is not None:
            return 0
        if self.connection is None:
            mask = WRITABLE | select.POLLHUP
            return mask | READABLE | select.POLLERR | select.POLLRDHUP if self.error else mask
        mask = 0
        if self.buffer or self.ended or self.shut & 1:
            mask |= READABLE
        if self.ended or self.shut & 1:
            mask |= select.POLLRDHUP
        if self.shut & 2:
            mask |= WRITABLE
            if self.ended or self.shut & 1:
                mask |= select.POLLHUP
        elif self.room >= ROOM_BYTES:
            mask |= WRITABLE
        else:
            self._starved = True
        if self.error:
            mask |= select.POLLERR | READABLE | WRITABLE
        return mask

    @property
    def room(self) -> int:
        """How many bytes may be sent now."""
        connection = self.connection
        if connection is None:
            return 0
        if connection.peer.flow is None:
            # The peer is a room that takes whole messages, or has not looked at the connection yet.
            return WINDOW_BYTES
        return WINDOW_BYTES - connection.unread_bytes

    def window_opened(self) -> None:
        """Note that the peer has read: whoever waits to write may go on."""
        if self._starved and self.room >= ROOM_BYTES:
            self._starved = False
            self.changed()

    def socket_name(self) -> Any:
        """Return the address of this end."""
        if self.local is not None:
            return self.local
        if self.family == socket.AF_UNIX:
            return ""
        if self._port:
            return addresses.written(self.family, ports.fabric().names.address(self.process.host), self._port)
        return addresses.written(self.family, "::" if self.family == socket.AF_INET6 else "0.0.0.0", 0)  # noqa: S104

    def peer_name(self) -> Any:
        """Return the address of the other end.

        Raises:
            OSError: ENOTCONN.
        """
        if self.connection is None or (self.ended and self.shut == SHUT_BOTH):
            raise system_error(errno.ENOTCONN)
        return self.remote

    def peer_name_once(self) -> Any:
        """Return the address of whoever connected, also when it is gone again."""
        return self.remote

    def take_error(self) -> int:
        """Return the pending error and forget it, as SO_ERROR does."""
        number, self.error = self.error, 0
        return number

    # -- before a connection ----------------------------------------------------------------------------

    def bind(self, address: Any) -> None:
        """Take an address of the machine.

        Raises:
            OSError: EINVAL, it has one; EADDRINUSE, another has it; EADDRNOTAVAIL, it is another machine's.
        """
        if self.local is not None or self.connection is not None:
            raise system_error(errno.EINVAL)
        if self.family == socket.AF_UNIX:
            self.local = ports.take_path(self.process, address, self)
            return
        host, port = addresses.own(self.process, self.family, address, "bind")
        self._port = ports.take(self.process, ports.STREAM, port, self)
        self.local = addresses.written(self.family, host, self._port)

    def listen(self, backlog: int) -> None:
        """Accept connections, so many of which may wait to be accepted.

        Raises:
            OSError: EINVAL, it is connected; EADDRINUSE, somebody else listens on the port.
        """
        if self.connection is not None or self._attempt is not None:
            raise system_error(errno.EINVAL)
        self._backlog = max(0, backlog)
        if self.queue is not None:
            self._count_queue()
            return
        if self.family == socket.AF_UNIX:
            if not isinstance(self.local, (str, bytes)):
                raise system_error(errno.EINVAL)
            self._listener = ports.listen_path(self.process, self.local, self._incoming)
        else:
            if self.local is None:
                self.bind(("", 0, 0, 0)[: 2 if self.family == socket.AF_INET else 4])
            self._listener = ports.fabric().listen(self.process.host, self._port, self._incoming)
        self.queue = deque()

    def _incoming(self, connection: Any) -> None:
        """Take a connection that was made; called on the hub."""
        queue = self.queue
        if queue is None:
            connection.abort()
            return
        child = Stream(self.process, self.family, self.protocol)
        child.options = self.options.inherited()
        child.established(connection, port=self._port, accepted=True)
        if self.family == socket.AF_UNIX:
            child.local = self.local
        queue.append(child)
        self._count_queue()
        self.changed()

    def _count_queue(self) -> None:
        if self._listener is not None and self.queue is not None:
            self._listener.full = len(self.queue) > self._backlog

    def accept(self) -> Stream | None:
        """Return the oldest connection that waits, or None.

        Raises:
            OSError: EINVAL, it does not listen.
        """
        if self.queue is None:
            raise system_error(errno.EINVAL)
        if not self.queue:
            return None
        child = self.queue.popleft()
        self._count_queue()
        return child

    def connect(self, address: Any) -> None:
        """Begin to connect; what comes of it is in `connecting`, `connection` and `error`.

        Raises:
            OSError: EISCONN, EALREADY, or at a path ECONNREFUSED, ENOENT.
            FenceError: nothing in the world has that name or address.
        """
        if self._attempt is not None:
            raise system_error(errno.EALREADY)
        if self.queue is not None or (self.connection is not None and self._connected_told):
            raise system_error(errno.EISCONN)
        if self.connection is not None:
            # The second call after a connect that did not block: it says whether it worked.
            self._connected_told = True
            return
        if self.family == socket.AF_UNIX:
            self._connect_path(address)
            return
        host, port, shown = addresses.target(self.process, self.family, address)
        if not self._port:
            self._port = ports.ephemeral(self.process)
        self._connected_told = False
        self.error = 0
        try:
            self._attempt = ports.dial(self.process, host, port, self._dialed, self._port)
        except FenceError:
            if not fence.allow_network:
                raise
            self._connect_outside(host, port)
            return
        self.remote = addresses.written(self.family, shown, port) if shown else None

    def _connect_outside(self, host: str, port: int) -> None:
        """Connect for real, to what is no part of the world: `--mesh-allow-network` allows it."""
        from meshsim.transports.tcp import outside  # noqa: PLC0415 - it stands on streams

        real = outside.reach(host, port)
        one, other = LocalConnection.pair(self.process, self.process)
        self.established(one)
        self.local, self.remote = real.getsockname(), real.getpeername()
        pump = outside.Pump(self.process, other, real)
        api.spawn(self.process, pump.run, name=f"bytes from {host}:{port}")

    def _connect_path(self, address: Any) -> None:
        listener = ports.path_listener(self.process, address)
        one, other = LocalConnection.pair(self.process, listener.process)
        self.established(one)
        self.remote = address
        listener.on_connect(other)

    def _dialed(self, outcome: Any) -> None:
        self._attempt = None
        if isinstance(outcome, Exception):
            self.error = number_of(outcome)
            self.remote = None
            self._connected_told = True
        else:
            self.established(outcome, port=self._port)
        self.changed()

    def told(self) -> None:
        """Note that the caller knows that the connection stands."""
        self._connected_told = True

    def established(self, connection: Any, *, port: int = 0, accepted: bool = False) -> None:
        """Be the socket of a connection that stands."""
        self.connection = connection
        connection.flow = self
        if isinstance(connection, LocalConnection):
            self.local = self.remote = ""
        else:
            self._name_ends(connection, port, accepted=accepted)
            # A room that speaks messages is at the other end: somebody has to translate.
            self._bridge = bridge.toward(self, connection)
        connection.on_message(self.arrived)

    def _name_ends(self, connection: Any, port: int, *, accepted: bool) -> None:
        names = ports.fabric().names
        mine, other = self.process.host, connection.peer.process.host
        loopback = mine is other
        here, there = (addresses.LOOPBACK,) * 2 if loopback else (names.address(mine), names.address(other))
        self.local = addresses.written(self.family, here, port)
        if accepted:
            self.remote = addresses.written(self.family, there, connection.peer.local_port)
        elif self.remote is None:
            self.remote = addresses.written(self.family, there, connection.port)

    def orphaned(self) -> None:
        """Say goodbye for a process that has ended in order."""
        if self.connection is not None:
            self.connection.farewell()

    # -- a connection -----------------------------------------------------------------------------------

    def arrived(self, item: object) -> None:
        """Take what comes out of the network: bytes, EOF, or how it broke."""
        if type(item) is bytes:
            self.buffer += item
        elif self._bridge is not None and not isinstance(item, Exception) and item is not EOF:
            self.buffer += self._bridge.received(item)
        elif item is EOF:
            if self._bridge is not None:
                self.buffer += self._bridge.ended()
            self.ended = True
        elif isinstance(item, Exception):
            self._broken(number_of(item))
        else:
            self._bridge = bridge.for_message(self, item)
            self.buffer += self._bridge.received(item)
        self.changed()

    def _broken(self, number: int) -> None:
        # A reset that comes after the peer's EOF says that writing was in vain, and reading has ended anyway.
        self.error = errno.EPIPE if self.ended and number == errno.ECONNRESET else number
        self.ended = True
        self.shut = SHUT_BOTH

    def write(self, data: bytes) -> int:
        """Send as much as there is room for; 0 when there is none.

        Raises:
            OSError: EPIPE, ECONNRESET, ENOTCONN.
        """
        connection = self.connection
        if self.error:
            raise system_error(self.take_error())
        if connection is None or self.shut & 2:
            raise system_error(errno.EPIPE)
        size = len(data)
        if connection.peer.flow is not None:
            room = WINDOW_BYTES - connection.unread_bytes
            if room <= 0 and size:
                self._starved = True
                return 0
            if size > room:
                size = room
                data = data[:size]
        if self._bridge is not None:
            self._bridge.write(data)
            return size
        self.emit(data)
        return size

    def emit(self, data: bytes) -> None:
        """Put bytes on the wire."""
        connection: Any = self.connection
        size = len(data)
        try:
            if size <= PACKET_BYTES:
                if size:
                    connection.unread_bytes += size
                    connection.send(data, size)
                return
            for begin in range(0, size, PACKET_BYTES):
                part = data[begin : begin + PACKET_BYTES]
                connection.unread_bytes += len(part)
                connection.send(part, len(part))
        except ConnectionReset:
            # The machine knows at once; the network's resets come through `arrived` first.
            self.shut = SHUT_BOTH
            raise system_error(self.take_error() or errno.EPIPE) from None

    def read(self, size: int, *, peek: bool = False) -> bytes | None:
        """Return up to `size` bytes, nothing at the end of the stream, None when there is nothing yet.

        Raises:
            OSError: ENOTCONN, or the pending error.
        """
        buffer = self.buffer
        if not buffer:
            if self.error and not (self.error == errno.EPIPE and self.ended):
                raise system_error(self.take_error())
            if self.ended or self.shut & 1:
                return b""
            if self.connection is None:
                raise system_error(errno.ENOTCONN)
            return None
        if size >= len(buffer):
            data = bytes(buffer)
            if not peek:
                buffer.clear()
        else:
            data = bytes(memoryview(buffer)[:size])
            if not peek:
                del buffer[:size]
        if not peek and data:
            self.connection.taken(len(data))  # type: ignore[union-attr]  # what was read came through it
        return data

    def shutdown(self, how: int) -> None:
        """Give up reading, writing or both.

        Raises:
            OSError: ENOTCONN; EINVAL for another `how`.
        """
        if how not in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR):
            raise system_error(errno.EINVAL)
        if self.queue is not None:
            # Linux: a listener that is shut down no longer listens.
            self._stop_listening()
            self.changed()
            return
        if self.connection is None or (self.shut == SHUT_BOTH and self.ended):
            raise system_error(errno.ENOTCONN)
        self.shut |= how + 1
        if how != socket.SHUT_RD:
            if self._bridge is not None:
                self._bridge.finish()
            self.connection.finish()
        self.changed()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        waiting, self.queue = self.queue, None
        for child in waiting or ():
            child.connection.abort()  # type: ignore[union-attr]  # one that waits has one

    def release(self) -> None:
        """Close: in order, or with a reset when something was not read or no lingering was asked for."""
        if self._attempt is not None:
            self._attempt.cancel()
            self._attempt = None
        self._stop_listening()
        ports.give_back(self.process, self._port, self)
        if self.family == socket.AF_UNIX:
            ports.give_back_path(self.process, self)
        connection = self.connection
        if connection is None:
            return
        if state.kernel is None:
            return
        if self._bridge is not None and not self.shut & 2:
            self._bridge.finish()
        if self.buffer or self.options.lingers_not:
            connection.abort()
        else:
            connection.close()
