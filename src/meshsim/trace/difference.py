"""Where two runs part: the first record that differs, in words."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from meshsim.trace.blocks import decode
from meshsim.trace.layout import LAYOUTS

if TYPE_CHECKING:
    from meshsim.trace.blocks import Record
    from meshsim.trace.recorder import Recorder

__all__ = ["describe", "first_difference"]

PACKET_WORDS = ("syn", "data", "fin", "reset", "accept")
_FATES = {-1: "lost", -2: "refused", -3: "broken"}


def seconds(at_ns: int) -> str:
    """Write a moment with its last nanosecond: the difference may be one."""
    return f"{at_ns // 10**9}.{at_ns % 10**9:09d}s"


def _number(recorder: Recorder, field: str, value: int) -> str:
    """Write one number of a record in words."""
    if field.endswith("_name"):
        names = recorder.names
        return f"{field[:-5]}={names[value]}" if 0 <= value < len(names) else f"{field[:-5]}={value}"
    if field.endswith("_host"):
        return f"{field[:-5]}={recorder.hosts.get(value, value)}"
    if field == "packet" and 0 <= value < len(PACKET_WORDS):
        return PACKET_WORDS[value]
    if field == "fate":
        return _FATES.get(value, f"after {value} ns")
    return f"{field}={value}"


def describe(recorder: Recorder, record: Record) -> str:
    """Say one record in words, on one line."""
    layout = LAYOUTS[record.code]
    numbers = [
        _number(recorder, field, value) for field, value in zip(layout.numbers, record.numbers, strict=True)
    ]
    texts = [text for text in record.texts if text]
    return f"{seconds(record.at_ns)} {layout.word} {' '.join([*numbers, *texts])}"


def first_difference(first: Recorder, second: Recorder) -> str | None:
    """Name the first record in which two runs differ, with the one before it; None when they are the same.

    Recorders without their content (`keep=False`) can only tell the stretch of time in which it lies.
    """
    records = 0
    before = "the beginning"
    last: Record | None = None
    for ours, theirs in zip_longest(first.blocks.all_blocks(), second.blocks.all_blocks()):
        if ours is not None and theirs is not None and ours.digest == theirs.digest:
            for record in decode(ours, records):
                records = record.number + 1
                last = record
            if ours.numbers is not None:
                before = "the beginning" if last is None else describe(first, last)
            continue
        if (ours is not None and ours.numbers is None) or (theirs is not None and theirs.numbers is None):
            begin = ours.begin_ns if ours is not None else theirs.begin_ns
            return f"the runs differ at some event after {seconds(begin)}; record with keep=True to see which"
        mine = decode(ours, records) if ours is not None else ()
        other = decode(theirs, records) if theirs is not None else ()
        for left, right in zip_longest(mine, other):
            if left == right:
                before = describe(first, left)
                continue
            return _told(first, left, second, right, before)
    return None


def _told(first: Recorder, left: Record | None, second: Recorder, right: Record | None, before: str) -> str:
    known = left if left is not None else right
    number = known.number if known is not None else 0
    return "\n".join(
        [
            f"the runs differ at event {number}, after {before}",
            f"  first:  {describe(first, left) if left is not None else 'ends here'}",
            f"  second: {describe(second, right) if right is not None else 'ends here'}",
        ]
    )
