"""From a path or a dict to a validated document, or to all its mistakes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshsim.core.names import did_you_mean
from meshsim.errors import Mistake, ScenarioError
from meshsim.scenario.fields import Check
from meshsim.scenario.inheritance import SUFFIX, read_scenario, scenario_file
from meshsim.scenario.merging import merge
from meshsim.scenario.nodes import Mapping
from meshsim.scenario.overrides import override_node, split_override
from meshsim.scenario.parties import Parties
from meshsim.scenario.top import check_scenario
from meshsim.scenario.words import Words

__all__ = ["Document", "Source", "load", "mistakes", "override"]

Source = str | os.PathLike[str] | AnyMapping[str, object]


@dataclass(frozen=True, slots=True)
class Document:
    """A scenario without mistakes: what was written (`root`) and what it says (`values`, by section).

    `file` is the scenario file as the user gave it (empty for a dict), `folder` its absolute folder, `case`
    the overlay that was laid over it, `cases` the names of all.
    """

    root: Mapping = field(repr=False)
    values: dict[str, Any] = field(repr=False)
    check: Check = field(repr=False)
    file: str = ""
    folder: Path = Path()
    case: str | None = None
    cases: tuple[str, ...] = ()


def load(
    source: Source,
    case: str | None = None,
    overrides: Iterable[str] = (),
    registry: Words | None = None,
    base: Path | None = None,
) -> Document:
    """Return the validated document of a scenario.

    Args:
        source: a file, a folder that holds `scenario.mesh.yaml`, or a dict.
        case: the overlay to lay over it.
        overrides: `PATH=VALUE` texts, as of `--set`.
        registry: the words that are known, by default those that are installed.
        base: the folder that relative paths of a dict are relative to, by default the current one.

    Raises:
        ScenarioError: with every mistake and its place.

    """
    base = base or Path.cwd()
    whole = read_scenario(source, base)
    root = _with_case(whole, case)
    for text in overrides:
        root = override_node(root, *split_override(text))
    return _validated(root, _file(source), case, base, registry or Words())


def override(document: Document, path: str, value: str) -> Document:
    """Return the document with the value at `path` (`services.orders.concurrency`) replaced by YAML text.

    Raises ScenarioError when the path leads nowhere or what comes out is not valid.
    """
    root = override_node(document.root, path, value)
    return _validated(root, document.file, document.case, document.check.base, document.check.words)


def mistakes(source: Source, registry: Words | None = None, base: Path | None = None) -> list[Mistake]:
    """Return every mistake of a scenario and of each of its cases, in the order of their places."""
    found: set[Mistake] = set()
    try:
        whole = read_scenario(source, base or Path.cwd())
    except ScenarioError as error:
        return list(error.mistakes)
    cases = whole.get("cases")
    names = list(cases.entries) if isinstance(cases, Mapping) else []
    for case in (None, *names):
        try:
            root = _with_case(whole, case)
            _validated(root, _file(source), case, base or Path.cwd(), registry or Words())
        except ScenarioError as error:
            found.update(error.mistakes)
    return sorted(found)


def _file(source: Source) -> str:
    return "" if isinstance(source, AnyMapping) else scenario_file(source)


def _with_case(whole: Mapping, case: str | None) -> Mapping:
    """Lay one of the `cases` over the rest; they stay, so that their form is checked with everything else."""
    if case is None:
        return whole
    cases = whole.get("cases")
    names = list(cases.entries) if isinstance(cases, Mapping) else []
    overlay = cases.get(case) if isinstance(cases, Mapping) else None
    if overlay is None:
        place = whole.place if cases is None else cases.place
        near = did_you_mean(case, names) if names else "; the scenario has no cases"
        raise ScenarioError([Mistake(place, f"there is no case {case!r}{near}")])
    if not isinstance(overlay, Mapping):
        return whole
    wrong: list[Mistake] = []
    merged = merge(whole, overlay, wrong)
    if wrong:
        raise ScenarioError(wrong)
    return merged


def _validated(root: Mapping, file: str, case: str | None, base: Path, words: Words) -> Document:
    check = Check(words, base, Parties())
    values = check_scenario(root, check)
    if check.mistakes:
        raise ScenarioError(check.mistakes)
    folder = Path(file).resolve().parent if file else base.resolve()
    if values["name"] is None:
        name = Path(file).name.removesuffix(SUFFIX) if file else "scenario"
        values["name"] = folder.name if name == "scenario" and file else name
    return Document(root, values, check, file, folder, case, values["cases"])
