"""The repository as it is kept: the files that git knows."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every text file that git tracks, in path order."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git clone; only a clone says which files are kept")
    paths = sorted(ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


@pytest.fixture(scope="session")
def python_files(tracked: list[Path]) -> list[Path]:
    """Every Python file that git tracks, in path order."""
    return [path for path in tracked if path.suffix == ".py"]
