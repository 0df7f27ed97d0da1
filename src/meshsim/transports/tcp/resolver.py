"""Looking names up: `getaddrinfo` and its relatives, answered from the names of the world."""

from __future__ import annotations

import _socket
import errno
import socket
from typing import TYPE_CHECKING, Any, Final

from meshsim.errors import FenceError
from meshsim.kernel import state
from meshsim.kernel.patches import sockets as fence
from meshsim.transports.tcp import addresses, ports
from meshsim.transports.tcp.errors import system_error

if TYPE_CHECKING:
    from meshsim.kernel.host import Host

KINDS: Final = (
    (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    (socket.SOCK_RAW, 0),
)


def _here() -> Host:
    task = state.current()
    if task is None:
        raise system_error(errno.EBADF)
    return task.process.host


def _port(port: Any) -> int:
    if port is None:
        return 0
    if isinstance(port, (bytes, str)):
        text = port if isinstance(port, str) else port.decode()
        if text.isdecimal():
            return int(text)
        try:
            return int(_socket.getservbyname(text))
        except OSError:
            raise socket.gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype") from None
    return int(port)


def _found(host: str, port: int) -> str:
    """Return the numeric address of a name.

    Raises:
        FenceError: the world has no such name.
    """
    plain = addresses.to_v4(host)
    if addresses.numeric(plain) is not None:
        return plain
    if plain in {"localhost", "ip6-localhost"}:
        return addresses.LOOPBACK
    found = addresses.of_name(plain, port)
    if found is None:
        ports.fabric().names.resolve(_here(), plain, port)
        return addresses.LOOPBACK
    return found


def getaddrinfo(  # noqa: PLR0917 - its real signature
    host: Any,
    port: Any,
    family: int = 0,
    type: int = 0,  # noqa: A002 - its name in the real signature
    proto: int = 0,
    flags: int = 0,
) -> list[tuple[Any, Any, int, str, tuple[Any, ...]]]:
    """Look a name up among those of the world.

    Raises:
        FenceError: the world has no such name.
        gaierror: as the real one.
    """
    if host is None and port is None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii")
    number = _port(port)
    kinds = _kinds(type, proto)
    canonical = str(host or "") if flags & socket.AI_CANONNAME else ""
    packed = addresses.numeric(host) if host else None
    if packed is not None:
        wanted = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        if family and family != wanted and not flags & socket.AI_V4MAPPED:
            raise socket.gaierror(socket.EAI_ADDRFAMILY, "Address family for hostname not supported")
        return _answers(wanted, host, number, kinds, canonical)
    if family not in {0, socket.AF_INET, socket.AF_INET6}:
        raise socket.gaierror(socket.EAI_FAMILY, "ai_family not supported")
    if not host:
        found = "0.0.0.0" if flags & socket.AI_PASSIVE else addresses.LOOPBACK  # noqa: S104 - any address
    elif flags & socket.AI_NUMERICHOST:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    else:
        try:
            found = _found(host, number)
        except FenceError:
            if not fence.allow_network:
                raise
            return fence.real["getaddrinfo"].real(host, port, family, type, proto, flags)  # type: ignore[no-any-return]
    return _answers(family or socket.AF_INET, found, number, kinds, canonical)


def _kinds(kind: int, proto: int) -> list[tuple[Any, int]]:
    """Return the types and protocols that are asked for."""
    kind &= ~(socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    chosen = [(k, p or proto) for k, p in KINDS if kind in {0, k} and (not proto or not p or proto == p)]
    if not chosen:
        raise socket.gaierror(socket.EAI_SOCKTYPE, "ai_socktype not supported")
    return chosen


def _answers(
    family: int, host: str, port: int, kinds: list[tuple[Any, int]], canonical: str
) -> list[tuple[Any, Any, int, str, tuple[Any, ...]]]:
    address = addresses.written(family, host, port)
    return [
        (socket.AddressFamily(family), kind, protocol, "" if index else canonical, address)
        for index, (kind, protocol) in enumerate(kinds)
    ]


def gethostbyname(hostname: str, /) -> str:
    """Return the address of a name."""
    return _found(hostname, 0) if hostname else "0.0.0.0"  # noqa: S104 - as the real one says


def gethostbyname_ex(hostname: str, /) -> tuple[str, list[str], list[str]]:
    """Return a name, no aliases, and its addresses."""
    return hostname, [], [_found(hostname, 0)]


def _name_of(address: str) -> str | None:
    plain = addresses.to_v4(address)
    if plain == addresses.LOOPBACK:
        return "localhost"
    hosts = ports.fabric().names.hosts_of(plain)
    if not hosts:
        return None
    return hosts[0].name.replace("/", "-") if len(hosts) == 1 else hosts[0].service


def gethostbyaddr(host: str, /) -> tuple[str, list[str], list[str]]:
    """Return the name of an address.

    Raises:
        herror: it has none.
    """
    address = _found(host, 0)
    name = _name_of(address)
    if name is None:
        raise socket.herror(1, "Unknown host")
    return name, [], [address]


def getnameinfo(sockaddr: tuple[Any, ...], flags: int, /) -> tuple[str, str]:
    """Return the name and the service of an address, or its numbers.

    Raises:
        gaierror: a name is required and there is none.
    """
    host, port = sockaddr[0], sockaddr[1]
    name = None if flags & socket.NI_NUMERICHOST else _name_of(host)
    if name is None:
        if flags & socket.NI_NAMEREQD:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        name = host
    if flags & socket.NI_NUMERICSERV:
        return name, str(port)
    try:
        return name, _socket.getservbyport(port, "udp" if flags & socket.NI_DGRAM else "tcp")
    except OSError:
        return name, str(port)


def getdefaulttimeout() -> float | None:
    """Return the timeout that new sockets of the process get, in seconds."""
    from meshsim.transports.tcp.socket import TIMEOUT  # noqa: PLC0415 - the two need each other

    task = state.current()
    return None if task is None else task.process.tables.get(TIMEOUT)


def setdefaulttimeout(timeout: float | None, /) -> None:
    """Set the timeout that new sockets of the process get, in seconds.

    Raises:
        ValueError: it is negative.
    """
    from meshsim.transports.tcp.socket import TIMEOUT  # noqa: PLC0415 - as above

    if timeout is not None and timeout < 0:
        msg = "Timeout value out of range"
        raise ValueError(msg)
    task = state.current()
    if task is not None:
        task.process.tables[TIMEOUT] = None if timeout is None else float(timeout)
