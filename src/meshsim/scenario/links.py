"""The section `links`: what lies between parties that exchange packets."""

from __future__ import annotations

from meshsim.core.selector import Party, parse_selector
from meshsim.errors import Place, UsageError
from meshsim.scenario.fields import Check, Checked, Field, Refused, check_mapping, source_text, table
from meshsim.scenario.nodes import Mapping, Node, Scalar, describe
from meshsim.scenario.values import bandwidth, latency, probability

__all__ = ["DEFAULT", "FIELDS", "check_links"]

DEFAULT = "default"

FIELDS = table(
    Field("latency", latency),
    Field("loss", probability, into="loss_probability"),
    Field("bandwidth", bandwidth, into="bandwidth_bytes_s"),
)


def check_links(node: Node, check: Check) -> tuple[Checked, ...]:
    """Check all links and tell `check.parties` who calls whom."""
    if not isinstance(node, Mapping):
        raise Refused(f"links: is a mapping, not {describe(node)}: {{default: {{latency: 1ms}}}}")
    found: list[Checked] = []
    seen: dict[tuple[str, str], Place] = {}
    for key, key_place, value in node.items():
        ends = _ends(key, key_place, check)
        empty = isinstance(value, Scalar) and value.is_null
        inner = Mapping(value.place, {}) if empty else value
        values = check_mapping(inner, FIELDS, check, f"link {key!r}")
        if ends is None:
            continue
        consumer, provider = ends
        pair = (str(consumer), str(provider))
        if pair in seen:
            check.report(key_place, f"{key!r} is the same link as at line {seen[pair].line}: keep one")
        seen.setdefault(pair, key_place)
        check.parties.routes.add((consumer.name, provider.name))
        _refuse_brokered(key_place, consumer, provider, inner, check)
        found.append(
            Checked(
                key_place,
                f"{key}: {source_text(value)}",
                values | {"consumer": consumer, "provider": provider},
            )
        )
    return tuple(found)


def _ends(key: str, place: Place, check: Check) -> tuple[Party, Party] | None:
    if key == DEFAULT:
        return Party("*"), Party("*")
    try:
        return _parse_ends(key, check)
    except (Refused, UsageError) as error:
        check.report(place, str(error))
        return None


def _parse_ends(key: str, check: Check) -> tuple[Party, Party]:
    selector = parse_selector(key)
    if selector.caller is None:
        raise Refused(f'{key!r} is no link: CONSUMER -> PROVIDER, as "* -> {key}", or default')
    if selector.operation is not None:
        raise Refused(
            f"{key!r} names an operation: a link carries all of them; faults know delay: and error:"
        )
    check.parties.check_selector(selector)
    return selector.caller, selector.target


def _refuse_brokered(place: Place, consumer: Party, provider: Party, node: Node, check: Check) -> None:
    """Report values on a link to a service behind a broker: it says who calls; packets flow elsewhere."""
    broker = check.parties.broker_between(consumer.name, provider.name)
    if broker is not None and isinstance(node, Mapping) and node.entries:
        words = ", ".join(node.entries)
        check.report(
            place,
            f"{consumer} and {provider} meet at {broker}, so that no packet passes between them; "
            f"put {words} on {consumer} -> {broker} or {provider} -> {broker}",
        )
