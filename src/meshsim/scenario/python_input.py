"""A Python dict -> nodes, so that `mesh_scenario` and `World` go through the same checks as a file.

A dict has no lines, so its places name the path inside it: `<dict>.services.shop.port:1:1`. Values may be
objects (an app, a function): they are kept as they are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping as AnyMapping

from meshsim.errors import Mistake, Place, ScenarioError
from meshsim.scenario.nodes import Entry, Mapping, Node, Scalar, Sequence
from meshsim.scenario.reading import DEPTH_MAX

__all__ = ["DICT", "from_python"]

DICT = "<dict>"
"""What stands for the file name in the places of a Python dict."""


def from_python(value: object, path: str = DICT, depth: int = 0) -> Node:
    """Return the nodes of a plain Python value. Raises ScenarioError where a dict contains itself."""
    place = Place(path, 1, 1)
    if depth > DEPTH_MAX:
        raise ScenarioError([Mistake(place, f"nested more than {DEPTH_MAX} deep: does it contain itself?")])
    if isinstance(value, AnyMapping):
        entries: dict[str, Entry] = {}
        for key, inner in value.items():
            inner_path = f"{path}.{key}"
            entries[str(key)] = Entry(Place(inner_path, 1, 1), from_python(inner, inner_path, depth + 1))
        return Mapping(place, entries)
    if isinstance(value, list | tuple):
        items = (from_python(inner, f"{path}[{i}]", depth + 1) for i, inner in enumerate(value))
        return Sequence(place, tuple(items))
    if isinstance(value, os.PathLike):
        return Scalar(place, os.fsdecode(value), os.fsdecode(value), plain=False)
    return Scalar(place, _text(value), value, plain=False)


def _text(value: object) -> str:
    """Write a scalar as YAML would."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    return f"<{type(value).__name__}>"
