"""Who may import which third-party package; import-linter holds the layers of our own (.importlinter).

A client library is imported in the files of its room that replace it, `seam*.py` and `errors.py`, and
nowhere else, so that a scenario loads the rooms it needs and no more. An import for annotations alone loads
nothing, so it is free.
"""

from __future__ import annotations

import ast
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "meshsim"
STANDARD_ONLY = ("core", "trace", "graph", "network", "faults", "workloads", "checks", "report")
# Which files may import a package, by path within src/meshsim, with the reason where it is not a seam.
ALLOWED = {
    "transports/*/seam*.py": "*",
    "transports/*/errors.py": "*",
    "kernel/carriers/greenlet.py": "greenlet",
    "kernel/patches/time.py": "time_machine _time_machine",
    # What follows bound names has to know the clock's own ones.
    "kernel/patches/names.py": "_time_machine",
    "scenario/*.py": "ruamel",
    "plugin/*.py": "pytest",
    # Gives the test real clients, each imported by who asks for it.
    "clients.py": "grpc requests httpx redis zmq",
    # A servicer of a scenario needs a server around it, which is the library's own.
    "services/grpc.py": "grpc",
    # What the two seams of httpx, sync and async, have in common.
    "transports/http/exchange.py": "h11 httpcore",
    # Answers in place of a service, with the matchers of responses, which speak of requests' objects.
    "transports/http/stubs.py": "requests responses",
    # The engine runs Lua for Redis; lupa is no client of anything.
    "transports/redis/scripting.py": "lupa",
}


def third_party(source: str) -> set[str]:
    """Return the packages that a module imports when it runs, but for the standard library and ours."""
    tree = ast.parse(source)
    guards = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    types_only = {child for guard in guards for statement in guard.body for child in ast.walk(statement)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in types_only:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
    return {name.partition(".")[0] for name in found} - set(sys.stdlib_module_names) - {"meshsim"}


def allowed(path: str) -> set[str]:
    """Return the packages that a file may import; "*" stands for any."""
    return {
        package
        for pattern, packages in ALLOWED.items()
        if fnmatch(path, pattern)
        for package in packages.split()
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import redis.asyncio", {"redis"}),
        ("def f():\n    from httpx import Client", {"httpx"}),
        ("if TYPE_CHECKING:\n    import redis\nelse:\n    import flask", {"flask"}),
        ("import os, meshsim.core\nfrom meshsim import errors", set()),
    ],
)
def test_imports_are_found(source: str, expected: set[str]) -> None:
    """Imports are found wherever they stand, and those for annotations are not counted."""
    assert third_party(source) == expected


def test_a_third_party_package_is_imported_where_it_may_be() -> None:
    """Each third-party import of the package stands in a file that is there for it."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        permitted = allowed(name)
        strange = set() if "*" in permitted else third_party(path.read_text()) - permitted
        if strange:
            found[name] = sorted(strange)
    assert found == {}


def test_the_data_packages_need_the_standard_library_only() -> None:
    """What records, judges and describes a run loads nothing but the standard library."""
    for name in STANDARD_ONLY:
        files = sorted((SOURCE / name).rglob("*.py"))
        assert files
        assert {
            path.name: third_party(path.read_text()) for path in files if third_party(path.read_text())
        } == {}


def test_no_permission_is_left_over() -> None:
    """Each permission is used: what nobody imports any more is taken back."""
    paths = {path.relative_to(SOURCE).as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}
    for pattern, packages in ALLOWED.items():
        imported = {
            package
            for name, path in paths.items()
            if fnmatch(name, pattern)
            for package in third_party(path.read_text())
        }
        assert packages == "*" or not set(packages.split()) - imported, pattern


def test_a_platform_service_knows_the_world_in_annotations_only() -> None:
    """No platform service imports the world when it runs: it is handed one."""
    rooms = sorted((SOURCE / "platform").rglob("*.py"))
    assert rooms
    for path in rooms:
        tree = ast.parse(path.read_text())
        running = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "meshsim.world"
        ]
        guarded = [
            node
            for guard in ast.walk(tree)
            if isinstance(guard, ast.If) and ast.unparse(guard.test) == "TYPE_CHECKING"
            for node in guard.body
        ]
        assert all(node in guarded for node in running), path
