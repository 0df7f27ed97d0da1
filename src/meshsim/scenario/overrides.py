"""`--set services.orders.concurrency=16`: one value of a scenario, changed from outside."""

from __future__ import annotations

import re

from meshsim.core.names import did_you_mean
from meshsim.errors import Mistake, Place, ScenarioError
from meshsim.scenario.nodes import Entry, Mapping, Node, Sequence, describe
from meshsim.scenario.reading import read_text

__all__ = ["override_node", "split_override"]

_STEP = re.compile(r'"([^"]*)"|([^."]+)')

_NAMED = ("services", "platform", "cases")
"""Sections whose keys are names: setting a value inside one cannot make it."""


def split_override(text: str) -> tuple[str, str]:
    """Take `PATH=VALUE` apart. Raises ScenarioError when there is no `=`."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        place = Place(f"--set {text}", 1, 1)
        raise ScenarioError([Mistake(place, f"{text!r} is no PATH=VALUE: services.orders.concurrency=16")])
    return path.strip(), value


def override_node(root: Mapping, path: str, value: str) -> Mapping:
    """Return `root` with the value at `path` replaced by what the YAML text `value` says.

    Steps are divided by dots; a name that holds one stands in quotes: `links."a -> b.c".loss`; lists count
    from 0. Raises ScenarioError where the path leads nowhere.
    """
    place = Place(f"--set {path}={value}", 1, 1)
    steps = [match[1] if match[1] is not None else match[2].strip() for match in _STEP.finditer(path)]
    if not steps:
        raise ScenarioError([Mistake(place, f"{path!r} is no path: services.orders.concurrency")])
    new = read_text(value if value.strip() else "null", place.file)
    replaced = _replace(root, steps, new, place, "")
    return replaced if isinstance(replaced, Mapping) else root


def _replace(node: Node, steps: list[str], new: Node, place: Place, walked: str) -> Node:
    if not steps:
        return new
    step, rest = steps[0], steps[1:]
    here = f"{walked}.{step}" if walked else step
    if isinstance(node, Sequence):
        return _replace_item(node, steps, new, place, here)
    if not isinstance(node, Mapping):
        raise ScenarioError([Mistake(place, f"{walked} is {describe(node)}, which has no {step!r} inside")])
    entry = node.entries.get(step)
    if entry is None:
        # A key that is not there yet is for validation to judge; a new service is a misspelt one.
        if rest and walked in _NAMED:
            near = did_you_mean(step, node.entries)
            raise ScenarioError([Mistake(place, f"there is no {step!r} in {walked}{near}")])
        entry = Entry(place, Mapping(place, {}))
    inner = _replace(entry.value, rest, new, place, here)
    return Mapping(node.place, {**node.entries, step: Entry(entry.key_place, inner)}, node.source)


def _replace_item(node: Sequence, steps: list[str], new: Node, place: Place, here: str) -> Node:
    step, last = steps[0], len(node.items) - 1
    if not step.isdecimal() or int(step) > last:
        raise ScenarioError([Mistake(place, f"{here}: the list has items 0 to {last}")])
    items = list(node.items)
    items[int(step)] = _replace(items[int(step)], steps[1:], new, place, here)
    return Sequence(node.place, tuple(items), node.source)
