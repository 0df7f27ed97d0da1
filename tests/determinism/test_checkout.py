"""scenarios/checkout is the same run everywhere: its trace hash is written down beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

pytest.importorskip("pysoa", reason="PySOA is not installed")
pytest.importorskip("meshsim_pysoa", reason="plugins/meshsim-pysoa is not installed")

CHECKOUT = Path(__file__).parents[2] / "scenarios" / "checkout"
EXPECTED = CHECKOUT / "trace-hash"
TIMEOUT_S = 600

PROGRAM = """
import sys
from meshsim.runner import run_document
from meshsim.scenario import load

for carrier in sys.argv[2:]:
    result = run_document(load(sys.argv[1]), carrier=carrier)
    print(result.verdict, result.hash, flush=True)
"""


def hashes(scenario: str, hash_seed: int, *carriers: str) -> list[str]:
    """Run a scenario once on each carrier, one after the other in one new process; returns verdicts and hashes."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(CHECKOUT / scenario), *carriers],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    return done.stdout.splitlines()


def other_libraries(lines: list[str]) -> list[str]:
    """Name the libraries that are not those that the hash was made with."""
    found = []
    for line in lines:
        name, _, wanted = line.partition(" ")
        try:
            here = version(name)
        except PackageNotFoundError:
            here = "none"
        if here != wanted:
            found.append(f"{name} is {here} and was {wanted}")
    return found


def test_the_trace_hash_is_the_one_that_is_written_down() -> None:
    """This Python gives the hash of `trace-hash`, as every other does that has the same libraries."""
    expected, *libraries = EXPECTED.read_text().splitlines()
    if others := other_libraries(libraries):
        pytest.skip(f"the hash was made with other libraries: {', '.join(others)}")
    assert hashes("scenario.mesh.yaml", 1, "greenlet") == [f"pass {expected}"]


def test_carriers_worlds_and_hash_seeds_change_nothing() -> None:
    """Greenlets, then threads in one process, and greenlets in another: one hash."""
    first = hashes("mutants.mesh.yaml", 2, "greenlet", "thread")
    other = hashes("mutants.mesh.yaml", 3, "greenlet")
    assert {*first, *other} == {first[0]}
    assert len([*first, *other]) == 3
    assert first[0].startswith("pass ")
