"""A link: what lies between two parties, and which of several links counts for a pair of hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsim.core.names import EVERYONE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsim.core.latency import Latency
    from meshsim.core.selector import Party
    from meshsim.errors import Place

__all__ = ["LinkSpec", "resolve"]


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """What packets between two parties meet on their way; None where a link says nothing.

    The `default` of a scenario is the link from `*` to `*`.
    """

    consumer: Party
    provider: Party
    latency: Latency | None
    loss_probability: float | None
    bandwidth_bytes_s: int | None
    place: Place
    text: str

    @property
    def rank(self) -> int:
        """How exactly the link names its ends; the provider weighs more, a replica more than a name."""
        return 3 * _exactness(self.provider) + _exactness(self.consumer)

    def matches(self, consumer: str, provider: str) -> bool:
        """Say whether it lies between these two hosts."""
        return self.consumer.matches(consumer) and self.provider.matches(provider)


def resolve(links: Iterable[LinkSpec], consumer: str, provider: str) -> LinkSpec | None:
    """Return the link between two hosts: each value from the most exact link that states it, or None."""
    # Stable: of two that are equally exact the one written last counts, as with every overlay.
    fitting = sorted((link for link in links if link.matches(consumer, provider)), key=lambda link: link.rank)
    if not fitting:
        return None
    latency, loss, bandwidth = None, None, None
    for link in fitting:
        latency = link.latency if link.latency is not None else latency
        loss = link.loss_probability if link.loss_probability is not None else loss
        bandwidth = link.bandwidth_bytes_s if link.bandwidth_bytes_s is not None else bandwidth
    best = fitting[-1]
    return LinkSpec(best.consumer, best.provider, latency, loss, bandwidth, best.place, best.text)


def _exactness(party: Party) -> int:
    if party.name == EVERYONE:
        return 0
    return 1 if party.index is None else 2
