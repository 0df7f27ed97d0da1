"""What is built is what is meant: one wheel with the types, the licence and the entry points."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tomllib
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = (
    "pytest11",
    "console_scripts",
    "meshsim.adapters",
    "meshsim.platform",
    "meshsim.transports",
    "meshsim.checks",
)
EXTRAS = {"http", "redis", "grpc", "zeromq", "aws", "openapi", "dask", "report", "all", "dev"}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built here without the network."""
    pytest.importorskip(
        "hatchling", reason="the wheel is built where the build tool is installed: make installs it"
    )
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=root, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile, root: Path) -> None:
    """Every module, the mark that it is typed and the licence are in the wheel, and no test."""
    names = set(wheel.namelist())
    modules = {path.relative_to(root / "src").as_posix() for path in (root / "src" / "meshsim").rglob("*.py")}
    assert modules <= names
    assert "meshsim/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"meshsim"}


def test_the_extras_are_these(wheel: zipfile.ZipFile) -> None:
    """A user can ask for each room by its name, for all of them, and for what developing takes."""
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    lines = wheel.read(metadata).decode().splitlines()
    assert {
        line.removeprefix("Provides-Extra: ") for line in lines if line.startswith("Provides-Extra: ")
    } == EXTRAS
    assert "Requires-Python: >=3.11" in lines


def _ours(group: str) -> list[importlib.metadata.EntryPoint]:
    points = importlib.metadata.entry_points(group=group)
    return sorted(point for point in points if point.dist is not None and point.dist.name == "meshsim")


@pytest.mark.parametrize("group", GROUPS)
def test_each_entry_point_loads(group: str) -> None:
    """Every name that meshsim registers is there when it is asked for."""
    assert [point.name for point in _ours(group) if point.load() is None] == []


def test_what_is_installed_registers_what_is_declared(root: Path) -> None:
    """The installed package registers the entry points that pyproject.toml declares."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    declared = {**project["entry-points"], "console_scripts": project["scripts"]}
    assert {"pytest11", "console_scripts"} <= set(declared) <= set(GROUPS)
    for group, entries in declared.items():
        assert {point.name: point.value for point in _ours(group)} == entries, f"{group}: install again"
