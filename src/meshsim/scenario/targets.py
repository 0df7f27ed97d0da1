"""Whom a fault, a trigger, a workload or an expectation means, checked against the parties."""

from __future__ import annotations

from meshsim.core.names import EVERYONE, TEST_HOST, did_you_mean
from meshsim.core.selector import Party, Selector, parse_party, parse_selector
from meshsim.scenario.fields import Check, Parse, Refused
from meshsim.scenario.nodes import Node, Sequence, describe
from meshsim.scenario.values import text

__all__ = ["TRIGGERED", "host", "link", "operation", "selector", "sentinel"]

TRIGGERED = frozenset({"caller", "target"})
"""Hosts that a `when:` brings along: who made the call that triggered, and who got it."""

_ENDS = 2


def selector(node: Node, check: Check) -> Selector:
    """Parse a selector whose parties exist."""
    found = parse_selector(text(node, check))
    check.parties.check_selector(found)
    return found


def operation(node: Node, check: Check) -> tuple[Selector, ...]:
    """Parse a selector of calls that one target answers."""
    found = selector(node, check)
    if found.target.name == EVERYONE:
        raise Refused(f"{found.text!r} names everybody: name the one who answers the call")
    return (found,)


def host(node: Node, check: Check) -> tuple[Selector, ...]:
    """Parse `orders`, `orders/0`, `orders/any`, or `caller` and `target` of a trigger."""
    written = text(node, check)
    if written in TRIGGERED:
        return (Selector(Party(written)),)
    found = parse_selector(written)
    name = found.target.name
    if found.caller is not None or found.operation is not None:
        raise Refused(f"{written!r} is no host: a name, as {name}, {name}/0 or {name}/any")
    if name in (EVERYONE, TEST_HOST):
        raise Refused(f"{written!r} cannot be meant here: name a service")
    check.parties.check(found.target)
    if check.parties.platforms.get(name) == "external":
        raise Refused(
            f"{written!r} is outside and has no host here: refuse or blackhole the connections to it"
        )
    return (found,)


def sentinel(node: Node, check: Check) -> tuple[Selector, ...]:
    """Parse the name of a redis_sentinel."""
    written = text(node, check)
    names = sorted(name for name, word in check.parties.platforms.items() if word == "redis_sentinel")
    if written not in names:
        near = did_you_mean(written, names) if names else "; the platform has none"
        raise Refused(f"{written!r} is no redis_sentinel of the platform{near}")
    return (Selector(Party(written)),)


def link(verb: str) -> Parse:
    """Return a parser of the two ends of a link: `[orders, cache]`, `orders -> cache`, or `orders`.

    A name alone means everything that reaches it. `verb` is for the message when the two meet elsewhere.
    """

    def parse(node: Node, check: Check) -> tuple[Selector, ...]:
        first, second, broker = _pair(node, check) if isinstance(node, Sequence) else _arrow(node, check)
        if broker is not None:
            raise Refused(f"{first} and {second} meet at {broker}; {verb} [{first}, {broker}]")
        if first == second:
            raise Refused(f"both ends are {first}: a link has two")
        return Selector(first), Selector(second)

    return parse


def _pair(node: Sequence, check: Check) -> tuple[Party, Party, str | None]:
    if len(node.items) != _ENDS:
        raise Refused(f"{describe(node)} where the two ends of a link are due: [orders, cache]")
    first, second = (parse_party(text(item, check)) for item in node.items)
    for party in (first, second):
        check.parties.check(party)
    return first, second, check.parties.meeting(first.name, second.name)


def _arrow(node: Node, check: Check) -> tuple[Party, Party, str | None]:
    found = parse_selector(text(node, check))
    if found.operation is not None:
        raise Refused(
            f"{found.text!r} names an operation: a link carries all; delay: and error: know operations"
        )
    check.parties.check_selector(found)
    first, second = found.caller or Party(EVERYONE), found.target
    return first, second, check.parties.broker_between(first.name, second.name)
