"""From expectations to results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshsim.checks import ALWAYS, Result, Verdict, Watched, evaluate, judge, overall
from meshsim.core.selector import parse_selector
from meshsim.errors import Place, UsageError
from meshsim.graph.expect import ExpectSpec

if TYPE_CHECKING:
    from tests.checks.conftest import Run

SECOND = 10**9
PLACE = Place("shop.mesh.yaml", 31, 5)
ORDERS = parse_selector("orders")


def spec(kind: str, **values: object) -> ExpectSpec:
    return ExpectSpec(kind, PLACE, f"{{{kind}: ...}}", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expectation", "verdict"),
    [
        (spec("no_unhandled_errors"), Verdict.PASS),
        (spec("no_work_after_deadline"), Verdict.UNKNOWN),
        (spec("latency", selector=ORDERS, percentiles_ns={"p99": SECOND}), Verdict.PASS),
        (spec("latency", selector=ORDERS, percentiles_ns={"p99": 1}), Verdict.FAIL),
        (spec("latency", selector=ORDERS, percentiles_ns={"p99": 1}, at_least=9), Verdict.UNKNOWN),
        (spec("error_rate", selector=ORDERS, below=0.01), Verdict.PASS),
        (spec("error_rate", selector=parse_selector("stripe"), below=0.01), Verdict.UNKNOWN),
        (spec("amplification", selector=ORDERS, below=3.0), Verdict.PASS),
        (spec("amplification", selector=ORDERS, below=1.0), Verdict.FAIL),
        (spec("calls", selector=ORDERS, times=(1, 1)), Verdict.PASS),
        (spec("calls", selector=ORDERS, times=(2, None)), Verdict.FAIL),
        (spec("calls", selector=ORDERS, times=(1, 1), per="body.id"), Verdict.UNKNOWN),
    ],
)
def test_each_kind_is_judged_by_its_check(run: Run, expectation: ExpectSpec, verdict: Verdict) -> None:
    """Each kind of expectation reaches its check with its parameters, and the result has place and text."""
    run.call()
    result = judge(expectation, run.trace)
    assert result.verdict == verdict
    assert (result.place, result.text) == (PLACE, expectation.text)


def test_may_miss_permits_meeting_nothing_and_nothing_else(run: Run) -> None:
    """may_miss turns a miss into a pass; too few calls stay unknown."""
    run.call()
    absent = parse_selector("stripe")
    met_none = spec("error_rate", selector=absent, below=0.01, may_miss=True)
    too_few = spec("error_rate", selector=ORDERS, below=0.01, at_least=9, may_miss=True)
    assert judge(met_none, run.trace).verdict == Verdict.PASS
    assert judge(too_few, run.trace).verdict == Verdict.UNKNOWN


def test_a_failure_hides_no_other(run: Run) -> None:
    """All expectations are judged, in order, with watched functions by their index."""
    run.call(error="x")
    watched = Watched("checks:f", lambda: False, ALWAYS)
    watched.look(5)
    specs = [
        spec("error_rate", selector=ORDERS, below=0.01),
        spec("always"),
        spec("calls", selector=ORDERS, times=(2, 2)),
    ]
    results = evaluate(specs, run.trace, {1: watched})
    assert [result.verdict for result in results] == [Verdict.FAIL] * 3


def test_an_unknown_kind_is_refused(run: Run) -> None:
    """A kind without a check is an error that lists the known ones, never a silent pass."""
    with pytest.raises(UsageError, match="nothing judges 'delivered'"):
        judge(spec("delivered"), run.trace)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [("", "pass"), ("pass pass", "pass"), ("pass unknown", "unknown"), ("unknown fail pass", "fail")],
)
def test_the_worst_verdict_is_the_runs(verdicts: str, expected: str) -> None:
    """A failure outweighs an unknown, an unknown outweighs every pass."""
    assert overall(Result(Verdict(word), "") for word in verdicts.split()) == expected
