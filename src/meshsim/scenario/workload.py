"""The section `workload`: who asks the services for what, how often and how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.core.names import did_you_mean
from meshsim.scenario.fields import (
    Check,
    Checked,
    Field,
    Refused,
    check_mapping,
    parse_value,
    source_text,
    table,
)
from meshsim.scenario.nodes import Mapping, Node, Sequence, describe, to_python
from meshsim.scenario.rates import rate
from meshsim.scenario.references import callable_reference
from meshsim.scenario.targets import selector
from meshsim.scenario.values import anything, duration, latency, positive_duration, text, text_map, whole

if TYPE_CHECKING:
    from meshsim.core.selector import Selector
    from meshsim.errors import Place

__all__ = ["FIELDS", "check_workload"]

_SHAPE = '{name: buyers, call: "shop POST /buy", rate: 20/s}'
_MESSAGE = ("body", "json", "params", "headers")


def _call(node: Node, check: Check) -> Selector:
    found = selector(node, check)
    name = found.target.name
    if found.caller is not None:
        raise Refused(
            f"{found.text!r} names a caller: a workload calls from the host test; leave the arrow out"
        )
    if name not in check.parties.services:
        raise Refused(f"{name!r} is no service{did_you_mean(name, check.parties.services)}")
    if found.operation is None:
        service = check.parties.services[name]
        http = service.adapter is not None and service.adapter.http
        raise Refused(
            f"{found.text!r} does not say what is called: {name} {'GET /' if http else 'OPERATION'}"
        )
    return found


def _params(node: Node, check: Check) -> dict[str, Any]:  # noqa: ARG001  every parser has this shape
    plain = to_python(node)
    if not isinstance(plain, dict):
        raise Refused(f"{describe(node)} where parameters are due: {{id: 7}}")
    return plain


FIELDS = table(
    Field("name", text, required=True),
    Field("call", _call),
    Field("run", callable_reference),
    Field("body", anything),
    Field("json", anything),
    Field("params", _params, default={}),
    Field("headers", text_map("headers", lambda key: bool(key.strip())), default={}),
    Field("rate", rate),
    Field("clients", whole(1, 1_000_000)),
    Field("think", latency),
    Field("count", whole(1)),
    Field("at", duration, into="at_ns", default=0),
    Field("for", positive_duration, into="for_ns"),
    Field("until", positive_duration, into="until_ns"),
)


def check_workload(node: Node, check: Check) -> tuple[Checked, ...]:
    """Check all workloads; each has a name of its own."""
    if not isinstance(node, Sequence):
        raise Refused(f"workload: is a list, not {describe(node)}: [{_SHAPE}]")
    names: dict[str, Place] = {}
    found = []
    for item in node.items:
        checked = parse_value(_check_one, item, check)
        if checked is None:
            continue
        name = checked.values["name"]
        if name in names:
            check.report(
                checked.place, f"a workload named {name!r} stands at line {names[name].line} already"
            )
        elif name is not None:
            names[name] = checked.place
        found.append(checked)
    return tuple(found)


def _check_one(node: Node, check: Check) -> Checked:
    if not isinstance(node, Mapping):
        raise Refused(f"a workload is a mapping, not {describe(node)}: {_SHAPE}")
    values = check_mapping(node, FIELDS, check, "a workload")
    there = set(node.entries)
    if len(there & {"call", "run"}) != 1:
        both = "has call: and run:, keep one" if there >= {"call", "run"} else "needs call: or run:"
        check.report(node.place, f"a workload {both}: {_SHAPE}")
    for message, wrong in (
        ("rate: is an open workload, clients: a closed one: keep one", {"rate", "clients"}),
        ("body: and json: both say what is sent: keep one", {"body", "json"}),
        ("for: and until: both say when it ends: keep one", {"for", "until"}),
    ):
        if wrong <= there:
            check.report(node.place, message)
    if "think" in there and "clients" not in there:
        check.report(
            node.entries["think"].key_place, "think: is what clients: do between calls, and there are none"
        )
    if "run" in there and "call" not in there:
        for key in (*_MESSAGE, "rate", "think"):
            if key in there:
                check.report(
                    node.entries[key].key_place, f"{key}: has no meaning with run:, which makes its own calls"
                )
    elif not there & {"rate", "clients", "count"}:
        check.report(node.place, "a workload does not say how often: rate: 20/s, clients: 10, or count: 100")
    _check_end(node, values, check)
    return Checked(node.place, source_text(node), values)


def _check_end(node: Mapping, values: dict[str, Any], check: Check) -> None:
    if values["until_ns"] is not None and values["until_ns"] <= values["at_ns"]:
        check.report(node.entries["until"].key_place, "until: is not after at:, when it begins")
    if check.duration_ns is not None and values["at_ns"] >= check.duration_ns:
        check.report(node.entries["at"].key_place, "at: lies after the duration, so that it never begins")
    if values["rate"] is not None and values["rate"].start_per_s != values["rate"].end_per_s:
        bounded = values["for_ns"] or values["until_ns"] or check.duration_ns
        if not bounded:
            place = node.entries["rate"].value.place
            check.report(
                place,
                f"{values['rate']} is a ramp without an end: for:, until: or duration: says when it is up",
            )
