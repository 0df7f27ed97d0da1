"""The table of fault verbs: what each is aimed at, how long it acts and what parameters it has.

A new verb is one row here and one method of the nemesis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from meshsim.core.names import did_you_mean
from meshsim.scenario.fields import Check, Field, Parse, table
from meshsim.scenario.nodes import Node, Scalar
from meshsim.scenario.targets import host, link, operation, sentinel
from meshsim.scenario.values import anything, duration, flag, latency, text, whole

__all__ = ["VERBS", "Aim", "Span", "Verb"]


class Aim(Enum):
    """What a verb is aimed at."""

    LINK = "a link"
    HOST = "a host"
    CALLS = "calls"
    SENTINEL = "a redis_sentinel"


class Span(Enum):
    """How long a verb acts: at a moment, for a while, or either as the fault says."""

    INSTANT = "instant"
    LASTING = "lasting"
    EITHER = "either"


GRPC_STATUSES: Final = (
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)

Refusal = Callable[[dict[str, Any], Check], str | None]


def _status(node: Node, check: Check) -> int | str:
    """Parse a status: a number of HTTP, or a name of gRPC."""
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.isidentifier():
        return node.value
    number: int = whole(100, 599)(node, check)
    return number


def _nothing_more(values: dict[str, Any], check: Check) -> str | None:  # noqa: ARG001  the shape of a Refusal
    return None


@dataclass(frozen=True, slots=True)
class Verb:
    """One row: `target` parses whom the verb means, `refuse` looks at the parameters together."""

    name: str
    aim: Aim
    span: Span
    target: Parse
    meaning: str
    fields: dict[str, Field] = field(default_factory=dict)
    refuse: Refusal = _nothing_more
    ramps: bool = False


def _one_of(*names: str) -> Refusal:
    """Return a check that exactly one of some parameters is there."""

    def refuse(values: dict[str, Any], check: Check) -> str | None:  # noqa: ARG001  the shape of a Refusal
        there = [name for name in names if values[name] is not None]
        if len(there) == 1:
            return None
        return f"needs one of {' and '.join(f'{name}:' for name in names)}, has {len(there)}"

    return refuse


def _error_fits(values: dict[str, Any], check: Check) -> str | None:
    """Say what is wrong with an error: a status for HTTP and gRPC, a text for Redis, code and message else."""
    if not values["targets"]:
        return None
    name = values["targets"][0].target.name
    service = check.parties.services.get(name)
    word = check.parties.platforms.get(name)
    if service is not None and service.brokers:
        return _error_over_a_broker(name, values)
    if values["code"] is not None or values["message"] is not None:
        return f"code: and message: are for services behind a broker; {name} has {_words_of(word)}"
    if word in ("redis", "redis_sentinel"):
        return _error_of_redis(name, word, values)
    if service is not None and service.adapter is not None and service.adapter.grpc:
        return _error_of_grpc(name, values)
    return _error_of_http(name, values["status"])


def _error_of_http(name: str, status: int | str | None) -> str | None:
    if status is None:
        return f"{name} needs a status:, as 503"
    return (
        f"{name} is not grpc: status: is a number, as 503, not {status!r}"
        if isinstance(status, str)
        else None
    )


def _error_of_grpc(name: str, values: dict[str, Any]) -> str | None:
    status = values["status"]
    if status is None:
        return f"{name} needs a status:, as UNAVAILABLE"
    if status not in GRPC_STATUSES:
        near = did_you_mean(str(status), GRPC_STATUSES)
        return f"{name} is grpc: status: {status!r} is none of gRPC's, as UNAVAILABLE{near}"
    return f"{name} is grpc, which has no json:; text: says more" if values["json"] is not None else None


def _error_of_redis(name: str, word: str, values: dict[str, Any]) -> str | None:
    if word == "redis_sentinel":
        return f"{name} is redis_sentinel: failover it, or aim at the redis behind it"
    if values["status"] is not None or values["json"] is not None:
        return f"{name} is redis, which has no status: and no json:; text: says the error, as LOADING ..."
    return None if values["text"] else f"{name} is redis: text: says the error, as LOADING ..."


def _error_over_a_broker(name: str, values: dict[str, Any]) -> str | None:
    for key in ("status", "json"):
        if values[key] is not None:
            return f"{name} answers over a broker, where an error has no {key}: but code: and message:"
    if values["text"] is not None and values["message"] is not None:
        return "text: and message: are the same: keep one"
    if values["code"] or values["message"] or values["text"]:
        return None
    return f"{name} answers over a broker: code: and message: say the error"


def _words_of(word: str | None) -> str:
    return "text:" if word == "redis" else "status:, with text: or json:"


def _drop_fits(values: dict[str, Any], check: Check) -> str | None:
    """Say what is wrong with a loss: on a connection to Redis no single command can be lost."""
    if not values["targets"]:
        return None
    name = values["targets"][0].target.name
    if (word := check.parties.platforms.get(name)) in ("redis", "redis_sentinel"):
        return f"{name} is {word}: a command on a stream is not lost alone; blackhole or partition the link"
    return None


VERBS: Final = {
    row.name: row
    for row in (
        Verb(
            "partition",
            Aim.LINK,
            Span.LASTING,
            link("partition"),
            "nothing passes, silently",
            table(Field("oneway", flag, default=False)),
        ),
        Verb(
            "latency",
            Aim.LINK,
            Span.LASTING,
            link("latency"),
            "packets take longer",
            table(Field("add", latency), Field("set", latency)),
            _one_of("add", "set"),
            ramps=True,
        ),
        Verb(
            "loss",
            Aim.LINK,
            Span.LASTING,
            link("loss"),
            "a share of the packets is lost, as much as probability: says",
        ),
        Verb("refuse", Aim.LINK, Span.LASTING, link("refuse"), "connections are refused"),
        Verb("reset", Aim.LINK, Span.EITHER, link("reset"), "connections are reset"),
        Verb(
            "blackhole",
            Aim.LINK,
            Span.LASTING,
            link("blackhole"),
            "connections are accepted, nothing answers",
        ),
        Verb("crash", Aim.HOST, Span.INSTANT, host, "every task of the host dies at once"),
        Verb("terminate", Aim.HOST, Span.INSTANT, host, "SIGTERM; the service shuts down itself"),
        Verb("pause", Aim.HOST, Span.LASTING, host, "the host stands still, its connections stay"),
        Verb("restart", Aim.HOST, Span.INSTANT, host, "the host crashes and boots again"),
        Verb(
            "failover",
            Aim.SENTINEL,
            Span.INSTANT,
            sentinel,
            "a replica becomes the master",
            table(Field("lose", duration, into="lose_ns", default=0)),
        ),
        Verb(
            "error",
            Aim.CALLS,
            Span.LASTING,
            operation,
            "calls are answered by an error",
            table(
                Field("status", _status),
                Field("text", text),
                Field("json", anything),
                Field("code", text),
                Field("message", text),
            ),
            _error_fits,
        ),
        Verb(
            "delay",
            Aim.CALLS,
            Span.LASTING,
            operation,
            "calls are held up before they are answered",
            table(Field("by", latency)),
            _one_of("by"),
        ),
        Verb(
            "drop",
            Aim.CALLS,
            Span.LASTING,
            operation,
            "requests are lost: nobody sees or answers them",
            {},
            _drop_fits,
        ),
    )
}
