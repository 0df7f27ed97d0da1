"""Answers of a test's own, given instead of a service's: replies, errors, functions.

A stub stands where the call arrives, on the host that would answer it: the caller's real channel, its retries,
the links and their faults are all in between. Replies that are data are sent by the hub; a function runs in a
task of the host, because it is user code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError
from meshsim.kernel import api
from meshsim.trace.route import StubRoute
from meshsim.transports.grpc.interception import Interception, interceptors
from meshsim.transports.grpc.status import NUMBERS, OK, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meshsim.core.selector import Selector
    from meshsim.transports.grpc.served import ServedCall

    Answer = Callable[[ServedCall, Any], None]


class Route(StubRoute):
    """What was stubbed, and what has come to it.

    Args:
        selector: which calls.
        answer: sends the reply to a call, given the server that it came to.
    """

    def __init__(self, selector: Selector, answer: Answer) -> None:
        self._answer = answer
        super().__init__(selector, self._ask, interceptors)

    def _ask(self, call: ServedCall, host: str) -> Interception | None:
        if not self.selector.matches(call.caller, host, call.begin.method.lstrip("/")):
            return None
        note: Any = call.begin.note
        if note is not None:
            self.calls.append(note)
        return Interception(self._answer)


def stub(selector: Selector, *, reply: Any = None, error: Any = None, side_effect: Any = None) -> Route:
    """Answer calls instead of the service.

    Args:
        selector: which calls.
        reply: a message (whatever has `SerializeToString`) or bytes; a list of them for a stream.
        error: a status by its name, its number or its `grpc.StatusCode`, or `(status, details)`.
        side_effect: as in `unittest.mock`: an exception, a list of replies, of which a status name in a
            `grpc.StatusCode` is an error too, or a function that is given the request's bytes.

    Returns:
        A route, also a context manager that takes the stub back.

    Raises:
        UsageError: more or less than one answer is given, or what is given is none.
    """
    answers = {"reply": reply, "error": error, "side_effect": side_effect}
    given = [name for name, value in answers.items() if value is not None]
    if len(given) != 1:
        which = ", ".join(given) or "none"
        msg = f"{selector}: a stub answers by one of reply=, error= and side_effect=, not by {which}"
        raise UsageError(msg)
    if side_effect is not None:
        return Route(selector, _effect(side_effect))
    return Route(selector, _fixed(_status(error) if error is not None else reply))


class Failure:
    """A status that is sent instead of a reply."""

    def __init__(self, code: int, details: str) -> None:
        self.code = code
        self.details = details


def _status(error: Any) -> Failure:
    status, details = error if isinstance(error, tuple) and len(error) == 2 else (error, "")
    name = getattr(status, "name", status)
    code = NUMBERS.get(str(name), name)
    if not isinstance(code, int) or not OK < code < len(NUMBERS):
        msg = f"{error!r} is no status of gRPC that says an error: {', '.join(NUMBERS)}"
        raise UsageError(msg)
    return Failure(code, str(details))


def _is_status(value: Any) -> bool:
    return type(value).__name__ == "StatusCode"


def _messages(value: Any) -> list[bytes]:
    found = []
    for one in value if isinstance(value, (list, tuple)) else [value]:
        body = one.SerializeToString() if hasattr(one, "SerializeToString") else one
        if not isinstance(body, bytes):
            msg = f"{one!r} is no reply: a message of protobuf, or bytes"
            raise UsageError(msg)
        found.append(body)
    return found


def _send(call: ServedCall, value: Any) -> None:
    """Answer a call with a failure or with messages."""
    if isinstance(value, Failure):
        call.send_headers(())
        call.finish(value.code, value.details, ())
        return
    call.send_headers(())
    for body in _messages(value):
        call.send(body, None)
    call.finish(OK, "", ())


def _fixed(value: Any) -> Answer:
    if not isinstance(value, Failure):
        # What is wrong with it is said where it is written, not when a call comes.
        value = _messages(value)
    return lambda call, _server: _send(call, value)


def _effect(effect: Any) -> Answer:
    replies: Iterator[Any] | None = iter(effect) if isinstance(effect, (list, tuple)) else None

    def answer(call: ServedCall, server: Any) -> None:
        api.spawn(server.process, run, call, name="stub")

    def run(call: ServedCall) -> None:
        body = call.take() or b""
        try:
            value = next(replies) if replies is not None else effect
            if isinstance(value, BaseException) or (
                isinstance(value, type) and issubclass(value, BaseException)
            ):
                raise value  # noqa: TRY301 - as the service would
            if replies is None and callable(value):
                value = value(body)
            _send(call, _status(value) if _is_status(value) else value)
        except StopIteration:
            _send(call, Failure(UNKNOWN, "meshsim: side_effect has no more replies"))
        except Exception as error:  # noqa: BLE001 - a stub that raises is a service that failed
            _send(call, Failure(UNKNOWN, f"Exception calling application: {error}"))

    return answer
