"""Events of a socket, as messages on a PAIR within its context."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from meshsim.transports.zeromq.errors import EPROTONOSUPPORT, failure
from meshsim.transports.zeromq.numbers import Event, SocketType
from meshsim.transports.zeromq.socket import MeshSocket

if TYPE_CHECKING:
    from meshsim.transports.zeromq.context import MeshContext

__all__ = ["Monitor", "watch"]

SHORT: Final = 0xFFFF


class Monitor:
    """Tells a socket's events to whoever is connected to its address.

    Args:
        context: of the socket.
        address: inproc, to be bound.
        events: a mask of those that are wanted.
    """

    def __init__(self, context: MeshContext, address: str, events: int) -> None:
        self._events = events
        self._socket = MeshSocket(context, SocketType.PAIR)
        self._socket.bind(address)

    def tell(self, event: int, value: int, endpoint: str) -> None:
        """Send an event, if it is wanted and somebody listens; called on the hub as well."""
        if event & self._events and self._socket.pattern.reserve(b"", more=True):
            self._socket.pattern.commit((struct.pack("=Hi", event & SHORT, value), endpoint.encode()))

    def stop(self) -> None:
        """Say that nothing more comes, and close."""
        self.tell(Event.MONITOR_STOPPED, 0, "")
        self._socket.close()


def watch(socket: MeshSocket, address: str | None, events: int) -> None:
    """Begin to tell a socket's events; without an address, stop.

    Raises:
        ZMQError: EPROTONOSUPPORT, the address is not inproc; EADDRINUSE, it is taken.
    """
    former, socket.monitor = socket.monitor, None
    if former is not None:
        former.stop()
    if address is None:
        return
    if not address.startswith("inproc://"):
        raise failure(EPROTONOSUPPORT)
    socket.monitor = Monitor(socket.context, address, events)
