"""Answers of a test's own, given instead of a service's: replies, errors, functions, `responses` objects.

A stub stands where the request arrives, on the host that would answer it: the caller's real client, the links
and their faults are all in between. Replies that are data are sent by the hub; a function runs in a task of
the host, because it is user code. Matchers and registries are those of the library `responses`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError
from meshsim.kernel import api
from meshsim.trace.route import StubRoute
from meshsim.transports.http import calls
from meshsim.transports.http.codec import ResponseHead
from meshsim.transports.http.server import Interception, interceptors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meshsim.core.selector import Selector
    from meshsim.transports.http.server import Exchange

    Ask = Callable[[Exchange], Interception | None]

RESET, TIMEOUT = "reset", "timeout"
INTERNAL_ERROR = 500


class Route(StubRoute):
    """What was stubbed, and what has come to it.

    Args:
        selector: which calls.
        answer: makes the interception of a request that is meant, or None to let it pass.
    """

    def __init__(self, selector: Selector, answer: Ask) -> None:
        self._answer = answer
        super().__init__(selector, self._ask, interceptors)

    def _ask(self, exchange: Exchange) -> Interception | None:
        head = exchange.head
        caller = exchange.connection.peer.process.host.name
        operation = f"{head.method} {head.target.partition('?')[0]}"
        if not self.selector.matches(caller, exchange.server.process.host.name, operation):
            return None
        found = self._answer(exchange)
        if found is not None and head.call is not None:
            self.calls.append(head.call)
        return found


def stub(
    selector: Selector,
    *,
    reply: Any = None,
    error: Any = None,
    side_effect: Any = None,
    match: Sequence[Callable[[Any], tuple[bool, str]]] = (),
    registry: Any = None,
) -> Route:
    """Answer calls instead of the service that they are for.

    Args:
        selector: which calls.
        reply: a body (sent with 200), `(status, body)`, `(status, body, headers)`, a response of `requests`,
            `httpx` or `responses`, or a list of `responses` objects.
        error: a status, `"reset"` for a broken connection, or `"timeout"` for no answer at all.
        side_effect: as in `unittest.mock`: a function of the request that returns a reply, an exception
            (answered 500), or an iterable of replies and exceptions, one a call.
        match: matchers of `responses`; a request that one of them refuses goes to the service.
        registry: a registry class of `responses`, for a list of its objects.

    Raises:
        UsageError: more than one of `reply`, `error` and `side_effect` was given.
    """
    given = [
        name
        for name, value in (("reply", reply), ("error", error), ("side_effect", side_effect))
        if value is not None
    ]
    if len(given) > 1 and given != ["reply", "side_effect"]:
        msg = f"mesh.stub got {' and '.join(given)}; one of them says what is answered"
        raise UsageError(msg)
    if side_effect is not None:
        answer = _by_effect(side_effect, reply)
    elif error is not None:
        answer = _by_error(error)
    elif _is_responses(reply):
        answer = _by_registry(reply if isinstance(reply, list) else [reply], registry)
    else:
        # A stub that is given nothing answers 200 with an empty body: it is there.
        sent = Interception(head_of(reply))
        answer = lambda _: sent  # noqa: E731 - the other cases make theirs by a call
    return Route(selector, _matched(match, answer) if match else answer)


def _matched(match: Sequence[Callable[[Any], tuple[bool, str]]], answer: Ask) -> Ask:
    def ask(exchange: Exchange) -> Interception | None:
        request = prepared(exchange)
        return answer(exchange) if all(matcher(request)[0] for matcher in match) else None

    return ask


def _by_error(error: Any) -> Ask:
    if isinstance(error, int):
        sent = Interception(head_of((error, "")))
        return lambda _: sent
    if error == TIMEOUT:
        return lambda _: Interception(drop=True)
    if error == RESET:

        def reset(exchange: Exchange) -> Interception:
            exchange.connection.abort()
            return Interception(drop=True)

        return reset
    msg = (
        f"mesh.stub(error={error!r}): a status, {RESET!r} or {TIMEOUT!r}; an HTTP service has no other errors"
    )
    raise UsageError(msg)


def _by_effect(effect: Any, reply: Any) -> Ask:
    values: Iterator[Any] | None = None
    if not callable(effect) and not _is_error(effect):
        values = iter(effect)

    def next_value(request: Any) -> Any:
        value = effect if values is None else next(values)
        if _is_error(value):
            raise value
        if values is None:
            made = value(request)
            return reply if made is None else made
        return value

    def ask(_: Exchange) -> Interception:
        return Interception(answer=lambda exchange: _run(exchange, next_value))

    return ask


def _is_error(value: object) -> bool:
    return isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException))


def _run(exchange: Exchange, next_value: Callable[[Any], Any]) -> None:
    """Have a task of the answering host call the test's function, and send what it returns."""

    def answer() -> None:
        try:
            head = head_of(next_value(prepared(exchange)))
        except StopIteration:
            head = head_of((INTERNAL_ERROR, "meshsim: side_effect has no more replies"))
        except Exception as error:  # noqa: BLE001 - a stub that raises is a service that failed
            head = head_of((INTERNAL_ERROR, f"{type(error).__name__}: {error}"))
        exchange.send(head)
        calls.handled(exchange.head, head.status)
        exchange.finish()

    api.spawn(exchange.server.process, answer, name="stub")


def _is_responses(reply: Any) -> bool:
    first = reply[0] if isinstance(reply, list) and reply else reply
    return type(first).__module__.partition(".")[0] == "responses" or any(
        kind.__module__.partition(".")[0] == "responses" for kind in type(first).__mro__
    )


def _by_registry(listed: list[Any], registry: Any) -> Ask:
    from responses.registries import FirstMatchRegistry  # noqa: PLC0415 - whoever gives its objects has the library

    chosen = (registry or FirstMatchRegistry)()
    for response in listed:
        chosen.add(response)

    def ask(exchange: Exchange) -> Interception | None:
        request = prepared(exchange)
        found, _ = chosen.find(request)
        if found is None:
            return None
        answered = found.get_response(request)
        body = answered.read(decode_content=False) if hasattr(answered, "read") else b""
        return Interception(_head(answered.status, list(answered.headers.items()), body))

    return ask


def prepared(exchange: Exchange) -> Any:
    """Return a request as `requests` prepares one: what matchers look at, and functions are given."""
    from requests import PreparedRequest  # noqa: PLC0415 - matchers are requests' own

    head = exchange.head
    request = PreparedRequest()
    headers = dict(head.headers)
    host = next(
        (value for name, value in headers.items() if name.lower() == "host"),
        exchange.server.process.host.service,
    )
    request.prepare(method=head.method, url=f"{head.scheme}://{host}{head.target}", headers=headers)
    request.body = b"".join(exchange.chunks) or None
    request.params = {}  # type: ignore[attr-defined]  # responses' query matchers read it
    return request


def head_of(value: Any) -> ResponseHead:
    """Return a reply as it goes over the wire.

    Raises:
        UsageError: the value is no reply.
    """
    if hasattr(value, "status_code") and hasattr(value, "headers"):
        headers = [(name, text) for name, text in value.headers.items() if name.lower() not in _HOP_HEADERS]
        return _head(value.status_code, headers, value.content)
    status, body, headers = 200, value, []
    if isinstance(value, tuple):
        if not value or not isinstance(value[0], int) or len(value) > len(("status", "body", "headers")):
            msg = f"{value!r} is no reply: (status, body) or (status, body, headers)"
            raise UsageError(msg)
        status = value[0]
        body = value[1] if len(value) > 1 else None
        headers = list(dict(value[2]).items()) if len(value) > 2 else []
    kind, raw = _encoded(body)
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", kind))
    return _head(status, headers, raw)


_HOP_HEADERS = frozenset({"content-length", "transfer-encoding", "connection", "content-encoding"})


def _encoded(body: Any) -> tuple[str, bytes]:
    if body is None:
        return "", b""
    if isinstance(body, bytes):
        return "application/octet-stream", body
    if isinstance(body, str):
        return "text/plain; charset=utf-8", body.encode()
    try:
        return "application/json", json.dumps(body).encode()
    except TypeError as error:
        msg = f"{body!r} is no body: text, bytes, or what JSON can say ({error})"
        raise UsageError(msg) from error


def _head(status: int, headers: list[tuple[str, str]], body: bytes) -> ResponseHead:
    if not any(name.lower() == "content-length" for name, _ in headers):
        headers = [*headers, ("Content-Length", str(len(body)))]
    return ResponseHead(status, headers, body)
