"""Faults and workloads that met nothing make a run unknown; here is what they could have meant."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from meshsim.checks.nearest import met_nothing
from meshsim.checks.result import failed, missed
from meshsim.core.names import split_host
from meshsim.core.units import format_duration
from meshsim.faults.moments import counts_before
from meshsim.faults.parties import matcher
from meshsim.scenario.verbs import VERBS, Aim
from meshsim.trace.blocks import decode
from meshsim.trace.layout import PACKET

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsim.checks import Result
    from meshsim.faults import Fault
    from meshsim.graph import Trigger
    from meshsim.workloads import Load
    from meshsim.world import World

__all__ = ["missed_faults", "workload_results"]

_SHOWN = 3


def missed_faults(world: World, faults: Iterable[Fault], ends_ns: int) -> list[Result]:
    """Give an unknown for each fault that has not fired and may not miss.

    Args:
        world: the run, still open.
        faults: those that were injected.
        ends_ns: when faults could happen no more.
    """
    found = []
    for fault in faults:
        if fault.fired or fault.spec.may_miss:
            continue
        why, *lines = _why(world, fault, ends_ns)
        result = missed(f"{fault.text} met nothing: {why}", *lines)
        found.append(replace(result, text=fault.spec.text, place=fault.place))
    return found


def _why(world: World, fault: Fault, ends_ns: int) -> tuple[str, ...]:
    """Say why a fault met nothing, and what is near to it."""
    if not fault.occurrences:
        return _never_began(world, fault, ends_ns)
    aim = VERBS[fault.spec.verb].aim
    if aim is Aim.CALLS:
        return ("no such call was answered while it acted", *met_nothing(world.trace, fault.spec.targets[0]))
    if aim is Aim.LINK:
        return _no_packet(world, fault)
    hosts = ", ".join(f"{host.name} {'up' if host.alive else 'down'}" for host in world.kernel.hosts.values())
    return ("nobody that it means was up", f"at the end: {hosts}")


def _never_began(world: World, fault: Fault, ends_ns: int) -> tuple[str, ...]:
    when = fault.spec.when
    if when.trigger is not None and fault.watch is not None:
        return _never_triggered(world, fault, when.trigger, fault.watch.seen)
    if fault.declined:
        return (f"its probability said no at each of {fault.declined} moments",)
    if counts_before(fault.spec):
        wanted = when.after_calls or when.after_messages
        what = "calls" if when.after_calls is not None else "messages"
        return (f"there were fewer than {wanted} {what}",)
    return (f"its moment never came, the run's faults ended at {format_duration(ends_ns)}",)


def _never_triggered(world: World, fault: Fault, trigger: Trigger, seen: int) -> tuple[str, ...]:
    if fault.declined:
        return (f"{trigger.text} happened {seen} times, and its probability said no each time",)
    if seen:
        return (f"{trigger.text} happened {seen} times, nth: {fault.spec.when.nth} never came",)
    calls = world.trace.requests(trigger.selector)
    if not calls:
        return (f"no call was {trigger.selector.text}", *met_nothing(world.trace, trigger.selector))
    how = Counter("answered" if call.answered else "failed" if call.error else "open" for call in calls)
    told = ", ".join(f"{word}: {count}" for word, count in sorted(how.items()))
    return (
        f"no call that {trigger.selector.text} means was {trigger.event}",
        f"{len(calls)} calls, {told}",
    )


def _no_packet(world: World, fault: Fault) -> tuple[str, ...]:
    first, second = (matcher(world.kernel.hosts, target.target) for target in fault.spec.targets)
    pairs = _packets(world)
    between = sum(
        count
        for (source, target), count in pairs.items()
        if (first(source) and second(target)) or (second(source) and first(target))
    )
    ends = " and ".join(str(target) for target in fault.spec.targets)
    if between:
        return (
            f"{between} packets passed between {ends} in the run, none that it could meet while it acted",
        )
    lines = []
    for party, matches in zip(fault.spec.targets, (first, second), strict=True):
        others = Counter[str]()
        for (source, target), count in pairs.items():
            if matches(source) != matches(target):
                others[split_host(target if matches(source) else source)[0]] += count
        ranked = sorted(others.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]
        told = ", ".join(f"{name} ({count})" for name, count in ranked) or "nobody"
        lines.append(f"{party} exchanged packets with {told}")
    return (f"no packet ever passed between {ends}", *lines)


def _packets(world: World) -> Counter[tuple[str, str]]:
    """Count the packets of the run by source and target."""
    hosts = world.recorder.hosts
    counts: Counter[tuple[str, str]] = Counter()
    for block in world.recorder.blocks.all_blocks():
        for record in decode(block):
            if record.code == PACKET:
                counts[hosts[record.numbers[0]], hosts[record.numbers[1]]] += 1
    return counts


def workload_results(loads: Iterable[Load], ends_ns: int, *, whole: bool) -> list[Result]:
    """Give a failure for each workload that went wrong itself, an unknown for each that made no call.

    Args:
        loads: the workloads.
        ends_ns: when they could begin no more.
        whole: whether the run went to its end.
    """
    found = []
    for load in loads:
        spec = load.spec
        if load.failures:
            first = load.failures[0]
            more = f" (and {len(load.failures) - 1} more)" if len(load.failures) > 1 else ""
            error = first.error.partition("\n")[0]
            headline = f"workload {spec.name} failed at {format_duration(first.at_ns)}: {error}{more}"
            result = failed(headline, *first.trace.rstrip().splitlines())
        elif whole and not load.made:
            ended = f"the run's workloads ended at {format_duration(ends_ns)}"
            result = missed(
                f"workload {spec.name} made no call", f"at: {format_duration(spec.at_ns)}, {ended}"
            )
        else:
            continue
        found.append(replace(result, text=spec.text, place=spec.place))
    return found
