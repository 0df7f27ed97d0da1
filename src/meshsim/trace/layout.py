"""How each kind of record lies in a block: its code, its numbers, its texts.

A record is `code, at_ns, numbers...`, all 64-bit integers in one flat row; its texts lie in the block's list
of texts, in the same order. What a name stands for is itself a record (HOST, NAME), written at its first use,
so a block stream explains itself and the order of first use is part of the hash.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "CALL_FAILED",
    "CALL_HANDLED",
    "CALL_RECEIVED",
    "CALL_REPLIED",
    "CALL_SENT",
    "COMMAND",
    "EVENT",
    "HOST",
    "LAYOUTS",
    "NAME",
    "NONE",
    "PACKET",
    "SWITCH",
    "Layout",
]

NONE = -1
"""Stands for a number that is not there, such as the deadline of a call without one."""

HOST = 1
NAME = 2
SWITCH = 3
PACKET = 4
EVENT = 5
COMMAND = 6
CALL_SENT = 7
CALL_RECEIVED = 8
CALL_HANDLED = 9
CALL_REPLIED = 10
CALL_FAILED = 11


class Layout(NamedTuple):
    """The parts of one kind of record; numbers ending in `_name` are ids of interned names."""

    word: str
    numbers: tuple[str, ...]
    texts: tuple[str, ...] = ()


LAYOUTS: dict[int, Layout] = {
    HOST: Layout("host", ("index",), ("name",)),
    NAME: Layout("name", ("id",), ("name",)),
    SWITCH: Layout("switch", ("task",)),
    PACKET: Layout("packet", ("source_host", "target_host", "packet", "size_bytes", "fate")),
    EVENT: Layout("event", ("kind_name", "host_name"), ("text", "data")),
    COMMAND: Layout("command", ("host_name", "target_name", "took_ns"), ("text", "error")),
    CALL_SENT: Layout(
        "call sent",
        (
            "call",
            "room_name",
            "caller_name",
            "service_name",
            "host_name",
            "intended_ns",
            "deadline_ns",
            "parent",
            "attempt",
            "body_crc",
        ),
        ("operation",),
    ),
    CALL_RECEIVED: Layout("call received", ("call", "host_name")),
    CALL_HANDLED: Layout("call handled", ("call",), ("status",)),
    CALL_REPLIED: Layout("call replied", ("call", "body_crc"), ("status", "error")),
    CALL_FAILED: Layout("call failed", ("call",), ("error",)),
}
