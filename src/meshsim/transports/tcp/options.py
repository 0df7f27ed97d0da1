"""Options of simulated sockets: what is set is kept, and what was never set has Linux' default."""

from __future__ import annotations

import errno
import socket
import struct
from typing import Final

from meshsim.transports.tcp.errors import system_error

_SOL = socket.SOL_SOCKET
_TCP = socket.IPPROTO_TCP
DEFAULTS: Final = {
    (_SOL, socket.SO_SNDBUF): 87_040,
    (_SOL, socket.SO_RCVBUF): 131_072,
    (_SOL, socket.SO_RCVLOWAT): 1,
    (_TCP, socket.TCP_MAXSEG): 1460,
    (_TCP, socket.TCP_KEEPIDLE): 7200,
    (_TCP, socket.TCP_KEEPINTVL): 75,
    (_TCP, socket.TCP_KEEPCNT): 9,
    (socket.IPPROTO_IP, socket.IP_TTL): 64,
    (socket.IPPROTO_IP, socket.IP_MULTICAST_TTL): 1,
    (socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP): 1,
    (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS): 64,
}
LEVELS: Final = frozenset({_SOL, _TCP, socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.IPPROTO_UDP})
# Linux counts its own bookkeeping in: what is asked for is doubled (`man 7 socket`).
DOUBLED: Final = frozenset({(_SOL, socket.SO_SNDBUF), (_SOL, socket.SO_RCVBUF)})
FLAGS: Final = frozenset(
    {
        (_SOL, socket.SO_REUSEADDR),
        (_SOL, socket.SO_REUSEPORT),
        (_SOL, socket.SO_KEEPALIVE),
        (_SOL, socket.SO_BROADCAST),
        (_TCP, socket.TCP_NODELAY),
        (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY),
    }
)
_LINGER: Final = struct.Struct("ii")


class Options:
    """What `setsockopt` has set on a socket."""

    __slots__ = ("_values", "lingers_not", "nonblocking")

    def __init__(self, kind: int) -> None:
        self._values: dict[tuple[int, int], int | bytes] = {(_SOL, socket.SO_TYPE): kind}
        # SO_LINGER with 0 seconds: closing resets.
        self.lingers_not = False
        # As `os.set_blocking` sets it; a socket object has a timeout of its own.
        self.nonblocking = False

    def inherited(self) -> Options:
        """Return the options of a connection that a listener with these accepts."""
        child = Options(socket.SOCK_STREAM)
        child._values.update(self._values)
        child.lingers_not = self.lingers_not
        return child

    def set(self, level: int, option: int, value: int | bytes | bytearray) -> None:
        """Set an option.

        Raises:
            OSError: ENOPROTOOPT for a level that sockets do not have; EINVAL for a value of the wrong size.
        """
        key = (level, option)
        if level not in LEVELS:
            raise system_error(errno.ENOPROTOOPT)
        if key == (_SOL, socket.SO_LINGER):
            if not isinstance(value, (bytes, bytearray)) or len(value) < _LINGER.size:
                raise system_error(errno.EINVAL)
            on, seconds = _LINGER.unpack_from(value)
            self.lingers_not = bool(on) and not seconds
            self._values[key] = bytes(value)
            return
        number = value if isinstance(value, int) else _number(bytes(value))
        if key in FLAGS:
            number = int(bool(number))
        self._values[key] = number * 2 if key in DOUBLED and isinstance(number, int) else number

    def get(self, level: int, option: int, size: int) -> int | bytes:
        """Return an option, as a number or as `size` bytes.

        Raises:
            OSError: EOPNOTSUPP for a level that sockets do not have.
        """
        key = (level, option)
        if level not in LEVELS:
            raise system_error(errno.EOPNOTSUPP)
        default: int | bytes = (
            bytes(_LINGER.size) if key == (_SOL, socket.SO_LINGER) else DEFAULTS.get(key, 0)
        )
        value = self._values.get(key, default)
        if not size:
            return value if isinstance(value, int) else int.from_bytes(value[:4], "little")
        packed = value if isinstance(value, bytes) else struct.pack("i", value)
        return packed[:size]


def _number(value: bytes) -> int | bytes:
    return int(struct.unpack("i", value)[0]) if len(value) == struct.calcsize("i") else value
