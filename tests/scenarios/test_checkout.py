"""scenarios/checkout: the shop holds, and each of its expectations finds the mistake that it is there for."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from meshsim.checks import Verdict
from meshsim.runner import run_document
from meshsim.scenario import load

pytest.importorskip("pysoa", reason="PySOA is not installed")
pytest.importorskip("meshsim_pysoa", reason="plugins/meshsim-pysoa is not installed")

if TYPE_CHECKING:
    from meshsim.checks import Result

CHECKOUT = Path(__file__).parents[2] / "scenarios" / "checkout"
MUTANTS = CHECKOUT / "mutants.mesh.yaml"
TIMEOUT_S = 600


def results(case: str | None) -> dict[str, Result]:
    """Run the short day, or a case of it, and return the results by the expectations' texts."""
    return {result.text: result for result in run_document(load(MUTANTS, case)).results}


def test_the_short_day_holds() -> None:
    """Without a mistake in it nothing fails and nothing is unknown: the control of the cases below."""
    found = results(None)
    assert {text: result.headline for text, result in found.items() if result.verdict != Verdict.PASS} == {}
    assert len(found) == len(load(MUTANTS).values["expect"])


@pytest.mark.parametrize(
    ("case", "expectation", "headline"),
    [
        ("no-retries", "error_rate", "error rate"),
        ("no-wait", "eventually", "accepted orders are not shipped"),
        ("no-look-at-the-shelf", "always", "-1 x scarce are left"),
        ("no-look-at-the-order", "eventually", "orders are shipped more than once"),
        ("unknown-mail-provider", "no unhandled errors", "storefront/0: thread mailer: FenceError"),
        ("slow-links", "latency", "p50 is"),
    ],
)
def test_each_expectation_finds_its_mistake(case: str, expectation: str, headline: str) -> None:
    """A mistake in a service, or a worse network, fails the expectation that is there to find it."""
    found = {text: result for text, result in results(case).items() if expectation in text}
    assert [result.verdict for result in found.values()] == [Verdict.FAIL]
    assert headline in next(iter(found.values())).headline


def test_the_cases_are_all_tested() -> None:
    """No case of the file is left out above."""
    mark = test_each_expectation_finds_its_mistake.pytestmark[0]  # type: ignore[attr-defined]
    assert [row[0] for row in mark.args[1]] == list(load(MUTANTS).cases)


def run_pytest(folder: Path, *words: str) -> tuple[str, str, str]:
    """Run pytest in a process of its own; returns its output, and hash and message of the one run in it."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-p", "no:pysoa_test_plan", "-p", "no:cacheprovider", *words]
    done = subprocess.run(
        [*command, f"--junitxml={report}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    (case,) = ET.parse(report).getroot().iter("testcase")
    properties = {entry.get("name"): entry.get("value") for entry in case.iter("property")}
    failure = case.find("failure")
    return done.stdout, str(properties["mesh.trace_hash"]), "" if failure is None else str(failure.text)


def test_without_retries_it_fails_and_the_printed_command_replays_exactly_that(tmp_path: Path) -> None:
    """The command of the report gives the same hash and the same report, from the file that it names."""
    shutil.copytree(CHECKOUT, tmp_path / "checkout", ignore=shutil.ignore_patterns("__pycache__"))
    output, first, message = run_pytest(tmp_path, "--mesh-scenario=checkout/mutants.mesh.yaml::no-retries")
    assert "1 failed" in output
    (line,) = {line for line in message.splitlines() if line.strip().startswith("replay: ")}
    words = shlex.split(line.partition("replay: ")[2])
    assert words.pop(0) == "pytest"
    output, again, replayed = run_pytest(tmp_path, *words)
    assert "1 failed" in output
    assert again == first
    assert replayed == message
