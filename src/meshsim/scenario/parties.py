"""Who takes part in a scenario, and where two of them meet.

Two HTTP services exchange packets. The clients and the server of a service behind a broker do not: each
exchanges packets with the broker, so that a partition between the two would cut nothing, and silently.
`Parties.meeting` finds those pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshsim.core.names import EVERYONE, TEST_HOST, did_you_mean
from meshsim.scenario.fields import Refused

if TYPE_CHECKING:
    from meshsim.core.selector import Party, Selector
    from meshsim.errors import Place
    from meshsim.scenario.words import AdapterWord

__all__ = ["Parties", "ServiceParty"]


@dataclass(frozen=True, slots=True)
class ServiceParty:
    """A service, as far as others refer to it."""

    place: Place
    adapter: AdapterWord | None
    replicas: int = 1
    brokers: tuple[str, ...] = ()


@dataclass(slots=True)
class Parties:
    """Services and platform services by name, and who calls whom as far as the links say.

    `replicas` counts the hosts of a Redis' replicas by the name that they answer to: `cache-replica`.
    """

    services: dict[str, ServiceParty] = field(default_factory=dict)
    platforms: dict[str, str] = field(default_factory=dict)
    platform_places: dict[str, Place] = field(default_factory=dict)
    masters: dict[str, str] = field(default_factory=dict)
    replicas: dict[str, int] = field(default_factory=dict)
    routes: set[tuple[str, str]] = field(default_factory=set)

    def names(self) -> list[str]:
        """Return every name that a link or a fault may use."""
        return sorted({*self.services, *self.platforms, *self.replicas})

    def check(self, party: Party) -> None:
        """Refuse a party that does not exist, or a replica that there is not."""
        if party.name in (EVERYONE, TEST_HOST):
            return
        service = self.services.get(party.name)
        if service is None and party.name in self.replicas:
            count = self.replicas[party.name]
            if party.index is not None and party.index >= count:
                raise Refused(f"{party} is not there: the last one is {party.name}/{count - 1}")
            return
        if service is None and party.name not in self.platforms:
            raise Refused(
                f"{party.name!r} is neither service nor platform{did_you_mean(party.name, self.names())}"
            )
        replicas = 1 if service is None else service.replicas
        if party.index is not None and party.index >= replicas:
            last = f"{party.name}/{replicas - 1}" if service else party.name
            raise Refused(f"{party} is not there: the last one is {last}")

    def check_selector(self, selector: Selector) -> None:
        """Refuse a selector whose parties do not exist or whose operation its target cannot have."""
        if selector.caller is not None:
            self.check(selector.caller)
        self.check(selector.target)
        operation = selector.operation
        if operation is None:
            return
        service = self.services.get(selector.target.name)
        word = self.platforms.get(selector.target.name)
        speaks_http = word == "external" or (service and service.adapter and service.adapter.http)
        if speaks_http and operation.path is None:
            kind = word or (service and service.adapter and service.adapter.name)
            raise Refused(
                f"{operation.text!r} is no operation of {selector.target.name}, which is {kind}: METHOD /path"
            )
        if service and service.brokers and operation.path is not None:
            raise Refused(
                f"{operation.text!r} is no operation of {selector.target.name}, which answers over a broker: a"
                " name, as place_order"
            )
        if word in ("redis", "redis_sentinel") and operation.path is not None:
            raise Refused(f"{operation.text!r} is no operation of {selector.target.name}: a command, as GET")

    def meeting(self, first: str, second: str) -> str | None:
        """Return the platform service where two parties meet instead of exchanging packets, or None.

        The order matters where the links do not say who calls whom: the consumer stands first.
        """
        for consumer, provider in ((first, second), (second, first)):
            broker = self.broker_between(consumer, provider)
            if broker is None:
                continue
            if self._routed(consumer, provider):
                # The server may still call its client directly, if a link says so.
                return None if (provider, consumer) in self.routes and not self._broker(consumer) else broker
            if self._broker(consumer) is not None or (
                consumer == first and (provider, consumer) not in self.routes
            ):
                return broker
        return None

    def broker_between(self, consumer: str, provider: str) -> str | None:
        """Return the platform service through which `consumer` calls `provider`; None for directly."""
        if EVERYONE in (consumer, provider) or consumer in self.platforms:
            return None
        return self._broker(provider)

    def _routed(self, consumer: str, provider: str) -> bool:
        return (consumer, provider) in self.routes or (EVERYONE, provider) in self.routes

    def _broker(self, name: str) -> str | None:
        """Return where the packets of a service behind a broker really go."""
        service = self.services.get(name)
        if service is None or not service.brokers:
            return None
        return self.masters.get(service.brokers[0], service.brokers[0])
