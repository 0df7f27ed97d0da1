"""The changelog is written as it happens: a fragment for each change."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NAME = re.compile(r"(?:\d+|\+[a-z][a-z0-9-]*)\.(?P<kind>[a-z]+)(?:\.\d+)?\.md")
KINDS = {"added", "changed", "fixed", "removed"}
SHORTEST, LONGEST = 40, 600


def mistakes(name: str, text: str) -> list[str]:
    """Return what is wrong with a fragment: its name, or prose that is none."""
    match = NAME.fullmatch(name)
    found = []
    if match is None or match["kind"] not in KINDS:
        found.append(
            f"{name!r} is not ISSUE.KIND.md or +WORD.KIND.md with KIND one of {', '.join(sorted(KINDS))}"
        )
    if re.match(r"\s*(?:[-*#>]|\d+\.)\s", text):
        found.append("starts with a bullet, a heading or a quotation; write a sentence")
    if not SHORTEST <= len(text.strip()) <= LONGEST:
        found.append(f"has {len(text.strip())} characters; one or two sentences have {SHORTEST} to {LONGEST}")
    if not text.rstrip().endswith("."):
        found.append("does not end with a full stop")
    return found


PROSE = "Services may now do something that they could not do before.\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("12.new.md", PROSE),
        ("word.added.md", PROSE),
        ("12.added.md", "- " + PROSE),
        ("12.added.md", "Short.\n"),
        ("12.added.md", PROSE * 20),
        ("12.added.md", PROSE.replace(".", "")),
    ],
)
def test_a_bad_fragment_is_found(name: str, text: str) -> None:
    """A fragment of an unknown kind, a list, a word or an essay is refused, and a sentence is not."""
    assert len(mistakes(name, text)) == 1
    assert mistakes("12.added.md", PROSE) == mistakes("+word.fixed.md", PROSE) == []


def test_each_fragment_can_be_released(root: Path) -> None:
    """Each fragment has a name and a text that can go into the changelog as they are."""
    fragments = sorted(
        path for path in (root / "changes").iterdir() if path.name not in {"README.md", "template.md"}
    )
    assert {path.name: mistakes(path.name, path.read_text()) for path in fragments} == {
        path.name: [] for path in fragments
    }


def test_the_kinds_are_those_of_the_release_tool(root: Path) -> None:
    """The kinds that fragments may have are those that towncrier is told of."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["towncrier"]
    assert {kind["directory"] for kind in settings["type"]} == KINDS
