"""Which replies are sets, maps, doubles or null arrays: the engine gives plain lists for many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.transports.redis.codec import NULL_ARRAY, MapReply, SetReply

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SHAPES"]


def _as_set(reply: Any) -> Any:
    return SetReply(reply) if isinstance(reply, (list, set, tuple)) else reply


def _as_map(reply: Any) -> Any:
    return MapReply(reply) if type(reply) is list else reply


def _or_null_array(reply: Any) -> Any:
    return NULL_ARRAY if reply is None else reply


SHAPES: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("smembers", "sinter", "sunion", "sdiff"), _as_set),
    **dict.fromkeys(("hgetall", "config get", "xinfo consumers"), _as_map),
    **dict.fromkeys(("lmpop", "blmpop", "zmpop", "bzmpop", "xread", "xreadgroup"), _or_null_array),
}
"""What makes of the engine's reply the type that Redis gives; commands that are not here reply as they are."""
