"""What no linter asks of the files.

Each law is a function of a text, so that each is seen to find and to pass.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

LONGEST_FILE = 400
VAGUE_NAMES = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}
# Broken by brackets, so that this file does not hold what it forbids.
FORBIDDEN = re.compile(
    r"p[y]pi\.org|python[h]osted|d[e]b\.debian|registry\.n[p]mjs|/r[o]ot/|/w[o]rk/|/t[m]p/w/|/h[o]me/\w|/U[s]ers/\w",
)
UNFINISHED = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X)\b")
RULE = re.compile(r'^\s*"[A-Z]+[0-9]*",?(?P<rest>.*)$')


def forbidden_words(text: str) -> list[str]:
    """Return the lines that name a registry's host or a path of somebody's machine."""
    return [line.strip() for line in text.splitlines() if FORBIDDEN.search(line)]


def unfinished_work(text: str) -> list[str]:
    """Return the lines that put something off."""
    return [line.strip() for line in text.splitlines() if UNFINISHED.search(line)]


def loose_ends(text: str) -> list[str]:
    """Return what is wrong with the blanks of a file: at the ends of lines, and at its end."""
    found = [
        f"line {number}: blanks at its end"
        for number, line in enumerate(text.split("\n"), 1)
        if line != line.rstrip()
    ]
    if text and not text.endswith("\n"):
        found.append("no newline at the end")
    return found


def claimless_tests(text: str) -> list[str]:
    """Return the tests of a file that do not say in one sentence what they hold."""
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [
        node.name
        for node in functions
        if node.name.startswith("test_") and not _is_sentence(ast.get_docstring(node))
    ]


def _is_sentence(docstring: str | None) -> bool:
    return docstring is not None and docstring.split("\n\n")[0].rstrip().endswith((".", "!", "?", ":"))


def rules_without_reason(text: str) -> list[str]:
    """Return the rules that pyproject.toml switches off without saying why on the same line."""
    section = text[text.index("\n[tool.ruff.lint]") : text.index("\n[tool.ruff.format]")]
    entries = [(line, match["rest"]) for line in section.splitlines() if (match := RULE.match(line))]
    return [line.strip() for line, rest in entries if not re.search(r"#\s*\S+\s+\S+", rest)]


def settings_without_reason(text: str) -> list[str]:
    """Return the relaxations of mypy and the silenced warnings that have no comment above them."""
    lines = text.splitlines()
    relaxed = [number for number, line in enumerate(lines) if line.strip() == "[[tool.mypy.overrides]]"]
    found = [lines[number + 2] for number in relaxed if not lines[number + 1].startswith("# ")]
    silenced = [number for number, line in enumerate(lines) if line.strip().startswith('"ignore:')]
    return found + [
        lines[number].strip() for number in silenced if not lines[number - 1].strip().startswith("# ")
    ]


def _everywhere(files: Iterable[Path], root: Path, law: Callable[[str], list[str]]) -> dict[str, list[str]]:
    found = {str(path.relative_to(root)): law(path.read_text(encoding="utf-8")) for path in files}
    return {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize(
    ("law", "broken", "kept"),
    [
        (forbidden_words, "see https://files.python" + "hosted.org", "see the documentation"),
        (forbidden_words, "open('/ro" + "ot/x')", "open('x')"),
        (unfinished_work, "# TO" + "DO: more", "# todos are a word here"),
        (loose_ends, "a \n", "a\n"),
        (loose_ends, "a", ""),
        (claimless_tests, "def test_a():\n    pass\n", 'def test_a():\n    """A holds."""\n'),
        (claimless_tests, 'def test_a():\n    """a"""\n', "def stage(): ...\n"),
    ],
)
def test_each_law_finds_and_passes(law: Callable[[str], list[str]], broken: str, kept: str) -> None:
    """Each law finds what breaks it, and nothing in what keeps it."""
    assert law(broken)
    assert not law(kept)


def test_a_rule_without_a_reason_is_found() -> None:
    """A rule that is off counts as explained only by a comment on its own line."""
    text = '\n[tool.ruff.lint]\nignore = [\n    "D105",\n    "D107", # two words\n]\n\n[tool.ruff.format]\n'
    assert rules_without_reason(text) == ['"D105",']


def test_a_relaxation_without_a_reason_is_found() -> None:
    """An override of mypy or a silenced warning counts as explained only by a comment above it."""
    overrides = '[[tool.mypy.overrides]]\nmodule = ["a"]\nstrict = false\n'
    text = overrides + '[\n"error",\n"ignore:old",\n# why\n"ignore:new",\n]\n'
    assert settings_without_reason(text) == ["strict = false", '"ignore:old",']


# Files that are longer than they should be, and how long they are: they may only shrink, and no name may join.
STILL_LONG = {
    "src/meshsim/kernel/patches/asyncio.py": 456,
    "src/meshsim/kernel/scheduler.py": 478,
    "src/meshsim/transports/tcp/socket.py": 509,
    "src/meshsim/transports/tcp/stream.py": 504,
    "tests/parity/tcp/test_streams.py": 559,
}


def test_no_file_is_long(python_files: list[Path], root: Path) -> None:
    """No Python file has more than 400 lines, but for those that are named and only shrink."""
    lengths = {str(path.relative_to(root)): len(path.read_text().splitlines()) for path in python_files}
    allowed = {name: STILL_LONG.get(name, LONGEST_FILE) for name in lengths}
    assert {name: lines for name, lines in lengths.items() if lines > allowed[name]} == {}
    assert {name for name in STILL_LONG if lengths.get(name, 0) <= LONGEST_FILE} == set()


def test_no_module_has_a_vague_name(python_files: list[Path], root: Path) -> None:
    """No module is called by a word that says nothing of what is in it."""
    names = [path.relative_to(root) for path in python_files]
    assert [str(name) for name in names if VAGUE_NAMES & set(re.split(r"[/_.]", str(name)))] == []


def test_no_forbidden_words(tracked: list[Path], root: Path) -> None:
    """No file names a registry's host or a path of somebody's machine."""
    assert _everywhere(tracked, root, forbidden_words) == {}


def test_nothing_is_put_off(python_files: list[Path], root: Path) -> None:
    """No code says that it is unfinished."""
    assert _everywhere(python_files, root, unfinished_work) == {}


def test_blanks(tracked: list[Path], root: Path) -> None:
    """Every text file ends with a newline, and no line of it with blanks."""
    kept = [path for path in tracked if path.suffix not in {".md", ".txt"}]
    assert _everywhere(kept, root, loose_ends) == {}


def test_each_test_makes_a_claim(python_files: list[Path], root: Path) -> None:
    """The docstring of each test is what it claims."""
    tests = [path for path in python_files if path.name.startswith("test_")]
    assert len(tests) > 1
    assert _everywhere(tests, root, claimless_tests) == {}


def test_each_exception_has_its_reason(root: Path) -> None:
    """Each rule, check and warning that is off has its reason beside it."""
    text = (root / "pyproject.toml").read_text()
    assert rules_without_reason(text) == []
    assert settings_without_reason(text) == []
