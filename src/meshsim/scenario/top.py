"""The whole scenario: its own keys, and the sections in the order in which they refer to each other."""

from __future__ import annotations

from typing import Any, Final

from meshsim.scenario.expect import check_expect
from meshsim.scenario.faults import check_faults
from meshsim.scenario.fields import Check, Field, Refused, check_mapping, table
from meshsim.scenario.links import check_links
from meshsim.scenario.nodes import Mapping, Node, Scalar, Sequence, describe
from meshsim.scenario.platform import check_platform, register_platform
from meshsim.scenario.references import callable_reference
from meshsim.scenario.services import check_services
from meshsim.scenario.values import duration, epoch, list_of, one_or_list, positive_duration, text, whole
from meshsim.scenario.workload import check_workload

__all__ = ["EPOCH_NS", "check_cases", "check_scenario"]

EPOCH_NS: Final = 1_767_225_600 * 1_000_000_000
"""2026-01-01T00:00:00Z, when virtual time begins unless a scenario says otherwise."""


def _cases(node: Node, check: Check) -> tuple[str, ...]:
    if not isinstance(node, Mapping):
        raise Refused(f"cases: is a mapping, not {describe(node)}: {{slow: {{links: ...}}}}")
    return check_cases(node, check)


def check_cases(node: Mapping, check: Check) -> tuple[str, ...]:
    """Check the form of the overlays; what they change is checked when they are laid over the scenario."""
    for name, place, value in node.items():
        if not name or any(character in name for character in "[]:/ "):
            check.report(place, f"{name!r} cannot name a case: no blank, bracket, colon or slash")
        if not isinstance(value, Mapping):
            check.report(value.place, f"case {name!r} is a mapping, not {describe(value)}: {{links: ...}}")
            continue
        for key in ("cases", "extends"):
            if key in value.entries:
                check.report(
                    value.entries[key].key_place, f"case {name!r} has {key}:, which only a scenario has"
                )
    return tuple(node.entries)


GENERAL: Final = table(
    Field("scenario", text, into="name"),
    Field("seed", whole(0, 2**63 - 1), default=0),
    Field("seeds", whole(1, 1_000_000), default=1),
    Field("epoch", epoch, into="epoch_ns", default=EPOCH_NS),
    Field("duration", positive_duration, into="duration_ns"),
    Field("settle", duration, into="settle_ns"),
    Field("setup", one_or_list(callable_reference), default=()),
    Field("xfail", text),
    Field("marks", list_of(text), default=()),
    Field("cases", _cases, default=()),
)

# Names first, then who refers to them: links say who calls whom, which faults need to know.
SECTIONS: Final = (
    table(Field("services", check_services, default=())),
    table(Field("platform", check_platform, default=())),
    table(Field("links", check_links, default=())),
    table(Field("faults", check_faults, default=())),
    table(Field("workload", check_workload, default=())),
    table(Field("expect", check_expect, default=())),
)
_NAMES: Final = [name for section in SECTIONS for name in section]


def check_scenario(root: Mapping, check: Check) -> dict[str, Any]:
    """Check everything and return the parsed values by section."""
    values = check_mapping(root, GENERAL, check, "a scenario", others=_NAMES)
    check.duration_ns = values["duration_ns"]
    platform = root.get("platform")
    if platform is not None:
        register_platform(platform, check)
    for section in SECTIONS:
        present = {
            key: entry for key, entry in root.entries.items() if key in section and not _is_empty(entry.value)
        }
        values |= check_mapping(Mapping(root.place, present), section, check, "a scenario")
    if not (values["services"] or values["platform"] or check.mistakes):
        check.report(root.place, "a scenario has nothing to run: services: {shop: {wsgi: shop.app:app}}")
    return values


def _is_empty(node: Node) -> bool:
    """Say whether a section has nothing under it: it is not filled in yet, which is no mistake."""
    return (isinstance(node, Scalar) and node.is_null) or (isinstance(node, Sequence) and not node.items)
