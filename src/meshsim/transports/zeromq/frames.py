"""Between pyzmq's objects and frames of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.transports.zeromq.errors import EINVAL, failure

if TYPE_CHECKING:
    from meshsim.transports.zeromq.pipes import Pipe

__all__ = ["to_bytes"]

PROPERTIES = ("Socket-Type", "Identity", "Routing-Id", "Peer-Address", "User-Id")


def to_bytes(data: Any) -> bytes:
    """Return what anything with a buffer holds, copied: the sender may change it afterwards.

    Raises:
        TypeError: it is text, or has no buffer.
    """
    if type(data) is bytes:
        return data
    if isinstance(data, str):
        msg = "unicode not allowed, use send_string"
        raise TypeError(msg)
    return bytes(memoryview(data))


def peer_property(pipe: Pipe | None, name: str) -> str:
    """Return what `Frame.get` tells of the peer that a frame came from.

    Raises:
        ZMQError: EINVAL, there is no such property.
    """
    value = pipe.properties.get(name) if pipe is not None else None
    if value is None:
        raise failure(EINVAL)
    return value
