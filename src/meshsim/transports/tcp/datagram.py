"""A datagram socket: whole messages, each with a fate of its own."""

from __future__ import annotations

import errno
import select
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from meshsim.kernel.descriptors import File
from meshsim.network import packet as kinds
from meshsim.transports.tcp import addresses, ports
from meshsim.transports.tcp.errors import system_error
from meshsim.transports.tcp.options import Options

if TYPE_CHECKING:
    from meshsim.kernel.process import Process

UDP_BYTES_MAX: Final = 65_507
UNIX_BYTES_MAX: Final = 212_960
HEADER_BYTES: Final = 28
# What waits unread before more is thrown away: Linux' default receive buffer.
QUEUE_BYTES: Final = 212_992


class Datagram(File):
    """A datagram socket; attributes as of `stream.Stream`."""

    __slots__ = (
        "_port",
        "_queue",
        "_queued_bytes",
        "error",
        "family",
        "local",
        "options",
        "peer",
        "process",
        "protocol",
        "remote",
        "shut",
    )

    def __init__(self, process: Process, family: int, protocol: int) -> None:
        super().__init__()
        self.process = process
        self.family = family
        self.protocol = protocol
        self.options = Options(socket.SOCK_DGRAM)
        self.local: Any = None
        self.remote: Any = None
        # The other half of a pair.
        self.peer: Datagram | None = None
        self.error = 0
        self.shut = 0
        self._port = 0
        self._queue: deque[tuple[bytes, Any]] = deque()
        self._queued_bytes = 0

    def __repr__(self) -> str:
        return f"a datagram at {self.local or 'an unbound socket'}"

    def poll(self) -> int:
        """Return what it is ready for."""
        mask = select.POLLOUT | select.POLLWRNORM
        if self._queue or self.shut & 1:
            mask |= select.POLLIN | select.POLLRDNORM
        return mask | select.POLLERR | select.POLLIN if self.error else mask

    def take_error(self) -> int:
        """Return the pending error and forget it."""
        number, self.error = self.error, 0
        return number

    def socket_name(self) -> Any:
        """Return the address of this end."""
        if self.local is not None:
            return self.local
        if self.family == socket.AF_UNIX:
            return ""
        return addresses.written(self.family, "::" if self.family == socket.AF_INET6 else "0.0.0.0", 0)  # noqa: S104

    def peer_name(self) -> Any:
        """Return the address that it is connected to.

        Raises:
            OSError: ENOTCONN.
        """
        if self.peer is not None:
            return ""
        if self.remote is None:
            raise system_error(errno.ENOTCONN)
        return self.remote

    def bind(self, address: Any) -> None:
        """Take an address.

        Raises:
            OSError: EINVAL, EADDRINUSE, EADDRNOTAVAIL.
        """
        if self.local is not None:
            raise system_error(errno.EINVAL)
        if self.family == socket.AF_UNIX:
            self.local = ports.take_path(self.process, address, self)
            return
        host, port = addresses.own(self.process, self.family, address, "bind")
        self._port = ports.take(self.process, ports.DATAGRAM, port, self)
        self.local = addresses.written(self.family, host, self._port)

    def connect(self, address: Any) -> None:
        """Send to one address, and receive from it alone; no packet is sent for that."""
        if self.family == socket.AF_UNIX:
            ports.path_holder(self.process, address)
            self.remote = address
            return
        host, port, shown = addresses.target(self.process, self.family, address)
        if shown is None:
            shown = addresses.to_v4("localhost") if host == "localhost" else addresses.of_name(host, port)
        if shown in (None, "localhost"):
            if host == "localhost":
                shown = addresses.LOOPBACK
            else:
                ports.fabric().names.resolve(self.process.host, host, port)
                shown = host
        self.remote = addresses.written(self.family, str(shown), port)
        if self.local is None:
            self._port = ports.take(self.process, ports.DATAGRAM, 0, self)
            mine = addresses.LOOPBACK if shown == addresses.LOOPBACK else self._address()
            self.local = addresses.written(self.family, mine, self._port)

    def _address(self) -> str:
        return ports.fabric().names.address(self.process.host)

    # -- sending ----------------------------------------------------------------------------------------

    def write_to(self, data: bytes, address: Any) -> int:
        """Send a message; whether it arrives nobody says.

        Raises:
            OSError: EDESTADDRREQ, EMSGSIZE, EPIPE; ECONNREFUSED that an earlier one met.
            FenceError: nothing in the world has that address.
        """
        if self.error:
            raise system_error(self.take_error())
        if self.shut & 2:
            raise system_error(errno.EPIPE)
        if self.peer is not None:
            return self._deliver_local(self.peer, data)
        target = address if address is not None else self.remote
        if target is None:
            raise system_error(errno.ENOTCONN if self.family == socket.AF_UNIX else errno.EDESTADDRREQ)
        if self.family == socket.AF_UNIX:
            holder = ports.path_holder(self.process, target)
            if not isinstance(holder, Datagram):
                raise system_error(errno.EPROTOTYPE)
            return self._deliver_local(holder, data)
        return self._send(data, target)

    def _deliver_local(self, peer: Datagram, data: bytes) -> int:
        if len(data) > UNIX_BYTES_MAX:
            raise system_error(errno.EMSGSIZE)
        if not peer.references:
            raise system_error(errno.ECONNREFUSED)
        peer.arrived(data, self.local)
        return len(data)

    def _send(self, data: bytes, target: Any) -> int:
        host, port, _ = addresses.target(self.process, self.family, target, "sendto")
        if self.local is None:
            self._port = ports.take(self.process, ports.DATAGRAM, 0, self)
            self.local = addresses.written(self.family, "0.0.0.0", self._port)  # noqa: S104 - what Linux says
        if not port:
            raise system_error(errno.EINVAL)
        if len(data) > UDP_BYTES_MAX:
            raise system_error(errno.EMSGSIZE)
        fabric = ports.fabric()
        machine, port = fabric.names.resolve(self.process.host, host, port)
        source = self.process.host
        mine = addresses.LOOPBACK if machine is source else self._address()
        sender = addresses.written(self.family, mine, self._port)
        if not self.process.dead:
            route = fabric.route(source, machine)
            for fate in route.fates(kinds.DATAGRAM, len(data) + HEADER_BYTES, data, port):
                if fate >= 0:
                    fabric.kernel.call_at(fabric.kernel.now + fate, self._reach, machine, port, data, sender)
        return len(data)

    def _reach(self, machine: Any, port: int, data: bytes, sender: Any) -> None:
        """Arrive at a machine; called on the hub."""
        process = machine.process
        found = None if process is None else process.tables.get(ports.DATAGRAM, {}).get(port)
        if found is None:
            self._unreachable(machine, port)
        elif found.remote is None or found.remote[:2] == sender[:2]:
            found.arrived(data, sender if found.family == self.family else _in_family(found.family, sender))

    def _unreachable(self, machine: Any, port: int) -> None:
        """Have the port's absence told, as ICMP does; only a connected socket hears of it."""
        if self.remote is None or machine.process is None:
            return
        fabric = ports.fabric()
        fate = fabric.route(machine, self.process.host).decide(kinds.RESET, HEADER_BYTES, None, port)
        if fate >= 0:
            fabric.kernel.call_at(fabric.kernel.now + fate, self._refused)

    def _refused(self) -> None:
        self.error = errno.ECONNREFUSED
        self.changed()

    # -- receiving --------------------------------------------------------------------------------------

    def arrived(self, data: bytes, sender: Any) -> None:
        """Take a message; one that does not fit is lost."""
        if self._queued_bytes + len(data) > QUEUE_BYTES and self._queue:
            return
        self._queued_bytes += len(data)
        self._queue.append((data, sender))
        self.changed()

    def read_from(
        self, size: int, *, peek: bool = False, whole_size: bool = False
    ) -> tuple[bytes, Any, int] | None:
        """Return a message cut to `size`, its sender and MSG_TRUNC when it was cut; None when there is none.

        Raises:
            OSError: the pending error.
        """
        del whole_size
        if self.error:
            raise system_error(self.take_error())
        if not self._queue:
            return (b"", None, 0) if self.shut & 1 else None
        data, sender = self._queue[0] if peek else self._queue.popleft()
        if not peek:
            self._queued_bytes -= len(data)
        return data[:size], sender, int(socket.MSG_TRUNC) if len(data) > size else 0

    def shutdown(self, how: int) -> None:
        """Give up reading, writing or both.

        Raises:
            OSError: ENOTCONN.
        """
        if self.remote is None and self.peer is None:
            raise system_error(errno.ENOTCONN)
        self.shut |= how + 1
        self.changed()

    def release(self) -> None:
        """Close."""
        ports.give_back(self.process, self._port, self, ports.DATAGRAM)
        if self.family == socket.AF_UNIX:
            ports.give_back_path(self.process, self)


def _in_family(family: int, address: Any) -> Any:
    return addresses.written(family, addresses.to_v4(address[0]), address[1])
