"""Answers of a test's own, given instead of a PySOA service's: replies, errors, functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from pysoa.common.types import ActionResponse
from pysoa.server.errors import ActionError, JobError

from meshsim.errors import UsageError
from meshsim.kernel import api
from meshsim_pysoa import fate, replies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from meshsim.core.selector import Selector
    from meshsim.trace import Call
    from meshsim_pysoa.fate import Answer

TIMEOUT: Final = "timeout"


class Route:
    """What was stubbed, and what has come to it.

    Args:
        selector: which calls.
        answer: answers one action, given its body; None for never.

    Attributes:
        calls: the calls that the stub answered, oldest first; each has `request`, `sent_at` and `reply`.
    """

    def __init__(self, selector: Selector, answer: Answer | None) -> None:
        self.selector = selector
        self.answer = answer
        self.calls: list[Call] = []
        # The newest stub is asked first, so that a test can say otherwise for a while.
        _routes().insert(0, self)

    @property
    def call_count(self) -> int:
        """How many calls it answered."""
        return len(self.calls)

    @property
    def called(self) -> bool:
        """Whether it answered any."""
        return bool(self.calls)

    def remove(self) -> None:
        """Let the service answer again."""
        if self in _routes():
            _routes().remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _routes() -> list[Route]:
    found: list[Route] = api.kernel().home.tables.setdefault(fate.ROUTES, [])
    return found


def stub(selector: Selector, *, reply: Any = None, error: Any = None, side_effect: Any = None) -> Route:
    """Answer an action instead of the service; without an action, all of the service's.

    Args:
        selector: which calls.
        reply: a body, or a PySOA ActionResponse.
        error: a code (`"SOLD_OUT"`), `(code, message)`, the fields of a PySOA Error, an Error, a list of these, or
            `"timeout"` for no answer at all.
        side_effect: as in `unittest.mock`: a function of the action's body that returns a reply (None for that of
            `reply=`), an exception, or an iterable of replies and exceptions, one a call. An `ActionError` has its
            errors, any other exception is answered as PySOA answers it, as a SERVER_ERROR.

    Raises:
        UsageError: more than one of them was given, or one is neither reply nor error.
    """
    values = {"reply": reply, "error": error, "side_effect": side_effect}
    given = [name for name, value in values.items() if value is not None]
    if len(given) > 1 and given != ["reply", "side_effect"]:
        msg = f"mesh.stub got {' and '.join(given)}; one of them says what is answered"
        raise UsageError(msg)
    operation = selector.operation
    if operation is not None and operation.path is not None:
        msg = (
            f"{selector.text!r}: {operation.text!r} is no action of {selector.target}: a name, as place_order"
        )
        raise UsageError(msg)
    action = operation.text if operation is not None else selector.target.name
    if error == TIMEOUT:
        return Route(selector, None)
    if side_effect is not None:
        return Route(selector, _by_effect(action, side_effect, reply))
    if error is not None:
        errors = replies.errors_of(error)
        return Route(selector, lambda _: ActionResponse(action, errors=errors))
    replies.response_of(action, reply)
    return Route(selector, lambda _: replies.response_of(action, reply))


def _by_effect(action: str, effect: Any, reply: Any) -> Answer:
    values: Iterator[Any] | None = None
    if not callable(effect) and not _is_error(effect):
        values = iter(effect)

    def next_value(body: Mapping[str, Any]) -> Any:
        if values is None:
            value = effect
        else:
            try:
                value = next(values)
            except StopIteration:
                msg = f"the side_effect of {action} has no more replies"
                raise UsageError(msg) from None
        if _is_error(value):
            raise value
        if values is not None:
            return value
        made = value(body)
        return reply if made is None else made

    return lambda body: _answered(action, next_value, body)


def _answered(action: str, make: Callable[[Mapping[str, Any]], Any], body: Mapping[str, Any]) -> Any:
    try:
        return replies.response_of(action, make(body))
    except ActionError as error:
        return ActionResponse(action, errors=error.errors)
    except JobError:
        raise
    except Exception as error:  # noqa: BLE001 - a stub that raises is a service that failed
        return replies.failure(action, fate.SERVER_ERROR, f"Internal server error: {error}")


def _is_error(value: object) -> bool:
    return isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException))
