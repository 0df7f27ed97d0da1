"""A validated document -> the graph."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final, TypeVar

from meshsim.core.units import SECOND
from meshsim.errors import ScenarioError
from meshsim.graph.expect import ExpectSpec
from meshsim.graph.fault import FaultSpec, When
from meshsim.graph.graph import Graph
from meshsim.graph.link import LinkSpec
from meshsim.graph.platform import PlatformSpec, ReplySpec, ResponseSpec
from meshsim.graph.service import ServiceSpec
from meshsim.graph.workload import WorkloadSpec
from meshsim.scenario.expect import PERCENTILES
from meshsim.scenario.faults import check_fault
from meshsim.scenario.fields import Check, Checked, parse_value
from meshsim.scenario.python_input import from_python
from meshsim.scenario.top import GENERAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from meshsim.scenario import Document

__all__ = ["build", "build_fault"]

_T = TypeVar("_T")
_WHEN: Final = tuple(field.name for field in fields(When))
_SHORTEST_RUN_NS: Final = 10 * SECOND


def build(document: Document) -> Graph:
    """Return the graph of a validated document."""
    values = document.values
    faults = tuple(_fault(checked) for checked in values["faults"])
    workload = tuple(_spec(WorkloadSpec, checked) for checked in values["workload"])
    general = {field.into or field.name: values[field.into or field.name] for field in GENERAL.values()}
    general["duration_ns"] = _duration_ns(general["duration_ns"], faults, workload)
    return Graph(
        **general,
        file=document.file,
        folder=str(document.folder),
        case=document.case,
        services=tuple(_spec(ServiceSpec, checked) for checked in values["services"]),
        platform=tuple(_platform(checked) for checked in values["platform"]),
        links=tuple(_spec(LinkSpec, checked) for checked in values["links"]),
        faults=faults,
        workload=workload,
        expect=tuple(_expect(checked) for checked in values["expect"]),
    )


def build_fault(document: Document, fault: Mapping[str, object]) -> FaultSpec:
    """Return one more fault, given as a dict in the grammar of the scenario, checked against its parties.

    Keys may end in an underscore where Python needs one (`for_`). An instant verb may leave out its moment,
    which is now. Raises ScenarioError with every mistake.
    """
    check = Check(document.check.words, document.check.base, document.check.parties, at_once=True)
    node = from_python({key.removesuffix("_"): value for key, value in fault.items()})
    checked = parse_value(check_fault, node, check)
    if check.mistakes or checked is None:
        raise ScenarioError(check.mistakes)
    return _fault(checked)


def _spec(kind: Callable[..., _T], checked: Checked) -> _T:
    """Make a dataclass whose fields are named as the parsed values are."""
    return kind(place=checked.place, text=checked.text, **checked.values)


def _platform(checked: Checked) -> PlatformSpec:
    options = dict(checked.values["options"])
    if checked.values["word"] == "external":
        options["responses"] = tuple(map(_response, options["responses"]))
    return PlatformSpec(checked.values["name"], checked.values["word"], options, checked.place, checked.text)


def _response(checked: Checked) -> ResponseSpec:
    replies = tuple(ReplySpec(**reply.values, place=reply.place) for reply in checked.values["replies"])
    return ResponseSpec(checked.values["match"], replies, checked.place)


def _fault(checked: Checked) -> FaultSpec:
    values = checked.values
    return FaultSpec(
        verb=values["verb"],
        when=When(**{name: values[name] for name in _WHEN}),
        targets=values["targets"],
        params=values["params"],
        may_miss=values["may_miss"],
        place=checked.place,
        text=checked.text,
    )


def _expect(checked: Checked) -> ExpectSpec:
    values = dict(checked.values)
    if values["kind"] == "latency":
        stated = {name: values.pop(name) for name in PERCENTILES}
        values["percentiles_ns"] = {
            name: limit_ns for name, limit_ns in stated.items() if limit_ns is not None
        }
    elif values["kind"] == "calls":
        exactly, times = values.pop("exactly"), values.pop("times")
        low, high = values.pop("at_least"), values.pop("at_most")
        values["times"] = times or ((low, high) if exactly is None else (exactly, exactly))
    return ExpectSpec(place=checked.place, text=checked.text, **values)


def _duration_ns(
    stated_ns: int | None, faults: tuple[FaultSpec, ...], workload: tuple[WorkloadSpec, ...]
) -> int | None:
    """Return how long the run is; None leaves it to the workloads.

    A workload that never ends by itself, in a scenario that does not say how long (the smallest useful
    one), runs for twice the time in which faults happen, so that there is as much calm as trouble, and at
    least ten seconds.
    """
    if stated_ns is not None or all(load.ends_itself for load in workload):
        return stated_ns
    return max(2 * max((fault.when.last_ns for fault in faults), default=0), _SHORTEST_RUN_NS)
