"""The flags of `recv` and `send`, and the ways of receiving that need them."""

from __future__ import annotations

import errno
import select
import socket
from typing import TYPE_CHECKING, Any, Final

from meshsim.errors import UnsupportedOperation
from meshsim.transports.tcp.errors import system_error
from meshsim.transports.tcp.stream import Stream

if TYPE_CHECKING:
    from meshsim.transports.tcp.datagram import Datagram

PEEK: Final = int(socket.MSG_PEEK)
WAITALL: Final = int(socket.MSG_WAITALL)
DONTWAIT: Final = int(socket.MSG_DONTWAIT)
TRUNC: Final = int(socket.MSG_TRUNC)
# What may be said and changes nothing here: SIGPIPE is never sent, and nothing is held back.
HARMLESS: Final = int(socket.MSG_NOSIGNAL) | int(socket.MSG_MORE) | int(socket.MSG_CMSG_CLOEXEC)
KNOWN: Final = PEEK | WAITALL | DONTWAIT | TRUNC | HARMLESS
WRITABLE: Final = select.POLLOUT
# `sendall` cuts what waits into pieces, so that a long message is not copied once for each packet.
PIECE_BYTES: Final = 262_144


def check(flags: int) -> None:
    """Refuse a flag that nothing here honours.

    Raises:
        UnsupportedOperation: with the flag's name.
    """
    unknown = flags & ~KNOWN
    if unknown:
        msg = f"{socket.MsgFlag(unknown)!r} is not simulated; {socket.MsgFlag(KNOWN)!r} are"
        raise UnsupportedOperation(msg)


def receive(sock: Any, file: Stream | Datagram, size: int, flags: int) -> tuple[bytes, Any, int]:
    """Receive by flags; returns the bytes, the sender's address and what `recvmsg` says in its flags."""
    check(flags)
    if not isinstance(file, Stream):
        found: tuple[bytes, Any, int] = sock._until(
            lambda: file.read_from(size, peek=bool(flags & PEEK), whole_size=bool(flags & TRUNC)), flags
        )
        return found
    if not size:
        if file.connection is None:
            raise system_error(errno.ENOTCONN)
        return b"", None, 0
    peek = bool(flags & PEEK)
    if not flags & WAITALL:
        return sock._until(lambda: file.read(size, peek=peek), flags), None, 0
    parts: list[bytes] = []
    while size:
        part: bytes = sock._until(lambda: file.read(size), flags)  # noqa: B023 - called at once
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts), None, 0


def send_datagram(sock: Any, file: Any, data: bytes, address: Any) -> int:
    """Send a message; one that does not block never waits: what does not fit is lost on the way."""
    del sock
    sent: int = file.write_to(data, address)
    return sent
