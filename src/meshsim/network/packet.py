"""What travels between two hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from meshsim.kernel.host import Host

SYN: Final = 0
DATA: Final = 1
FIN: Final = 2
RESET: Final = 3
ACCEPT: Final = 4
DATAGRAM: Final = 5

KINDS: Final = ("syn", "data", "fin", "reset", "accept", "datagram")


class Packet:
    """One packet.

    Attributes:
        source, target: the hosts.
        kind: SYN, ACCEPT, DATA, FIN, RESET or DATAGRAM.
        size_bytes: what it would measure on a real wire.
        message: what the room sends, for DATA and DATAGRAM.
        port: the listener's port.
    """

    __slots__ = ("kind", "message", "port", "size_bytes", "source", "target")

    def __init__(  # noqa: PLR0917 - a record has this many parts
        self, source: Host, target: Host, kind: int, size_bytes: int, message: object, port: int
    ) -> None:
        self.source = source
        self.target = target
        self.kind = kind
        self.size_bytes = size_bytes
        self.message = message
        self.port = port

    def __repr__(self) -> str:
        way = f"{self.source.name} -> {self.target.name}:{self.port}"
        return f"<Packet {KINDS[self.kind]} {way} {self.size_bytes}B>"
