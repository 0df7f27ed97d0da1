"""The trace as a file: lines of JSON, a head, then the records in order, then each call in full."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from meshsim.trace.layout import LAYOUTS, NONE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from meshsim.trace.blocks import Record
    from meshsim.trace.call import Call
    from meshsim.trace.recorder import Recorder

__all__ = ["FORMAT", "lines", "save"]

FORMAT = 1
"""The version of the file."""

BODY_CHARACTERS_MAX = 2_000
"""A body is cut here: the file is for reading, headers stay out because they carry credentials."""


def save(recorder: Recorder, path: Path) -> None:
    """Write a trace to `path`; folders on the way are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines(recorder):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def lines(recorder: Recorder) -> Iterator[dict[str, Any]]:
    """Give the lines of the file as data."""
    yield {"meshsim_trace": FORMAT, "hash": recorder.hash, "virtual_ns": recorder.now()}
    names = recorder.names
    for record in recorder.blocks.records():
        yield _record_line(record, names)
    for call in recorder.calls:
        yield _call_line(call)


def _record_line(record: Record, names: list[str]) -> dict[str, Any]:
    layout = LAYOUTS[record.code]
    line: dict[str, Any] = {"at_ns": record.at_ns, "kind": layout.word}
    for field, value in zip(layout.numbers, record.numbers, strict=True):
        if field.endswith("_name"):
            line[field.removesuffix("_name")] = names[value]
        else:
            line[field] = None if value == NONE and field != "fate" else value
    line.update(zip(layout.texts, record.texts, strict=True))
    return line


def _call_line(call: Call) -> dict[str, Any]:
    line: dict[str, Any] = {"kind": "call"}
    for name in call.__slots__:
        value = getattr(call, name)
        if name in ("request", "reply"):
            value = None if value is None else value.text()[:BODY_CHARACTERS_MAX]
        line[name] = value
    return line
