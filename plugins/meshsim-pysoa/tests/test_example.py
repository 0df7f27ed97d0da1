"""The example and the README are true: their commands are run, their scenarios are read."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from meshsim.scenario import load
from meshsim_pysoa.adapter import OPTIONS

PLUGIN: Final = Path(__file__).parents[1]
EXAMPLE: Final = PLUGIN / "example"


def blocks(path: Path, kind: str) -> list[str]:
    """Return the fenced blocks of a document."""
    return re.findall(rf"^```{kind}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Return the commands of the example's README, each with the output that it shows."""
    found = []
    for block in blocks(EXAMPLE / "README.md", "console"):
        for part in block.split("$ ")[1:]:
            command, _, shown = part.partition("\n")
            found.append((command, shown))
    return found


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody in the folder would, with this environment's programs."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        shlex.split(command),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(("command", "shown"), commands(), ids=[command for command, _ in commands()])
def test_the_examples_commands_print_what_its_readme_shows(command: str, shown: str, tmp_path: Path) -> None:
    """Each command of the example's README, run in a copy of it, prints those lines, whatever stands between them."""
    folder = tmp_path / "theatre"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    done = run(command, folder)
    assert done.returncode == int("fail:" in shown), done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    for line in shown.splitlines():
        if line == "...":
            continue
        assert any(
            doctest.OutputChecker().check_output(line + "\n", there + "\n", doctest.ELLIPSIS)
            for there in lines
        ), f"{line!r} is not in\n{done.stdout}{done.stderr}"


def test_the_readme_of_the_example_has_commands_at_all() -> None:
    """The test above does not pass by having nothing to run."""
    assert len(commands()) == 4


def test_the_scenarios_of_the_readme_are_read(tmp_path: Path) -> None:
    """Each piece of scenario in the plugin's README is one, in a folder that has the services it names."""
    for name in ("orders", "billing"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "server.py").write_text("class Server: ...\n")
    pieces = blocks(PLUGIN / "README.md", "yaml")
    assert pieces
    for piece in pieces:
        (tmp_path / "piece.mesh.yaml").write_text(f"scenario: a piece of the README\n{piece}")
        document = load(tmp_path / "piece.mesh.yaml")
        assert document.values["services"]


def test_the_readme_lists_every_option() -> None:
    """The table of options has a row for each option of the adapter, and no other."""
    rows = re.findall(r"^\| `(\w+)` \|", (PLUGIN / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(OPTIONS)


def test_the_install_lines_name_the_pysoa_that_is_tested() -> None:
    """The version in the README is the one that these tests run with, and the plugin's metadata does not ask for it."""
    import importlib.metadata

    version = importlib.metadata.version("pysoa")
    assert f"pysoa=={version}" in (PLUGIN / "README.md").read_text()
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == ["meshsim"]
