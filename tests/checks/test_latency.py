"""Percentiles at the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.checks.latency import latency_at_most, percentile
from meshsim.checks.result import Verdict
from meshsim.core.selector import parse_selector

if TYPE_CHECKING:
    from tests.checks.conftest import Run

MS = 10**6
SECOND = 10**9
ORDERS = parse_selector("orders POST /orders")


def test_latencies_under_the_limit_pass(run: Run) -> None:
    """Every percentile under its limit passes, with the figures."""
    for took in range(1, 101):
        run.call(took_ns=took * MS)
    result = latency_at_most(run.trace, ORDERS, {"p50": 50 * MS, "p99": 99 * MS})
    assert result.verdict == Verdict.PASS
    assert result.lines == ("p50 50ms (limit 50ms), p99 99ms (limit 99ms), 100 calls",)


def test_one_percentile_over_its_limit_fails_with_the_slowest_calls(run: Run) -> None:
    """A percentile over its limit fails, names both, and shows the slowest calls in order of time."""
    for took in range(1, 101):
        run.call(took_ns=took * MS)
    result = latency_at_most(run.trace, ORDERS, {"p50": 60 * MS, "p99": 98 * MS})
    assert result.verdict == Verdict.FAIL
    assert result.headline == "orders POST /orders: p99 is 99ms, over 98ms"
    assert [call.id for call in result.evidence] == list(range(93, 101))  # type: ignore[union-attr]


def test_time_counts_from_the_intended_send(run: Run) -> None:
    """A call that was sent late because the caller was busy counts from when it was meant to be sent."""
    run.now_ns = SECOND
    run.call(took_ns=MS, intended_ns=0)
    assert latency_at_most(run.trace, ORDERS, {"p50": 100 * MS}).verdict == Verdict.FAIL
    assert latency_at_most(run.trace, ORDERS, {"p50": 1001 * MS}).verdict == Verdict.PASS


def test_failed_calls_count_with_the_time_until_their_error(run: Run) -> None:
    """A call that timed out after 5 s is a latency of 5 s, and the figures say that it failed."""
    run.call(took_ns=5 * SECOND, error="ReadTimeout")
    result = latency_at_most(run.trace, ORDERS, {"p50": SECOND})
    assert result.verdict == Verdict.FAIL
    assert result.lines == ("p50 5s (limit 1s), 1 calls, 1 of them failed",)


def test_an_open_call_counts_once_it_waited_too_long(run: Run) -> None:
    """A call without an end is left out while it may be in time, and counts when it no longer can be."""
    run.recorder.call_sent("http", "shop/0", "orders", "POST /orders")
    run.now_ns = SECOND
    assert latency_at_most(run.trace, ORDERS, {"p50": 2 * SECOND}).verdict == Verdict.UNKNOWN
    assert latency_at_most(run.trace, ORDERS, {"p50": SECOND // 2}).verdict == Verdict.FAIL


def test_too_few_calls_are_unknown(run: Run) -> None:
    """Fewer calls than at_least leave it unknown, and that is no miss which may_miss would permit."""
    run.call()
    result = latency_at_most(run.trace, ORDERS, {"p99": SECOND}, at_least=1000)
    assert result.verdict == Verdict.UNKNOWN
    assert result.lines == ("1 calls, at least 1000 were asked for",)
    assert not result.missed


def test_no_call_is_unknown_with_the_nearest_name(run: Run) -> None:
    """A selector that met nothing names what it may have meant."""
    run.call()
    result = latency_at_most(run.trace, parse_selector("oders"), {"p99": SECOND})
    assert result.verdict == Verdict.UNKNOWN
    assert result.missed
    assert result.lines == ("nothing called oders; did you mean orders?",)


@pytest.mark.parametrize(
    ("window", "verdict"),
    [
        ("faults", Verdict.FAIL),
        ("settle", Verdict.PASS),
        ("all", Verdict.FAIL),
        ((10 * SECOND, 30 * SECOND), Verdict.PASS),
        ((90 * SECOND, 99 * SECOND), Verdict.UNKNOWN),
    ],
)
def test_the_window_picks_by_the_intended_moment(
    run: Run, window: str | tuple[int, int], verdict: Verdict
) -> None:
    """Only calls that were meant to begin in the window count."""
    run.recorder.phase("faults")
    run.call(took_ns=SECOND)
    run.now_ns = 10 * SECOND
    run.recorder.phase("settle")
    run.call(took_ns=MS)
    assert latency_at_most(run.trace, ORDERS, {"p99": 500 * MS}, window=window).verdict == verdict


def test_a_part_that_never_began_is_unknown(run: Run) -> None:
    """A run without a settle phase cannot show what holds in it."""
    run.call()
    result = latency_at_most(run.trace, ORDERS, {"p99": SECOND}, window="settle")
    assert result.verdict == Verdict.UNKNOWN


@given(st.lists(st.integers(0, 10**9), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_with_that_share_at_or_below(values: list[int], share: float) -> None:
    """The nearest rank is one of the values, and at least that share of them is no greater."""
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert found in ordered
    assert sum(value <= found for value in values) >= share * len(values) * (1 - 1e-12)
