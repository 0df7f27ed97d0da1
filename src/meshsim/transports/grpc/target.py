"""The names that channels are made for and ports are bound by, as gRPC's core reads them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from meshsim.errors import UnsupportedOperation

# What gRPC takes where a name has no port.
DEFAULT_PORT: Final = 443
_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*):(.*)$", re.IGNORECASE)
_ELSEWHERE = ("unix", "unix-abstract", "vsock", "xds", "google-c2p")


def _split(text: str) -> tuple[str, int] | None:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return None
        port = rest[1:]
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    if not port:
        return host, DEFAULT_PORT
    return (host, int(port)) if port.isascii() and port.isdecimal() else None


def read(target: str) -> list[tuple[str, int]]:
    """Return the hosts and ports that a channel's target names; none if it names none.

    Raises:
        UnsupportedOperation: it names something that is no host of the mesh.
    """
    match = _SCHEME.match(target)
    scheme = match[1].lower() if match else ""
    if scheme in _ELSEWHERE:
        msg = (
            f"{target!r}: {scheme}: is not simulated, name a host and a port;"
            " meshsim.transports.grpc.supported lists what is"
        )
        raise UnsupportedOperation(msg)
    if match is not None and scheme in ("dns", "ipv4", "ipv6"):
        rest = match[2]
        if rest.startswith("//"):
            rest = rest[2:].partition("/")[2]
        target = unquote(rest)
    parts = target.split(",") if scheme in ("ipv4", "ipv6") else [target]
    found = [_split(part.strip("/")) for part in parts]
    return [place for place in found if place is not None and place[0]]


def bound(address: str) -> int | None:
    """Return the port that a server is to listen on, 0 for any; None where core would fail to bind.

    Raises:
        UnsupportedOperation: it names something that is no port of the mesh.
    """
    places = read(address)
    if len(places) != 1:
        return None
    # A host listens on all of its addresses, so which one was meant is not asked.
    return places[0][1] & 0xFFFF
