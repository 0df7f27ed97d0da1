"""A platform service: what the services find already running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsim.core.latency import Latency
    from meshsim.core.operation import Operation
    from meshsim.errors import Place

__all__ = ["PlatformSpec", "ReplySpec", "ResponseSpec"]


@dataclass(frozen=True, slots=True)
class ReplySpec:
    """One answer of an external stub. At most one of `json` and `body` is set."""

    status: int
    json: object
    body: str | None
    headers: Mapping[str, str]
    delay: Latency | None
    place: Place


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    """What an external stub answers to one operation: the replies in order, the last one from then on."""

    match: Operation
    replies: tuple[ReplySpec, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class PlatformSpec:
    """One platform service.

    `options` by word: `redis` has `version`; `redis_sentinel` has `master`, `replicas`, `replication_lag`
    (a Latency or None); `external` has `host` and `responses` (ResponseSpecs); a plugin's word has what was
    written.
    """

    name: str
    word: str
    options: Mapping[str, Any]
    place: Place
    text: str
