"""Between pyzmq's objects and frames of bytes."""

from __future__ import annotations

from typing import Any

__all__ = ["to_bytes"]


def to_bytes(data: Any) -> bytes:
    """Return what anything with a buffer holds, copied: the sender may change it afterwards.

    Raises:
        TypeError: it is text, or has no buffer.
        BufferError: its bytes do not lie in a row.
    """
    if type(data) is bytes:
        return data
    if isinstance(data, str):
        msg = "unicode not allowed, use send_string"
        raise TypeError(msg)
    try:
        view = memoryview(data)
    except TypeError:
        msg = f"a bytes-like object is required, not '{type(data).__name__}'"
        raise TypeError(msg) from None
    if not view.c_contiguous:
        msg = "memoryview: underlying buffer is not contiguous"
        raise BufferError(msg)
    return bytes(view)
