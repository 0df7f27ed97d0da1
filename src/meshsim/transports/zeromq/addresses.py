"""Addresses as libzmq reads them: what it refuses, and what it makes of the rest."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meshsim.transports.zeromq.errors import (
    EADDRNOTAVAIL,
    EINVAL,
    ENAMETOOLONG,
    ENOCOMPATPROTO,
    ENODEV,
    ENOENT,
    EPROTONOSUPPORT,
    failure,
)

if TYPE_CHECKING:
    from meshsim.kernel.process import Process
    from meshsim.network.fabric import Fabric

__all__ = ["Address", "of_bind", "of_connect", "split"]

# sizeof(sockaddr_un.sun_path) less its end.
IPC_PATH_MAX: Final = 107
ANY: Final = "0.0.0.0"  # noqa: S104 - how a bound wildcard is written
_LOOPBACK: Final = {"localhost": "127.0.0.1", "lo": "127.0.0.1", "127.0.0.1": "127.0.0.1"}
_OWN: Final = frozenset({"eth0", "en0", "ens3"})
_NUMBER: Final = re.compile(r"\s*([-+]?\d+)")
_TARGET: Final = re.compile(r"[A-Za-z0-9\[:][A-Za-z0-9.\-:%;\[\]_*]*")
_IPV4: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}")


@dataclass(frozen=True, slots=True)
class Address:
    """An address.

    Attributes:
        protocol: tcp, ipc or inproc.
        name: the host, the path or the name.
        port: for tcp; 0 asks for any.
    """

    protocol: str
    name: str
    port: int = 0

    @property
    def text(self) -> str:
        """The address as libzmq writes it."""
        if self.protocol == "tcp":
            return f"tcp://{self.name}:{self.port}"
        return f"{self.protocol}://{self.name}"


def split(address: str) -> tuple[str, str]:
    """Return the protocol and the rest.

    Raises:
        ZMQError: EINVAL for no address, EPROTONOSUPPORT or ENOCOMPATPROTO for a protocol that is none of ours.
    """
    protocol, mark, rest = address.partition("://")
    if not mark or not protocol or not rest:
        raise failure(EINVAL)
    if protocol == "udp":
        raise failure(ENOCOMPATPROTO)
    if protocol not in ("tcp", "ipc", "inproc"):
        raise failure(EPROTONOSUPPORT)
    return protocol, rest


def _path(rest: str) -> str:
    if len(rest.encode()) > IPC_PATH_MAX:
        text = (
            f'ipc path "{rest}" is longer than {IPC_PATH_MAX} characters (sizeof(sockaddr_un.sun_path)). '
            "zmq.IPC_PATH_MAX_LEN constant can be used to check addr length (if it is defined)."
        )
        raise failure(ENAMETOOLONG, text)
    return rest


def _port(text: str) -> int:
    """Read a port as `atoi` does, wrong ones wrapped round."""
    if text in ("*", "0"):
        return 0
    found = _NUMBER.match(text)
    port = int(found.group(1)) & 0xFFFF if found else 0
    if not port:
        raise failure(EINVAL)
    return port


def of_bind(address: str, process: Process, fabric: Fabric) -> Address:
    """Return what an address to bind means on a host.

    Raises:
        ZMQError: with the number that libzmq gives.
    """
    protocol, rest = split(address)
    if protocol == "inproc":
        return Address(protocol, rest)
    if protocol == "ipc":
        if rest == "*":
            return Address(protocol, f"/tmp/mesh{process.pid}-{process.count('ipc path')}/socket")  # noqa: S108
        folder = os.path.dirname(_path(rest))  # noqa: PTH120 - the text of an address, not a Path
        if not rest.startswith("@") and folder and not os.path.isdir(folder):  # noqa: PTH112 - as above
            raise failure(ENOENT, f'No such file or directory for ipc path "{rest}".')
        return Address(protocol, rest)
    name, mark, port = rest.rpartition(":")
    if not mark:
        raise failure(EINVAL)
    number = _port(port)
    return Address(protocol, _interface(name.strip("[]"), process, fabric), number)


def _interface(name: str, process: Process, fabric: Fabric) -> str:
    if name in ("*", ANY):
        return ANY
    if name in _LOOPBACK:
        return _LOOPBACK[name]
    host = process.host
    own = fabric.names.address(host)
    if name in _OWN or name in (own, host.name, host.service):
        return own
    if _IPV4.fullmatch(name) or (name and fabric.names.known(name)):
        raise failure(EADDRNOTAVAIL)
    raise failure(ENODEV)


def of_connect(address: str) -> Address:
    """Return what an address to connect to means; names are looked up later.

    Raises:
        ZMQError: with the number that libzmq gives.
    """
    protocol, rest = split(address)
    if protocol == "inproc":
        return Address(protocol, rest)
    if protocol == "ipc":
        return Address(protocol, _path(rest))
    name, mark, port = rest.rpartition(":")
    if not _TARGET.fullmatch(rest) and not rest.startswith(":"):
        raise failure(EINVAL)
    if not mark or not port[:1].isdigit():
        raise failure(EINVAL)
    number = _NUMBER.match(port)
    # "source;target": where to come from is nobody's business here.
    name = name.rpartition(";")[2]
    return Address(protocol, name.strip("[]"), int(number.group(1)) & 0xFFFF if number else 0)
