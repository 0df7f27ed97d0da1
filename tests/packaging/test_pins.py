"""Every version that is tested is pinned, by its name alone."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

MARKER = r'python_version == "3\.\d+"'
PIN = re.compile(
    rf"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[0-9][0-9a-z.+!]*)(?: ; {MARKER}(?: or {MARKER})*)?$"
)


def not_pins(text: str) -> list[str]:
    """Return the lines of a constraints file that are more or less than a name and a version."""
    lines = [line for line in text.splitlines() if line and not line.startswith("# ")]
    return [line for line in lines if not PIN.match(line)]


@pytest.mark.parametrize(
    "line",
    [
        "a>=1",
        "a",
        "a @ https://example.com/a.whl",
        "--index-url https://example.com",
        "a==1 --hash=sha256:00",
        "-r other.txt",
        'a==1 ; sys_platform == "linux"',
    ],
)
def test_more_than_a_pin_is_found(line: str) -> None:
    """An address, a hash, an option, a range or a marker of something else than the Python is no pin."""
    assert not_pins(f"good==1.0\n{line}\n") == [line]


def test_constraints_hold_names_and_versions_only(root: Path) -> None:
    """Each line under constraints/ is a name and a version, for every Python or for some."""
    files = sorted((root / "constraints").iterdir())
    assert files
    assert {file.name: not_pins(file.read_text()) for file in files} == {file.name: [] for file in files}


def test_what_is_installed_is_pinned(root: Path) -> None:
    """The environment that `make` installed holds nothing but what constraints/pins.txt says."""
    if Path(sys.prefix).parent != root:
        pytest.skip("runs in an environment of the reader's own; only those that make installs are pinned")
    python = "{}.{}".format(*sys.version_info)
    pinned = set()
    for line in (root / "constraints" / "pins.txt").read_text().splitlines():
        if (match := PIN.match(line)) and (";" not in line or f'"{python}"' in line):
            pinned.add((match["name"], match["version"]))
    ours = ("meshsim", "pip", "setuptools")
    installed = {
        (re.sub(r"[-_]+", "-", distribution.metadata["Name"]).lower(), distribution.version)
        for distribution in importlib.metadata.distributions()
    }
    assert {pin for pin in installed - pinned if not pin[0].startswith(ours)} == set()
