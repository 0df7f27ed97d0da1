"""What a call asks for: `POST /orders/{id}`, a path under any method, or a bare action or method name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from meshsim.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Operation", "parse_operation"]

_METHOD = re.compile(r"[A-Z]+")
_NAME = re.compile(r"[A-Za-z_*][A-Za-z0-9_.*/:-]*")
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(:path)?\}|(?<=/):([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True)
class Operation:
    """One operation or a family of them.

    `method` and `path` are set for HTTP (`method` is None for any), `name` for everything else.
    """

    text: str
    method: str | None = field(default=None, compare=False)
    path: str | None = field(default=None, compare=False)
    name: str | None = field(default=None, compare=False)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names in the path: `/orders/{id}` and `/orders/:id` both have `id`."""
        return tuple(match[1] or match[3] for match in _PARAMETER.finditer(self.path or ""))

    def fill(self, values: Mapping[str, object]) -> str:
        """Return the concrete path, each parameter replaced by its value, quoted for a URL.

        Raises UsageError that names the parameter without a value.
        """

        def value(match: re.Match[str]) -> str:
            name = match[1] or match[3]
            if name not in values:
                raise UsageError(f"{self.text!r} has no value for {name!r}: params: {{{name}: ...}}")
            return quote(str(values[name]), safe="/" if match[2] else "")

        return _PARAMETER.sub(value, self.path or "")

    def matches(self, operation: str) -> bool:
        """Say whether a concrete operation, `POST /orders/17` or `place_order`, is one of this family."""
        return self._pattern.fullmatch(operation) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        if self.path is None:
            # A bare `Method` also means `pkg.Service/Method`.
            return re.compile(rf"(?:[^ ]*/)?{re.escape(self.name or '')}")
        method = "[A-Z]+" if self.method is None else re.escape(self.method)
        pieces, end = [], 0
        for match in _PARAMETER.finditer(self.path):
            pieces += [re.escape(self.path[end : match.start()]), ".+" if match[2] else "[^/?]+"]
            end = match.end()
        pieces.append(re.escape(self.path[end:]))
        # A query is not part of what is asked for, unless the pattern names one.
        query = "" if "?" in self.path else r"(?:\?.*)?"
        return re.compile(f"{method} {''.join(pieces)}{query}", re.DOTALL)


def parse_operation(text: str) -> Operation:
    """Return the operation that `text` says. Raises UsageError with what would be right."""
    words = text.split()
    if len(words) == 1 and words[0].startswith("/"):
        return Operation(words[0], path=_path(text, words[0]))
    if len(words) == 1:
        if not _NAME.fullmatch(words[0]):
            raise UsageError(f"{text!r} is not an operation: POST /orders/{{id}}, or an action's name")
        return Operation(words[0], name=words[0])
    if len(words) != 2:
        raise UsageError(f"{text!r} is not an operation: METHOD /path, or an action's name")
    method, path = words
    if not _METHOD.fullmatch(method):
        upper = f"{method.upper()} {path}?" if method.isalpha() else "METHOD /path"
        raise UsageError(f"{text!r} has no HTTP method: {upper}")
    if not path.startswith("/"):
        raise UsageError(f"{text!r} has a path without its slash: {method} /{path}?")
    return Operation(f"{method} {path}", method=method, path=_path(text, path))


def _path(text: str, path: str) -> str:
    if any(brace in _PARAMETER.sub("", path) for brace in "{}"):
        raise UsageError(f"{text!r} has a brace that is no parameter: /orders/{{id}}")
    return path
