"""Names of hosts and replicas, and the nearest known name to a wrong one.

A replica of a service is a host called `orders/0`; a platform service is a host called `cache`; the test
itself is the host `test`.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "EVERYONE",
    "RESERVED",
    "TEST_HOST",
    "did_you_mean",
    "host_name",
    "is_name",
    "nearest",
    "split_host",
]

TEST_HOST = "test"
"""The host that the test itself is."""

EVERYONE = "*"
"""The name that matches every party."""

RESERVED = frozenset({TEST_HOST, EVERYONE, "any", "caller", "default", "target"})
"""Names that mean something of their own in a scenario, so that no service can carry them."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def is_name(text: str) -> bool:
    """Say whether `text` can name a service or a platform service."""
    return _NAME.fullmatch(text) is not None


def host_name(service: str, index: int) -> str:
    """Name the host of one replica: `("orders", 0)` is `orders/0`."""
    return f"{service}/{index}"


def split_host(host: str) -> tuple[str, int | None]:
    """Take a host's name apart: `orders/0` is `("orders", 0)`, `cache` is `("cache", None)`."""
    service, slash, index = host.partition("/")
    return (service, int(index)) if slash and index.isdecimal() else (host, None)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to `name`, or None when none is close."""
    # Sorted first: difflib breaks ties by position, and a set's order must not choose what a message says.
    candidates = sorted(known)
    lowered = {candidate.lower(): candidate for candidate in reversed(candidates)}
    found = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """End an error message: the nearest known name, or all of them when there are few, or nothing."""
    candidates = sorted(known)
    if (close := nearest(name, candidates)) is not None:
        return f"; did you mean {close!r}?"
    if candidates and len(candidates) <= 20:
        return f"; known: {', '.join(candidates)}"
    return ""
