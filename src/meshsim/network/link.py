"""The standing properties of the way between two parties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_LATENCY_NS = 500_000


@dataclass(frozen=True, slots=True)
class Link:
    """The way between two parties, the same in both directions.

    Attributes:
        sample: draws the latency of a packet, in nanoseconds.
        constant_ns: the latency when it needs no draw, or None.
        loss_probability: of each packet.
        bandwidth_bytes_s: None is unlimited.
    """

    sample: Callable[[Any], int] | None = None
    constant_ns: int | None = DEFAULT_LATENCY_NS
    loss_probability: float = 0.0
    bandwidth_bytes_s: float | None = None


class Links:
    """The links of a world by consumer and provider; the most specific one holds.

    An entry names two parties, either of which may be `*`; `default` is `*` to `*`. Names are those of
    services or of single hosts.
    """

    def __init__(self, default: Link | None = None) -> None:
        self._entries: dict[tuple[str, str], Link] = {}
        self._default = default or Link()

    def add(self, consumer: str, provider: str, link: Link) -> None:
        """Set the link between two parties."""
        self._entries[(consumer, provider)] = link

    def set_default(self, link: Link) -> None:
        """Set the link of all that have none of their own."""
        self._default = link

    def find(self, source: tuple[str, str], target: tuple[str, str]) -> Link:
        """Return the link between two hosts, each given as (name, service)."""
        for one, other in ((source, target), (target, source)):
            for consumer in one:
                for provider in other:
                    link = self._entries.get((consumer, provider))
                    if link is not None:
                        return link
        for one, other in ((source, target), (target, source)):
            for key in [("*", name) for name in other] + [(name, "*") for name in one]:
                link = self._entries.get(key)
                if link is not None:
                    return link
        return self._entries.get(("*", "*"), self._default)
