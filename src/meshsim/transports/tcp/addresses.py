"""Addresses of sockets: what programs write, what the network knows, and the way between the two.

A host has the address that `network.names` gives it, and the same under `fd00::` for IPv6. A service with
several replicas has one more, under 10.96/12, which is balanced when somebody connects to it, as a cluster's
service address is.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any, Final

from meshsim.transports.tcp import ports
from meshsim.transports.tcp.errors import system_error

if TYPE_CHECKING:
    from meshsim.kernel.process import Process

LOOPBACK: Final = "127.0.0.1"
ANY: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - names to recognise
_V6: Final = bytes([0xFD, 0x00, *[0] * 10])
_MAPPED: Final = bytes([*[0] * 10, 0xFF, 0xFF])
_V6_LOOPBACK: Final = bytes([*[0] * 15, 1])
_SHAPES: Final = {
    socket.AF_INET: ((2,), "AF_INET address must be a pair (host, port)"),
    socket.AF_INET6: ((2, 3, 4), "AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])"),
}


def numeric(host: str) -> bytes | None:
    """Return a numeric address as its 4 or 16 bytes, or None for a name."""
    for family in (socket.AF_INET6,) if ":" in host else (socket.AF_INET,):
        try:
            return socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            return None
    return None


def to_v4(host: str) -> str:
    """Return what the network calls a numeric address of either family; a name stays what it is."""
    packed = numeric(host)
    if packed is None:
        return host
    if len(packed) == 4:
        return LOOPBACK if packed[0] == 127 or not any(packed) else host
    if packed == _V6_LOOPBACK or not any(packed):
        return LOOPBACK
    if packed[:12] in (_V6, _MAPPED):
        return to_v4(socket.inet_ntop(socket.AF_INET, packed[12:]))
    return host


def to_v6(host: str) -> str:
    """Return the IPv6 form of one of the network's addresses."""
    if host == LOOPBACK:
        return "::1"
    if host == "0.0.0.0":  # noqa: S104 - to be translated
        return "::"
    return socket.inet_ntop(socket.AF_INET6, _V6 + socket.inet_pton(socket.AF_INET, host))


def written(family: int, host: str, port: int) -> tuple[Any, ...]:
    """Return an address as sockets of a family give it."""
    if family == socket.AF_INET6:
        return (host if ":" in host else to_v6(host), port, 0, 0)
    return (host, port)


def parsed(family: int, address: Any, what: str) -> tuple[str, int]:
    """Return the host and the port of an address that a program wrote.

    Args:
        family: the socket's.
        address: what was given.
        what: the method, for the text of the error.

    Raises:
        TypeError, OverflowError: as the real methods do.
    """
    lengths, shape = _SHAPES[socket.AddressFamily(family)]
    if not isinstance(address, tuple):
        name = socket.AddressFamily(family).name
        msg = f"{what}(): {name} address must be tuple, not {type(address).__name__}"
        raise TypeError(msg)
    if len(address) not in lengths or not isinstance(address[0], (str, bytes, bytearray)):
        raise TypeError(shape)
    host, port = address[0], address[1]
    if not isinstance(port, int):
        msg = f"'{type(port).__name__}' object cannot be interpreted as an integer"
        raise TypeError(msg)
    if not 0 <= port <= 65_535:
        msg = f"{what}(): port must be 0-65535."
        raise OverflowError(msg)
    return (host if isinstance(host, str) else host.decode("ascii")), int(port)


def own(process: Process, family: int, address: Any, what: str) -> tuple[str, int]:
    """Return the numeric address and the port that a process may bind to.

    Raises:
        OSError: EADDRNOTAVAIL, the address is another machine's.
    """
    host, port = parsed(family, address, what)
    if host in ANY:
        return ("::" if family == socket.AF_INET6 else "0.0.0.0"), port  # noqa: S104 - what bind says
    names = ports.fabric().names
    mine = names.address(process.host)
    plain = to_v4(host)
    if plain in (LOOPBACK, mine):
        return plain, port
    if plain == "localhost":
        return LOOPBACK, port
    if process.host in names.hosts_of(plain, port):
        return mine, port
    names.resolve(process.host, plain, port)
    raise system_error(errno.EADDRNOTAVAIL)


def target(process: Process, family: int, address: Any, what: str = "connect") -> tuple[str, int, str | None]:
    """Return what to dial, and the numeric address to show for it where a program wrote one.

    Raises:
        OSError: the address is of another family.
    """
    del process
    host, port = parsed(family, address, what)
    if host in ANY:
        return LOOPBACK, port, LOOPBACK
    packed = numeric(host)
    if packed is None:
        return host, port, None
    if family == socket.AF_INET and len(packed) != 4:
        raise socket.gaierror(socket.EAI_ADDRFAMILY, "Address family for hostname not supported")
    plain = to_v4(host)
    return plain, port, plain if ":" not in plain else host


def of_name(name: str, port: int = 0) -> str | None:
    """Return the address that a name of the world resolves to, or None for a name of none.

    One host has its own; several have one between them, which is balanced at each connection.
    """
    names = ports.fabric().names
    hosts = names.hosts_of(name, port)
    if not hosts:
        return None
    if len(hosts) == 1:
        return names.address(hosts[0])
    service = names.service_of(name, port)
    index = hosts[0].index
    shared = f"10.{96 + (index >> 16 & 15)}.{index >> 8 & 255}.{index & 255}"
    names.alias(shared, service)
    return shared
