"""What a call carried: method, path, headers and body, kept up to a bound."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID
from zlib import crc32

from meshsim.trace.event import scrub_bytes

__all__ = ["BODY_BYTES_MAX", "MISSING", "Message", "plain"]

BODY_BYTES_MAX = 64 * 1024
"""A body above this is hashed but not kept."""

_DEPTH_MAX = 32


class _Missing:
    """What a body does not have; unlike None, which JSON can say."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING = _Missing()


def plain(value: object, depth: int = 0) -> Any:
    """Copy a message to JSON's types, so that later changes by the service do not reach the record.

    What JSON does not know becomes text: a Decimal or a date what `str` says, anything else the name of its
    type, because a repr may hold an address.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if depth > _DEPTH_MAX:
        return "..."
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else str(plain(key, depth + 1)): plain(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item, depth + 1) for item in value), key=repr)
    return _plain_text(value)


def _plain_text(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, Decimal | date | time | timedelta | UUID):
        return str(value)
    return f"<{type(value).__name__}>"


class Message:
    """A request or a reply.

    Args:
        method: the verb, where the protocol has one.
        path: the target as sent, query and all.
        headers: name and value, in the order sent.
        body: bytes or text as on the wire, or an object, which is copied.
    """

    __slots__ = ("_json", "body", "crc", "headers", "method", "path", "size_bytes", "truncated")

    def __init__(
        self,
        method: str = "",
        path: str = "",
        headers: list[tuple[str, str]] | tuple[tuple[str, str], ...] = (),
        body: object = None,
    ) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self._json: Any = MISSING
        raw: bytes
        if body is None or isinstance(body, bytes):
            raw = body or b""
        elif isinstance(body, str):
            raw = body.encode("utf-8", "surrogatepass")
        else:
            self._json = body = plain(body)
            raw = json.dumps(body).encode("ascii")
        self.size_bytes = len(raw)
        self.crc = crc32(scrub_bytes(raw))
        self.truncated = len(raw) > BODY_BYTES_MAX
        self.body: Any = body
        if self.truncated:
            self.body, self._json = None, MISSING

    def json(self) -> Any:
        """Give the body as JSON data, or MISSING where it is none or was too large to keep."""
        if self._json is MISSING and self.body:
            try:
                self._json = json.loads(self.body)
            except ValueError:
                return MISSING
        return self._json

    def field(self, path: str) -> Any:
        """Look a value up by its path in the body, JSON or a form: `order_id`, `items.0.sku`; or MISSING."""
        value = self.form() if self._is_form() else self.json()
        for step in path.split("."):
            if isinstance(value, dict) and step in value:
                value = value[step]
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                return MISSING
        return value

    def _is_form(self) -> bool:
        return (self.header("content-type") or "").startswith("application/x-www-form-urlencoded")

    def form(self) -> dict[str, str]:
        """Give the body's fields, read as a form; the first value of each."""
        fields: dict[str, str] = {}
        for key, value in parse_qsl(self.text(), keep_blank_values=True):
            fields.setdefault(key, value)
        return fields

    def header(self, name: str) -> str | None:
        """Give the first header of that name, in any case of letters."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def text(self) -> str:
        """Give the body as text, for people."""
        if self.truncated:
            return f"<{self.size_bytes} bytes>"
        if self.body is None:
            return ""
        if isinstance(self.body, bytes):
            return self.body.decode("utf-8", "backslashreplace")
        return self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)

    def __repr__(self) -> str:
        return f"<Message {self.method} {self.path} {self.size_bytes} bytes>"
