"""Between a byte stream and a room that speaks whole messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.errors import UnsupportedOperation

if TYPE_CHECKING:
    from meshsim.transports.tcp.stream import Stream


def toward(stream: Stream, connection: Any) -> Any:
    """Return what translates for a stream whose peer is a room that speaks messages, or None."""
    del stream, connection
    return None


def for_message(stream: Stream, message: object) -> Any:
    """Return what translates for a stream that was sent a message instead of bytes.

    Raises:
        UnsupportedOperation: nobody knows how to write this message as bytes.
    """
    msg = f"{stream!r} was sent {message!r}, which has no form in bytes"
    raise UnsupportedOperation(msg)
