"""What met nothing makes a run unknown, and says what it could have meant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runner.shop import BUYERS, run

UNFIRED = [
    ({"at": "5s", "partition": ["shop", "stock"], "may_miss": False}, "its moment never came"),
    (
        {"at": "1s", "for": "1ms", "refuse": ["stock/0", "stock/1"]},
        "no packet ever passed between stock/0",
    ),
    ({"at": "1s", "crash": "stock", "probability": "0%"}, "its probability said no at each of 1 moments"),
    (
        {"when": "shop -> stock POST /take failed", "crash": "target"},
        "no call that shop -> stock",
    ),
    ({"when": "shop -> stock POST /give replied", "crash": "target"}, "did you mean stock POST /take?"),
    ({"when": "shop -> stock replied", "nth": 1000, "crash": "target"}, "nth: 1000 never came"),
    ({"after_calls": 1000, "crash": "stock"}, "there were fewer than 1000 calls"),
    (
        {"at": "1s", "error": {"to": "stock POST /give", "status": 503}},
        "no such call was answered",
    ),
]


@pytest.mark.parametrize(("fault", "why"), UNFIRED, ids=[why for _, why in UNFIRED])
def test_a_fault_that_met_nothing_makes_the_run_unknown(fault: dict[str, Any], why: str) -> None:
    """Each way of meeting nothing is told with what is near; `may_miss` permits it."""
    words = {name: value for name, value in fault.items() if name != "may_miss"}
    duration: Any = {"duration": None, "workload": [{**BUYERS, "count": 60}]}
    result = run(faults=[words], **duration)
    assert result.verdict == "unknown"
    assert why in result.report()
    assert result.results[-1].place is not None
    assert run(faults=[{**words, "may_miss": True}], **duration).verdict == "pass"


def test_a_link_that_is_quiet_meanwhile_says_so() -> None:
    """Packets passed, but none while the fault acted."""
    workload = [{**BUYERS, "count": 5}]
    result = run(workload=workload, faults=[{"at": "2s", "for": "100ms", "partition": ["shop", "stock"]}])
    assert result.verdict == "unknown"
    assert "packets passed between shop and stock in the run, none" in result.headline


def test_faults_that_fire_are_no_unknown() -> None:
    """Each verb that met something leaves the verdict to the expectations."""
    faults = [
        {"at": "500ms", "for": "100ms", "partition": ["shop", "stock"]},
        {"at": "1s", "crash": "stock/any"},
        {"at": "1s", "for": "1s", "error": {"to": "stock POST /take", "status": 500}},
        {"at": "1s", "for": "1s", "delay": {"to": "shop", "by": "5ms"}},
        {"when": "shop -> stock replied", "nth": 3, "restart": "target"},
    ]
    result = run(faults=faults)
    assert result.verdict == "pass", result.report()
    assert {500} <= {call.status for call in result.trace.requests("shop -> stock")}


def test_a_workload_that_made_no_call_makes_the_run_unknown() -> None:
    """A workload that begins after the run was over is told."""
    late = {**BUYERS, "name": "late", "at": "5s", "count": 1}
    result = run(duration=None, workload=[{"name": "own", "run": lambda mesh: None}, late])
    assert result.workloads["late"] == {"200": 1}
    never = {**BUYERS, "name": "never", "rate": "poisson(0.001/s)"}
    result = run(workload=[BUYERS, never])
    assert result.verdict == "unknown"
    assert result.headline == "unknown: workload never made no call"


def test_a_scenario_that_expects_nothing_is_unknown() -> None:
    """Nothing can have held where nothing was expected."""
    result = run(expect=[])
    assert result.verdict == "unknown"
    assert "expects nothing" in result.headline
    assert run(expect=[], workload=[], faults=[]).verdict == "pass"
