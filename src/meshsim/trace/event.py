"""A notable event: a boot, a crash, a fault, an error that nobody caught, a line of log."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Event", "scrub", "scrub_bytes"]

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_ADDRESS_BYTES = re.compile(rb"\b0x[0-9a-fA-F]{6,16}\b")


def scrub(text: str) -> str:
    """Take the addresses out of a text (`<Session at 0x7f3a...>`): they differ from run to run."""
    return _ADDRESS.sub("0x...", text) if "0x" in text else text


def scrub_bytes(data: bytes) -> bytes:
    """Take the addresses out of a body: the text of an exception, which services answer with, has them."""
    return _ADDRESS_BYTES.sub(b"0x...", data) if b"0x" in data else data


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth a line in a report.

    Attributes:
        at_ns: when, in virtual time.
        kind: a word: boot, crash, restart, terminate, fault, heal, failover, unhandled, log, phase, ...
        host: where, "" for the world as a whole.
        text: what, for people.
        data: more, as plain JSON data.
    """

    at_ns: int
    kind: str
    host: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)
