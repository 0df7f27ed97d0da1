"""Which hosts a name means: all replicas, one, one that the stream picks, or who took part in a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.core.names import TEST_HOST
from meshsim.core.selector import Party

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from meshsim.core.streams import Stream
    from meshsim.kernel.host import Host
    from meshsim.trace import Call

__all__ = ["TRIGGERED", "hosts_of", "matcher", "meant"]

TRIGGERED = frozenset({"caller", "target"})
"""Names that stand for a host of the call that triggered."""


def matcher(hosts: Mapping[str, Host], party: Party) -> Callable[[str], bool]:
    """Return the predicate over host names that a party is.

    A platform service may have several hosts (a Redis and its replicas): its name means all of them.
    """

    def matches(name: str) -> bool:
        if party.matches(name):
            return True
        host = hosts.get(name)
        return host is not None and party.index is None and host.service == party.name

    return matches


def meant(hosts: Mapping[str, Host], party: Party, stream: Stream) -> Party:
    """Return the party itself, or for `/any` a living replica that the stream picks."""
    if not party.any_replica:
        return party
    fitting = matcher(hosts, party)
    living = [name for name, host in hosts.items() if fitting(name) and host.alive]
    if not living:
        return party
    name = living[stream.choose(len(living))] if len(living) > 1 else living[0]
    service, _, index = name.partition("/")
    return Party(service, int(index)) if index.isdecimal() else Party(name)


def hosts_of(hosts: Mapping[str, Host], party: Party, stream: Stream, call: Call | None) -> list[Host]:
    """Return the hosts that a verb at hosts means now, never the test itself.

    Args:
        hosts: of the world, by name.
        party: whom the fault names.
        stream: picks for `/any`.
        call: the call that triggered, for `caller` and `target`.
    """
    if party.name in TRIGGERED:
        if call is None:
            return []
        found = hosts.get(call.caller if party.name == "caller" else call.target)
        return [found] if found is not None and found.name != TEST_HOST else []
    fitting = matcher(hosts, meant(hosts, party, stream))
    return [host for name, host in hosts.items() if name != TEST_HOST and fitting(name)]
