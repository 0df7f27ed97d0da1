"""`no unhandled errors` and `no work after deadline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.checks.deadline import no_work_after_deadline
from meshsim.checks.result import Verdict
from meshsim.checks.unhandled import no_unhandled_errors

if TYPE_CHECKING:
    from meshsim.trace import Call
    from tests.checks.conftest import Run

SECOND = 10**9


def test_a_quiet_run_has_no_unhandled_errors(run: Run) -> None:
    """Calls and no unhandled event pass."""
    run.call()
    assert no_unhandled_errors(run.trace).verdict == Verdict.PASS


def test_an_unhandled_error_fails_and_is_counted_by_host(run: Run) -> None:
    """Each unhandled error is evidence, the first is the headline."""
    run.call()
    run.recorder.event("unhandled", "shop/0", "KeyError: 'sku'")
    run.recorder.event("unhandled", "orders/0", "ValueError: x")
    result = no_unhandled_errors(run.trace)
    assert result.verdict == Verdict.FAIL
    assert result.headline == "shop/0: KeyError: 'sku' (and 1 more)"
    assert result.lines == ("unhandled errors: orders/0: 1, shop/0: 1",)
    assert len(result.evidence) == 2


def test_a_run_of_nothing_is_unknown(run: Run) -> None:
    """Where nothing ran, the absence of errors shows nothing."""
    assert no_unhandled_errors(run.trace).verdict == Verdict.UNKNOWN


def late(run: Run, *, gave_up_s: int, handled_s: int | None) -> Call:
    """A call from second 0 on, given up and handled at the given seconds of the run."""
    call = run.recorder.call_sent("http", "shop/0", "orders", "POST /orders")
    run.recorder.call_received(call, "orders/0")
    run.now_ns = gave_up_s * SECOND
    run.recorder.call_failed(call, "ReadTimeout")
    if handled_s is not None:
        run.now_ns = handled_s * SECOND
        run.recorder.call_handled(call, 200)
    return call


def test_a_handler_that_runs_on_after_its_caller_left_fails(run: Run) -> None:
    """The time worked for nobody is told, with the call."""
    call = late(run, gave_up_s=5, handled_s=8)
    result = no_work_after_deadline(run.trace)
    assert result.verdict == Verdict.FAIL
    assert result.headline == "orders/0 worked on POST /orders for 3s after shop/0 gave up"
    assert result.evidence == (call,)


def test_a_stated_deadline_counts_before_any_error(run: Run) -> None:
    """A reply that arrives after the deadline was work after the deadline; one in time was not."""
    run.call(took_ns=2 * SECOND, deadline_ns=3 * SECOND)
    assert no_work_after_deadline(run.trace).verdict == Verdict.PASS
    run.call(took_ns=2 * SECOND, deadline_ns=run.now_ns + SECOND)
    assert no_work_after_deadline(run.trace).verdict == Verdict.FAIL


def test_a_handler_that_never_ends_is_at_it_still(run: Run) -> None:
    """An unfinished handler counts up to the end of the run."""
    late(run, gave_up_s=5, handled_s=None)
    run.now_ns = 9 * SECOND
    result = no_work_after_deadline(run.trace)
    assert result.headline == "orders/0 worked on POST /orders for 4s after shop/0 gave up and is at it still"


def test_a_handler_that_died_with_its_host_did_no_more_work(run: Run) -> None:
    """A crash before the caller gave up ends the work."""
    call = run.recorder.call_sent("http", "shop/0", "orders", "POST /orders")
    run.recorder.call_received(call, "orders/0")
    run.now_ns = SECOND
    run.recorder.event("crash", "orders/0", "fault")
    run.now_ns = 5 * SECOND
    run.recorder.call_failed(call, "ReadTimeout")
    run.now_ns = 60 * SECOND
    assert no_work_after_deadline(run.trace).verdict == Verdict.PASS


def test_a_call_that_nobody_received_is_no_work(run: Run) -> None:
    """A request lost on its way made no handler work."""
    run.call(reached=False, error="ConnectTimeout")
    assert no_work_after_deadline(run.trace).verdict == Verdict.PASS


def test_without_any_deadline_it_is_unknown(run: Run) -> None:
    """Calls whose callers would wait for ever show nothing."""
    run.call()
    result = no_work_after_deadline(run.trace)
    assert result.verdict == Verdict.UNKNOWN
    assert result.missed
