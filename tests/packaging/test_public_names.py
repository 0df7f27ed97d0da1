"""What users import is pinned: a name that goes, goes on purpose."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PUBLIC = {
    "meshsim": [
        "BootError",
        "DeadlockError",
        "FenceError",
        "LivelockError",
        "MeshError",
        "ReplayError",
        "ScenarioError",
        "StuckError",
        "UnsettledError",
        "UnsupportedOperation",
        "UsageError",
        "WatchdogError",
        "World",
    ],
}


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_names_are_these(module: str) -> None:
    """`__all__` holds these names and no others, sorted, and each is there."""
    found = importlib.import_module(module)
    assert list(found.__all__) == PUBLIC[module]
    assert [name for name in found.__all__ if not hasattr(found, name)] == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """Names that are found lazily do not make every other name be found."""
    with pytest.raises(AttributeError, match="no attribute 'Wrold'"):
        _ = importlib.import_module("meshsim").Wrold


def test_importing_the_package_imports_no_client_library() -> None:
    """`import meshsim` and its pytest plugin load no library that a room is for."""
    libraries = ("requests", "httpx", "redis", "fakeredis", "flask", "fastapi", "greenlet", "ruamel")
    code = f"import sys, meshsim.pytest_plugin; print([name for name in {libraries} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
