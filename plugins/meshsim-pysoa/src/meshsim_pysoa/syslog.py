"""The syslog of a host: PySOA's default settings open a socket to it, whether or not anything is logged there.

On a host nobody listens on port 514, as in most containers: a datagram to it is gone. A syslog on another machine
is left to the fence, which says that it is not simulated.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

import pysoa.common.logging as pysoa_logging

from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current

if TYPE_CHECKING:
    from typing_extensions import Buffer

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
LOOPBACK_MTU: Final = 65_535

original_create_socket = pysoa_logging.SyslogHandler.createSocket
original_discover_mtu = pysoa_logging._discover_minimum_mtu_to_target


class Nowhere:
    """A datagram socket to a port on which nobody listens."""

    def sendto(self, data: Buffer, _address: Any) -> int:
        """Send a datagram, which is lost."""
        return memoryview(data).nbytes

    def close(self) -> None:
        """Close the socket."""


def create_socket(handler: Any) -> None:
    """Stand in for `SyslogHandler.createSocket`."""
    address = handler.address
    if current() is None or isinstance(address, str) or address[0] not in LOOPBACK:
        original_create_socket(handler)
        return
    handler.unixsocket = False
    handler.socktype = socket.SOCK_DGRAM
    handler.socket = Nowhere()


def discover_mtu(address: str, port: int) -> int:
    """Stand in for the look at how large a datagram may be; on the loopback device, as large as there are."""
    if current() is None or address not in LOOPBACK:
        return int(original_discover_mtu(address, port))
    return LOOPBACK_MTU


def patches() -> list[Patch]:
    """Return the patches of `pysoa.common.logging` for its handler."""
    return [
        Patch(pysoa_logging.SyslogHandler, "createSocket", create_socket),
        Patch(pysoa_logging, "_discover_minimum_mtu_to_target", discover_mtu),
    ]
