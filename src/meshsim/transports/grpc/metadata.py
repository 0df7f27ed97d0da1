"""Metadata as applications give it, checked as gRPC's core checks it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from meshsim.transports.grpc.wire import Metadata

_KEY = re.compile(r"[a-z0-9_.-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")
# What core takes for itself, or adds by itself.
_PSEUDO = ("grpc-internal-encoding-request",)


class Metadatum(NamedTuple):
    """A pair, as gRPC gives it to applications."""

    key: str
    value: str | bytes


class InvalidMetadataError(ValueError):
    """A key or a value that may not be sent."""


def read(given: Any) -> Metadata:
    """Return an application's metadata as it is sent.

    Raises:
        InvalidMetadataError: as core finds it.
        TypeError: a key is no text, or a value is neither text nor bytes.
    """
    if not given:
        return ()
    found = []
    for key, value in given:
        name, content = _text(key), value
        if name.endswith("-bin"):
            content = value if isinstance(value, bytes) else _text(value).encode()
        else:
            content = value.decode("utf8") if isinstance(value, bytes) else _text(value)
            if not _VALUE.fullmatch(content):
                raise InvalidMetadataError(key)
        if not _KEY.fullmatch(name):
            raise InvalidMetadataError(key)
        if name not in _PSEUDO:
            found.append((name, content))
    return tuple(found)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf8")
    if not isinstance(value, str):
        msg = f"Expected str, not {type(value)}"
        raise TypeError(msg)
    return value


def encoded(value: str | bytes | None) -> str:
    """Return a status's text."""
    if value is None:
        return ""
    return value.decode("utf8", "replace") if isinstance(value, bytes) else value
