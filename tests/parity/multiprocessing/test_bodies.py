"""One body, on real processes and on simulated ones: what it sees is the same."""

from __future__ import annotations

import functools
import importlib
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.conftest import Lab
from tests.parity.multiprocessing.bodies import BODIES
from tests.parity.multiprocessing.real import plain

ROOT = Path(__file__).parents[3]
# What exercises threads and locks most; the other bodies run on one carrier.
ON_BOTH = ("exit_codes", "exit_functions", "queues", "locks", "meeting", "executor")
CASES = [
    (carrier, name)
    for carrier in ("greenlet", "thread")
    for name in BODIES
    if carrier == "greenlet" or name in ON_BOTH
]


@functools.cache
def real_results(method: str) -> dict[str, Any]:
    """Return what every body saw of real processes, run once for all tests."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.parity.multiprocessing.real", method],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        # What the children that fail on purpose print.
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
    )
    results: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return results


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize(("carrier", "name"), CASES)
def test_simulated_processes_do_what_real_ones_do(carrier: str, name: str, method: str) -> None:
    """A body sees the same of processes, pipes, queues, locks, memory and pools in both arms."""

    def main() -> Any:
        # The host's own copy, and each child has another: what a body changes there is its process's.
        private = importlib.import_module("tests.parity.multiprocessing.bodies")
        return plain(private.BODIES[name](multiprocessing.get_context(method)))

    with Lab(carrier) as sim:
        found = sim.wait(sim.start(sim.boot("shop/0", [ROOT], ["tests"]), main))
    assert found == real_results(method)[name]
