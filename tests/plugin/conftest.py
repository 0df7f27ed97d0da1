"""A project of somebody's, with a shop and its stock, and pytest run in it as its own process."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import NoReturn

import flask  # noqa: F401 - so that forks have it
import hypothesis  # noqa: F401 - so that forks have it
import pytest
import requests  # noqa: F401 - so that forks have it

import meshsim.plugin.items
import meshsim.runner
import meshsim.world  # noqa: F401 - so that forks have it

# How long a pytest may take in a project; it takes seconds.
PATIENCE_S = 300
SHOP = """
import requests
from flask import Flask

app = Flask(__name__)


@app.post("/buy")
def buy():
    try:
        return requests.post("http://stock/take", timeout=0.2).json()
    except requests.RequestException:
        return {"error": "no stock"}, 503
"""
STOCK = """
import itertools
import time

from flask import Flask

app = Flask(__name__)
taken = itertools.count(1)


@app.post("/take")
def take():
    return {"taken": next(taken)}


@app.get("/hour")
def hour():
    time.sleep(3600)
    return {"slept": True}
"""
SCENARIO = """
scenario: the shop sells
services:
  shop:  {wsgi: "shop:app", path: ./services}
  stock: {wsgi: "stock:app", path: ./services}
duration: 2s
workload:
  - {name: buyers, call: "shop POST /buy", json: {sku: a-1}, rate: 10/s}
expect:
  - no unhandled errors
  - {error_rate: shop, below: 1%}
"""
OUTAGE = """faults:
  - {at: 500ms, for: 1s, partition: [shop, stock]}
"""
MISSES = """faults:
  - {at: 500ms, for: 100ms, error: {to: "stock GET /never", status: 503}}
"""
EMPTY_FOLDER = 'scenario: nobody calls\nservices:\n  stock: {wsgi: "stock:app", path: ./services}\n'


@dataclass(frozen=True)
class Ran:
    """What a process came to."""

    code: int
    out: str

    @property
    def lines(self) -> list[str]:
        """What it printed, line by line."""
        return self.out.splitlines()

    def line(self, start: str) -> str:
        """Return the one line that begins so, whatever blanks stand before it."""
        found = [line.strip() for line in self.lines if line.strip().startswith(start)]
        assert len(found) == 1, f"{len(found)} lines begin with {start!r}:\n{self.out}"
        return found[0]


class Project:
    """A folder with services, scenarios and tests.

    Args:
        folder: where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("pytest.ini", "[pytest]\naddopts = -p no:pysoa_test_plan -p no:cacheprovider\n")
        self.write("services/shop.py", SHOP)
        self.write("services/stock.py", STOCK)
        self.scenario("shop")

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    def scenario(self, name: str, more: str = "", **replaced: str) -> Path:
        """Write the shop's scenario, with more words and with some of its texts replaced."""
        text = SCENARIO
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        return self.write(f"{name}.mesh.yaml", text + more)

    def ini(self, *lines: str) -> None:
        """Add lines to the ini file."""
        with (self.folder / "pytest.ini").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def pytest(self, *arguments: str, **env: str) -> Ran:
        """Run pytest here, in a fork of this process: what it imports is imported already."""
        out = self.folder / "out.txt"
        pid = os.fork()
        if pid == 0:
            _be_pytest(self.folder, out, arguments, env)
        return Ran(_ended(pid), out.read_text(encoding="utf-8"))

    def run(self, *command: str, timeout_s: float = 120, **env: str) -> Ran:
        """Run a command here."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={**_environment(), **env},
        )
        return Ran(done.returncode, done.stdout + done.stderr)


def _ended(pid: int) -> int:
    """Wait for a child and return its exit code; one that never ends is killed, and says so by its code."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -signal.SIGKILL


def _environment() -> dict[str, str]:
    """Return the environment, without what this pytest itself was told, and with its Python in front."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    # With CI or BUILD_NUMBER set, pytest's summary repeats the whole failure text.
    for name in ("PYTHONHASHSEED", "CI", "BUILD_NUMBER"):
        kept.pop(name, None)
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"}


def _nothing() -> None:
    """Do nothing."""


def _be_pytest(folder: Path, out: Path, arguments: tuple[str, ...], env: dict[str, str]) -> NoReturn:
    """Be another pytest from here on; never returns."""
    code = -1
    # What the worker left is not collected here: a finalizer that joins its thread would do so for ever, for a fork
    # has none of the threads. A world thaws what it froze, so that is off as well.
    gc.freeze()
    gc.unfreeze = _nothing
    try:
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
        kept = {**_environment(), **env}
        os.environ.clear()
        os.environ.update(kept)
        os.chdir(folder)
        warnings.resetwarnings()
        # The outer pytest's importer would rewrite the inner one's tests.
        sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "AssertionRewritingHook"]
        code = int(pytest.main(list(arguments)))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project of its own for each test."""
    return Project(tmp_path)
