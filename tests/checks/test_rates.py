"""Error rates and amplification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshsim.checks.amplification import amplification_below
from meshsim.checks.error_rate import error_rate_below
from meshsim.checks.result import Verdict
from meshsim.core.selector import parse_selector

if TYPE_CHECKING:
    from tests.checks.conftest import Run

ORDERS = parse_selector("orders")


@pytest.mark.parametrize(
    ("errors", "below", "verdict"),
    [(0, 0.01, Verdict.PASS), (0, 0.0, Verdict.PASS), (1, 0.01, Verdict.FAIL), (1, 0.02, Verdict.PASS)],
)
def test_the_share_of_failed_calls(run: Run, errors: int, below: float, verdict: Verdict) -> None:
    """A share under the limit passes, one at the limit fails; no error at all passes under any."""
    for _ in range(100 - errors):
        run.call()
    for _ in range(errors):
        run.call(error="ConnectionError(refused)")
    assert error_rate_below(run.trace, ORDERS, below).verdict == verdict


def test_an_error_rate_tells_what_the_errors_were(run: Run) -> None:
    """The failure counts the errors by kind and shows the first."""
    run.call()
    run.call(status=503)
    run.call(error="ReadTimeout: orders/0 did not answer")
    run.call(error="ReadTimeout: orders/1 did not answer")
    result = error_rate_below(run.trace, ORDERS, 0.5)
    assert result.headline == "orders: error rate 75.00%, not below 50.00%"
    assert result.lines == ("3 of 4 calls failed: 75.00% (must be below 50.00%)", "ReadTimeout: 2, 503: 1")
    assert [call.id for call in result.evidence] == [2, 3, 4]  # type: ignore[union-attr]


def test_an_error_rate_over_nothing_is_unknown(run: Run) -> None:
    """No call, or none that ended, shows no rate."""
    assert error_rate_below(run.trace, ORDERS, 0.5).lines == ("no calls were made at all",)
    run.recorder.call_sent("http", "shop/0", "orders", "POST /orders")
    result = error_rate_below(run.trace, ORDERS, 0.5)
    assert result.verdict == Verdict.UNKNOWN
    assert result.lines == ("1 calls are still open",)


def handled_with(run: Run, attempts: int) -> None:
    """A call to the shop, whose handler needs so many attempts at orders."""
    parent = run.call("test -> shop", "POST /checkout")
    for _ in range(attempts):
        run.call("shop/0 -> orders", parent=parent, body={"sku": "a"})


def test_one_call_for_each_piece_of_work_is_no_amplification(run: Run) -> None:
    """Handlers that call once each have a factor of 1, though bodies are alike."""
    for _ in range(10):
        handled_with(run, 1)
    result = amplification_below(run.trace, ORDERS, 1.1)
    assert result.verdict == Verdict.PASS
    assert result.lines == ("10 calls for 10 pieces of work: 1.00 each (must be below 1.1), at most 1",)


def test_retries_amplify(run: Run) -> None:
    """Attempts of one handler at one operation with one body are one piece of work; the worst is shown."""
    handled_with(run, 1)
    handled_with(run, 5)
    result = amplification_below(run.trace, ORDERS, 3)
    assert result.verdict == Verdict.FAIL
    assert result.headline == "orders: 3.00 calls for each piece of work, not below 3"
    assert len(result.evidence) == 5


def test_different_bodies_are_different_work(run: Run) -> None:
    """A handler that orders three things does three pieces of work."""
    parent = run.call("test -> shop", "POST /checkout")
    for sku in "abc":
        run.call("shop/0 -> orders", parent=parent, body={"sku": sku})
    assert amplification_below(run.trace, ORDERS, 1.5).verdict == Verdict.PASS


def test_calls_of_a_workload_belong_together_by_origin_only(run: Run) -> None:
    """Calls without a parent are work by themselves, unless they name one origin."""
    for _ in range(3):
        run.call("test -> orders", body={"sku": "a"})
    assert amplification_below(run.trace, ORDERS, 1.5).verdict == Verdict.PASS
    for _ in range(9):
        run.call("test -> orders", body={"sku": "a"}, origin="shopper 7")
    assert amplification_below(run.trace, ORDERS, 1.5).verdict == Verdict.FAIL


def test_amplification_of_nothing_is_unknown(run: Run) -> None:
    """Without a call there is no factor."""
    assert amplification_below(run.trace, ORDERS, 3).verdict == Verdict.UNKNOWN
