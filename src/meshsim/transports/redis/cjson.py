"""The `cjson` of Redis scripts: Lua values <-> JSON, with lua-cjson's choices of form."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["decode", "encode"]

_ESCAPES = {
    0x22: b'\\"', 0x5C: b"\\\\", 0x2F: b"\\/", 0x08: b"\\b", 0x0C: b"\\f", 0x0A: b"\\n", 0x0D: b"\\r", 0x09: b"\\t",
    0x7F: b"\\u007f",
}  # fmt: skip
_UNSAFE = re.compile(rb'[\x00-\x1f"\\/\x7f]')
_SPARSE_RATIO = 2
_SPARSE_SAFE = 10
_MAX_DEPTH = 1000


def _escape(found: re.Match[bytes]) -> bytes:
    code = found.group()[0]
    return _ESCAPES.get(code) or b"\\u%04x" % code


def _text(value: bytes) -> bytes:
    return b'"' + _UNSAFE.sub(_escape, value) + b'"'


def _number(value: float) -> bytes:
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124  NaN
        raise ValueError("Cannot serialise number: must not be NaN or Inf")
    return b"%.14g" % value


def encode(value: Any, null: object, lua_type: Callable[[Any], str | None], depth: int = 0) -> bytes:
    """Write a Lua value as JSON.

    Raises:
        ValueError: it has no form in JSON; the message is lua-cjson's.
    """
    if value is None or value is null:
        return b"null"
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, (int, float)):
        return _number(value)
    kind = lua_type(value)
    if kind != "table":
        message = f"Cannot serialise {kind}: type not supported"
        raise ValueError(message)
    if depth > _MAX_DEPTH:
        message = f"Cannot serialise, excessive depth ({depth})"
        raise ValueError(message)
    length = _array_length(value)
    if length > 0:
        return b"[" + b",".join(encode(value[i + 1], null, lua_type, depth + 1) for i in range(length)) + b"]"
    pairs = (_name(name) + b":" + encode(item, null, lua_type, depth + 1) for name, item in value.items())
    return b"{" + b",".join(pairs) + b"}"


def _name(name: Any) -> bytes:
    if isinstance(name, bytes):
        return _text(name)
    if isinstance(name, (int, float)) and not isinstance(name, bool):
        return b'"%b"' % _number(name)
    raise ValueError("Cannot serialise table: table key must be a number or string")


def _array_length(table: Any) -> int:
    highest = count = 0
    for key in table:
        if isinstance(key, bool) or not isinstance(key, int) or key < 1:
            return -1
        highest, count = max(highest, key), count + 1
    if highest > count * _SPARSE_RATIO and highest > _SPARSE_SAFE:
        raise ValueError("Cannot serialise table: excessively sparse array")
    return highest


def decode(text: Any, null: object, table_from: Callable[[Any], Any]) -> Any:
    """Read JSON into Lua values.

    Raises:
        ValueError: it is not JSON.
    """
    if not isinstance(text, bytes):
        raise ValueError("bad argument #1 to 'decode' (string expected)")  # noqa: TRY004 - one kind for all
    try:
        parsed = json.loads(text.decode("utf-8", "surrogateescape"), strict=False)
    except json.JSONDecodeError as error:
        message = f"Expected value but found invalid token at character {error.pos + 1}"
        raise ValueError(message) from error
    return _to_lua(parsed, null, table_from)


def _bytes(text: str) -> bytes:
    # What was no UTF-8 comes back as the bytes that it was; a lone escaped surrogate as the three bytes of CESU.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _to_lua(value: Any, null: object, table_from: Callable[[Any], Any]) -> Any:
    if value is None:
        return null
    if isinstance(value, str):
        return _bytes(value)
    if isinstance(value, list):
        return table_from([_to_lua(item, null, table_from) for item in value])
    if isinstance(value, dict):
        return table_from({_bytes(name): _to_lua(item, null, table_from) for name, item in value.items()})
    return value
