"""What a test or a fault says instead of a server, as PySOA's own objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attr
from pysoa.common.errors import Error
from pysoa.common.types import ActionResponse, JobResponse

from meshsim.core.names import did_you_mean
from meshsim.errors import UsageError

ERROR_FIELDS: Final = tuple(field.name for field in attr.fields(Error))
PAIR: Final = 2


def failure(action: str, code: str, message: str) -> ActionResponse:
    """Return the response of an action that went wrong, through no fault of its caller."""
    return ActionResponse(action, errors=[Error(code=code, message=message)])


def response_of(action: str, value: Any) -> ActionResponse:
    """Return a test's reply as a response: a body, nothing for an empty one, or PySOA's own object.

    Raises:
        UsageError: the value is no reply.
    """
    if isinstance(value, ActionResponse):
        # Another one each time: the action is the one that was asked for, and middleware may change the body.
        return ActionResponse(action, errors=list(value.errors), body=dict(value.body))
    if isinstance(value, JobResponse) and len(value.actions) == 1 and not value.errors:
        return response_of(action, value.actions[0])
    if value is None or isinstance(value, Mapping):
        return ActionResponse(action, body=dict(value or {}))
    msg = f"{value!r} is no reply of {action}: a body as a mapping, or a pysoa ActionResponse"
    raise UsageError(msg)


def errors_of(value: Any) -> list[Error]:
    """Return a test's error as PySOA's: a code, (code, message), the fields of an Error, an Error, or a list.

    Raises:
        UsageError: the value is no error.
    """
    if isinstance(value, list):
        return [error for item in value for error in errors_of(item)]
    if isinstance(value, Error):
        return [value]
    if isinstance(value, str):
        return [Error(code=value, message=value)]
    if isinstance(value, tuple) and len(value) == PAIR and all(isinstance(part, str) for part in value):
        return [Error(code=value[0], message=value[1])]
    if isinstance(value, Mapping):
        return [_error(value)]
    msg = f"{value!r} is no error: a code as 'SOLD_OUT', (code, message), the fields of a pysoa Error, or a list"
    raise UsageError(msg)


def _error(fields: Mapping[str, Any]) -> Error:
    for name in fields:
        if name not in ERROR_FIELDS:
            msg = f"a pysoa Error has no field {name!r}{did_you_mean(str(name), ERROR_FIELDS)}"
            raise UsageError(msg)
    if "code" not in fields:
        msg = f"{dict(fields)!r} is no error: it has no code"
        raise UsageError(msg)
    return Error(**{"message": fields["code"], **fields})
