"""The section `faults`: `{WHEN..., VERB: TARGET}` or `{WHEN..., VERB: {to: TARGET, PARAMETERS}}`."""

from __future__ import annotations

from typing import Any

from meshsim.core.names import did_you_mean
from meshsim.scenario.fields import (
    Check,
    Checked,
    Field,
    Refused,
    check_mapping,
    parse_value,
    source_text,
)
from meshsim.scenario.moments import FILTERS, WHEN, check_moments
from meshsim.scenario.nodes import Mapping, Node, Sequence, describe
from meshsim.scenario.verbs import VERBS, Verb

__all__ = ["check_fault", "check_faults"]

_SHAPE = "{at: 10s, for: 5s, partition: [orders, cache]}"


def check_faults(node: Node, check: Check) -> tuple[Checked, ...]:
    """Check all faults."""
    if not isinstance(node, Sequence):
        raise Refused(f"faults: is a list, not {describe(node)}: [{_SHAPE}]")
    found = (parse_value(check_fault, item, check) for item in node.items)
    return tuple(checked for checked in found if checked is not None)


def check_fault(node: Node, check: Check) -> Checked | None:
    """Check one fault; None when it has no verb to check it by."""
    if not isinstance(node, Mapping):
        raise Refused(f"a fault is a mapping, not {describe(node)}: {_SHAPE}")
    verb = _find_verb(node, check)
    if verb is None:
        return None
    # Keys without a meaning here were reported by the search for the verb, with better words.
    values = check_mapping(
        node, WHEN, check, "a fault", others=[key for key in node.entries if key not in WHEN]
    )
    given = {WHEN[key].into or key for key in node.entries if key in WHEN}
    params = _parameters(verb, node.entries[verb.name].value, check)
    for name in (field.into or field.name for field in FILTERS.values()):
        inner = params.pop(name)
        if inner is not None and name in given:
            check.report(
                node.entries[name].key_place, f"{name}: stands here and inside {verb.name}: keep one"
            )
        values[name] = inner if inner is not None else values[name]
    values["targets"] = params.pop("targets") or ()
    values |= {"verb": verb.name, "params": params}
    check_moments(node, values, verb, check)
    return Checked(node.place, source_text(node), values)


def _find_verb(node: Mapping, check: Check) -> Verb | None:
    """Return the verb of a fault; report none, several, and keys that are neither verb nor moment."""
    verbs = [VERBS[key] for key in node.entries if key in VERBS]
    strangers = [key for key in node.entries if key not in VERBS and key not in WHEN]
    for key in strangers:
        place = node.entries[key].key_place
        owner = next((verb for verb in verbs if key in verb.fields), None)
        if owner is not None:
            check.report(place, f"{key!r} belongs inside: {owner.name}: {{to: ..., {key}: ...}}")
        elif verbs:
            check.report(place, f"a fault has no {key!r}{did_you_mean(key, WHEN)}")
        else:
            check.report(place, f"{key!r} is no verb of a fault{_near(key)}")
    if len(verbs) > 1:
        second = node.entries[verbs[1].name].key_place
        check.report(
            second, f"a fault has one verb, not {' and '.join(verb.name for verb in verbs)}: write two faults"
        )
        return None
    if not verbs and not strangers:
        check.report(node.place, f"a fault lacks its verb: one of {', '.join(sorted(VERBS))}")
    return verbs[0] if verbs else None


def _near(key: str) -> str:
    near = did_you_mean(key, [*VERBS, *WHEN])
    return near if near.startswith("; did") else f"; known: {', '.join(sorted(VERBS))}"


def _parameters(verb: Verb, node: Node, check: Check) -> dict[str, Any]:
    """Return targets, parameters and filters of a verb."""
    fields = {"to": Field("to", verb.target, into="targets", required=True), **verb.fields, **FILTERS}
    if isinstance(node, Mapping):
        values = check_mapping(node, fields, check, f"{verb.name}:")
    else:
        values = {field.into or field.name: field.default for field in fields.values()}
        values["targets"] = parse_value(verb.target, node, check)
    if values["targets"] and (message := verb.refuse(values, check)):
        check.report(node.place, f"{verb.name}: {message}")
    return values
