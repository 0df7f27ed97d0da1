"""What one call of a workload asks for: its operation, with the parameters drawn.

Among `params`, a list is a choice (`sku: [a-1, a-2]`) and `1..100` a whole number between; anything else is
taken as it is. What the path names and `params` does not say, as in `GET /items/:id` alone, is one of 1 to
100. The rest of `params` is the query.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from meshsim.errors import UsageError

if TYPE_CHECKING:
    from meshsim.core.streams import Stream
    from meshsim.graph import WorkloadSpec

__all__ = ["UNSAID", "draw", "http_request"]

UNSAID: Final = (1, 100)
"""Between what a parameter of the path is drawn when nothing says more."""

_RANGE: Final = re.compile(r"(-?\d{1,15})\.\.(-?\d{1,15})")
_FORM: Final = "application/x-www-form-urlencoded"


def draw(value: object, stream: Stream) -> object:
    """Return the value of one parameter for one call."""
    if isinstance(value, list | tuple) and value:
        return value[_below(len(value), stream)]
    if isinstance(value, str) and (match := _RANGE.fullmatch(value)):
        low, high = int(match[1]), int(match[2])
        if low <= high:
            return low + _below(high - low + 1, stream)
    return value


def _below(count: int, stream: Stream) -> int:
    return stream.choose(count) if 1 < count < 1 << 32 else int(stream.random() * count)


def http_request(spec: WorkloadSpec, stream: Stream) -> tuple[str, str, dict[str, Any]]:
    """Return method, path and what else `Session.request` is given.

    A `body` that is a text is sent as it is, anything else as JSON, or as a form if the headers say so.

    Raises:
        UsageError: the call names no path.
    """
    operation = spec.call.operation if spec.call is not None else None
    if operation is None or operation.path is None:
        raise UsageError(f"workload {spec.name!r} calls {spec.call}, which is no METHOD /path")
    names = operation.parameters
    params = dict.fromkeys(names, f"{UNSAID[0]}..{UNSAID[1]}") | dict(spec.params)
    drawn = {name: draw(value, stream) for name, value in params.items()}
    options: dict[str, Any] = {"headers": dict(spec.headers)}
    query = {name: value for name, value in drawn.items() if name not in names}
    if query:
        options["params"] = query
    if spec.json is not None:
        options["json"] = spec.json
    elif isinstance(spec.body, str | bytes):
        options["data"] = spec.body
    elif spec.body is not None:
        options["data" if _is_form(spec) else "json"] = spec.body
    return operation.method or "GET", operation.fill(drawn), options


def _is_form(spec: WorkloadSpec) -> bool:
    return any(
        name.lower() == "content-type" and value.startswith(_FORM) for name, value in spec.headers.items()
    )
