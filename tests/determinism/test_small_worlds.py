"""Each boundary of the operating system alone: one hash, whatever carries the tasks and wherever they run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.determinism.small_worlds import CARRIERS, WORLDS, hash_of

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 300

UNDETERMINED = """
from flask import Flask

app = Flask(__name__)


@app.get("/draw")
def draw():
    # Past every name that is patched: nobody's stream, but the machine's.
    with open("/dev/urandom", "rb") as source:
        return source.read(8).hex()
"""
SCENARIO = """
scenario: a service that draws for itself
services: {dice: {wsgi: "dice:app"}}
workload: [{name: players, call: "dice GET /draw", count: 3, rate: 1/s}]
expect: [no unhandled errors]
"""


def run(hash_seed: int) -> dict[str, list[str]]:
    """Run every world twice on each carrier in a process of its own; return the hashes by world."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.determinism.small_worlds"],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    hashes = defaultdict(list)
    for line in done.stdout.splitlines():
        name, _, found = line.split()
        hashes[name].append(found)
    return hashes


@pytest.fixture(scope="module")
def elsewhere() -> list[dict[str, list[str]]]:
    """The hashes of two other processes, whose strings hash otherwise."""
    return [run(1), run(2)]


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_has_one_hash(name: str, elsewhere: list[dict[str, list[str]]]) -> None:
    """Two runs on each carrier in each of two processes, and one amid other tests, are one run."""
    found = [*elsewhere[0][name], *elsewhere[1][name], hash_of(name, "greenlet")]
    assert len(found) == 2 * 2 * len(CARRIERS) + 1
    assert set(found) == {found[0]}


@pytest.mark.parametrize("name", ["threads", "redis", "http", "entropy"])
def test_another_seed_is_another_run(name: str) -> None:
    """What is compared depends on the seed: the hashes are not equal because nothing was drawn."""
    assert hash_of(name, "greenlet", seed=8) != hash_of(name, "greenlet", seed=7)


def test_real_entropy_is_found_and_named(tmp_path: Path) -> None:
    """`--mesh-check-determinism` fails a service that reads the machine's own entropy, and shows where it shows."""
    (tmp_path / "dice.py").write_text(UNDETERMINED)
    (tmp_path / "dice.mesh.yaml").write_text(SCENARIO)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:pysoa_test_plan",
        "dice.mesh.yaml",
    ]
    for options, code in ((["--mesh-check-determinism"], 1), ([], 0)):
        done = subprocess.run(
            [*command, *options],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == code, done.stdout
        told = "the same seed gave two runs; the first event that differs:" in done.stdout
        assert told is bool(options), done.stdout
        if options:
            assert "call replied" in done.stdout.partition("the first event that differs:")[2]
