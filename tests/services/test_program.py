"""The `python` adapter: functions, coroutines, modules and scripts as programs of a host."""

from __future__ import annotations

import asyncio
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import UsageError
from meshsim.services.program import ADAPTER

if TYPE_CHECKING:
    from pathlib import Path

    from meshsim.kernel.task import Task
    from tests.transports.http.small_world import SmallWorld


def boot(world: SmallWorld, **target: Any) -> Task:
    """Boot a program on a host and give it a second."""
    process = world.process("clock", None)
    if "folder" in target:
        world.simulation.give_modules(process, [str(target["folder"])])
    named = {"value": None, "module": None, "attribute": None, "script": None, **target}
    spec = SimpleNamespace(name="clock", adapter="python", target=SimpleNamespace(**named))
    task = world.main(process, ADAPTER.boot, world, process.host, spec)
    time.sleep(1)
    return task


def test_a_function_is_called(world: SmallWorld) -> None:
    """A blocking function runs as the host's program, on virtual time."""
    steps = []

    def program() -> None:
        time.sleep(0.5)
        steps.append(round(world.now_s, 1))

    task = boot(world, value=program)
    assert task.error is None
    assert steps == [0.5]


def test_a_coroutine_function_gets_a_loop(world: SmallWorld) -> None:
    """An asynchronous function runs on a loop of its own."""
    steps = []

    async def program() -> None:
        await asyncio.sleep(0.5)
        steps.append(round(world.now_s, 1))

    assert boot(world, value=program).error is None
    assert steps == [0.5]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a script, a module and a package that note how they were run."""
    text = "import sys, helper\nhelper.runs.append((__name__, __package__, __file__ is not None))\n"
    (tmp_path / "helper.py").write_text("runs = []\n")
    (tmp_path / "program_file.py").write_text(text)
    package = tmp_path / "program_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("from . import __name__ as parent\n" + text)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "package"),
    [
        ({"script": "program_file.py"}, None),
        ({"module": "program_file"}, ""),
        ({"module": "program_package"}, "program_package"),
    ],
)
def test_a_program_runs_as_main(
    world: SmallWorld, folder: Path, target: dict[str, str], package: str | None
) -> None:
    """A script, a module and a package run under the name `__main__`, with the host's private modules."""
    target = {kind: str(folder / name) if kind == "script" else name for kind, name in target.items()}
    outside = sys.modules["__main__"]
    task = boot(world, folder=folder, **target)
    assert task.error is None
    assert sys.modules["__main__"] is outside
    assert "helper" not in sys.modules
    assert task.process.modules.modules["helper"].runs == [("__main__", package, True)]


def test_a_missing_attribute_is_named(world: SmallWorld) -> None:
    """A name that a module does not have is an error that says so."""
    task = boot(world, module="json", attribute="lods")
    assert isinstance(task.error, UsageError)
    assert "the module json has no 'lods'" in str(task.error)


def test_a_package_without_main_is_no_program(world: SmallWorld) -> None:
    """A package without `__main__` cannot be run, and the error says so."""
    task = boot(world, module="email")
    assert isinstance(task.error, UsageError)
    assert "cannot be run as a program" in str(task.error)


SCRIPT = """
import multiprocessing, sys

context = multiprocessing.get_context("METHOD")
runs = []


class Thing:
    def __init__(self, number):
        self.number = number


def work(conn, thing):
    runs.append("child")
    conn.send((Thing(thing.number + 1), __name__, len(runs), sys.modules["__main__"].work is work))


GUARD
    runs.append("parent")
    ours, theirs = context.Pipe()
    child = context.Process(target=work, args=(theirs, Thing(1)))
    child.start()
    thing, name, count, same = ours.recv()
    child.join()
    seen = (type(thing) is Thing, thing.number, name, count, same, runs, child.exitcode)
"""


@pytest.mark.parametrize(
    ("method", "guard", "seen"),
    [
        ("fork", "if True:", (True, 2, "__main__", 2, True, ["parent"], 0)),
        ("spawn", 'if __name__ == "__main__":', (True, 2, "__mp_main__", 1, True, ["parent"], 0)),
    ],
)
def test_a_script_starts_processes_of_its_own_functions(
    world: SmallWorld, tmp_path: Path, method: str, guard: str, seen: Any
) -> None:
    """What a script defines in `__main__` crosses both ways; a fork goes on without running the script again."""
    script = tmp_path / "job.py"
    script.write_text(SCRIPT.replace("METHOD", method).replace("GUARD", guard))
    runner = sys.modules["__main__"]
    task = boot(world, script=str(script), folder=tmp_path)
    assert task.error is None
    assert task.process.tables["app"].seen == seen
    assert sys.modules["__main__"] is runner
