"""How often a target was reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshsim.checks.calls import Times, calls_are
from meshsim.checks.result import Verdict
from meshsim.core.selector import parse_selector

if TYPE_CHECKING:
    from tests.checks.conftest import Run

CHARGE = parse_selector("worker -> stripe POST /v1/charges")
ONCE = Times(1, 1)


def charge(run: Run, order: int | None, *, reached: bool = True) -> None:
    body = {"amount": 5} if order is None else {"order_id": order}
    run.call("worker/0 -> stripe", "POST /v1/charges", body=body, reached=reached)


def test_each_value_once_passes(run: Run) -> None:
    """Every group fits: pass, with how many groups have how many calls."""
    for order in range(5):
        charge(run, order)
    result = calls_are(run.trace, CHARGE, ONCE, per="body.order_id")
    assert result.verdict == Verdict.PASS
    assert result.lines == ("5 order_id: 1 (expected 1)",)


def test_a_value_twice_fails_with_both_calls_and_the_other_groups(run: Run) -> None:
    """A group that does not fit fails, shows its calls, and tells how the others are."""
    for order in [15, 16, 17, 17, 18]:
        charge(run, order)
    result = calls_are(run.trace, CHARGE, ONCE, per="body.order_id")
    assert result.verdict == Verdict.FAIL
    assert result.headline == "worker -> stripe POST /v1/charges: 2 calls for order_id=17, expected 1"
    assert result.lines == ("order_id=17: 2 calls (expected 1); 3 other order_id: 1",)
    assert [call.id for call in result.evidence] == [3, 4]  # type: ignore[union-attr]


def test_a_request_that_was_lost_on_its_way_does_not_count(run: Run) -> None:
    """Only what reached the handler counts; the rest is told beside it."""
    charge(run, 17, reached=False)
    charge(run, 17)
    result = calls_are(run.trace, CHARGE, ONCE, per="body.order_id")
    assert result.verdict == Verdict.PASS
    assert calls_are(run.trace, CHARGE, Times(2, 2)).lines == (
        "1 call (expected 2)",
        "1 more were sent and never reached it",
    )


def test_calls_without_the_key_leave_it_unknown(run: Run) -> None:
    """Where one call lacks the key, passing is unknown; where all do, the keys that are there are named."""
    charge(run, 17)
    charge(run, None)
    assert calls_are(run.trace, CHARGE, ONCE, per="body.order_id").verdict == Verdict.UNKNOWN
    result = calls_are(run.trace, CHARGE, ONCE, per="body.order")
    assert result.verdict == Verdict.UNKNOWN
    assert result.missed
    assert result.lines == ("2 calls; their bodies have amount, order_id",)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (3, 3, Verdict.PASS),
        (2, 2, Verdict.FAIL),
        (4, None, Verdict.FAIL),
        (3, None, Verdict.PASS),
        (None, 2, Verdict.FAIL),
        (None, 3, Verdict.PASS),
        (1, 2, Verdict.FAIL),
        (2, 4, Verdict.PASS),
    ],
)
def test_counts_in_all(run: Run, low: int | None, high: int | None, verdict: Verdict) -> None:
    """Without groups the calls are counted together: exactly, at least, at most, or a range."""
    for order in range(3):
        charge(run, order)
    assert calls_are(run.trace, CHARGE, Times(low, high)).verdict == verdict


@pytest.mark.parametrize(
    ("low", "verdict"), [(0, Verdict.PASS), (1, Verdict.UNKNOWN), (None, Verdict.UNKNOWN)]
)
def test_no_call_is_unknown_unless_none_is_right(run: Run, low: int | None, verdict: Verdict) -> None:
    """A selector that met nothing is unknown, except where the expectation itself says zero."""
    run.call()
    assert calls_are(run.trace, CHARGE, Times(low, 5)).verdict == verdict


def test_groups_by_a_part_of_the_path_or_a_header(run: Run) -> None:
    """params.NAME groups by the selector's path, headers.NAME by a header in any case."""
    for order in ("7", "7", "8"):
        headers = [("X-Request-Id", order)]
        run.call("shop/0 -> orders", f"PUT /orders/{order}/items?x=1", headers=headers)
    by_path = calls_are(run.trace, parse_selector("orders PUT /orders/{id}/items"), ONCE, per="params.id")
    assert by_path.lines == ("id=7: 2 calls (expected 1); 1 other id: 1",)
    by_header = calls_are(run.trace, parse_selector("orders"), ONCE, per="headers.x-request-id")
    assert by_header.lines == ("x-request-id=7: 2 calls (expected 1); 1 other x-request-id: 1",)
    nothing = calls_are(run.trace, parse_selector("orders PUT /orders/{id}/items"), ONCE, per="params.sku")
    assert nothing.verdict == Verdict.UNKNOWN


def test_redis_commands_count_as_calls(run: Run) -> None:
    """Commands recorded the cheap way are counted by their first word."""
    for number in range(3):
        run.recorder.command("orders/0", "cache", f"SET stock:{number} 1")
    run.recorder.command("orders/0", "cache", "GET stock:1")
    assert calls_are(run.trace, parse_selector("orders -> cache SET"), Times(3, 3)).verdict == Verdict.PASS
    assert calls_are(run.trace, parse_selector("orders -> cache SET"), ONCE).verdict == Verdict.FAIL


def test_times_read_as_words() -> None:
    """Each form of a count has words."""
    forms = [Times(1, 1), Times(1, None), Times(None, 3), Times(1, 3)]
    assert [str(times) for times in forms] == ["1", "at least 1", "at most 3", "1 to 3"]
