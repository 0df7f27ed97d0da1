"""Jobs as calls of the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim_pysoa import calls

if TYPE_CHECKING:
    from conftest import EchoHost

    from meshsim.trace.call import Call


def begin(echo: EchoHost, *actions: str) -> list[Call]:
    """Note a job of these actions, as a client's seam does."""
    body = {
        "context": {"correlation_id": "c"},
        "actions": [{"action": name, "body": {"n": 1}} for name in actions],
    }
    job = calls.begin("shop/0", "echo", "q!1", 7, body, 5)
    assert job is not None
    return echo.recorder.calls


def error(code: str, *, caller: bool) -> dict[str, Any]:
    """Describe an error as it travels."""
    return {"code": code, "message": "m", "is_caller_error": caller}


def test_each_action_of_a_job_is_a_call(echo: EchoHost) -> None:
    """A job of two actions is two calls, and an answer completes both."""
    first, second = begin(echo, "a", "b")
    calls.answered("q!1", 7, {"actions": [{"body": {"x": 1}}, {"body": {}}]})
    assert (first.operation, second.operation) == ("a", "b")
    assert first.answered and second.answered and not first.failed
    assert first.body("n") == 1 and first.origin == "c"


def test_an_action_after_a_failed_one_was_not_run(echo: EchoHost) -> None:
    """The job that was aborted has no answer for its last action."""
    first, second = begin(echo, "a", "b")
    calls.answered("q!1", 7, {"actions": [{"errors": [error("BROKEN", caller=False)]}]})
    assert first.failed and first.status == "BROKEN"
    assert second.failed and second.error.startswith("not run")


def test_a_callers_error_is_a_proper_answer(echo: EchoHost) -> None:
    """What PySOA marks as the caller's mistake does not count as a failure of the service."""
    (call,) = begin(echo, "a")
    calls.answered("q!1", 7, {"actions": [{"errors": [error("SOLD_OUT", caller=True)]}]})
    assert call.answered and not call.failed
    assert call.reply is not None and call.reply.field("errors.0.code") == "SOLD_OUT"


def test_a_late_answer_counts_after_the_caller_gave_up(echo: EchoHost) -> None:
    """A future of PySOA may be asked again after a timeout, and then has its answer."""
    (call,) = begin(echo, "a")
    calls.gave_up("q!1", TimeoutError("5 s"))
    assert call.failed and not call.answered
    calls.answered("q!1", 7, {"actions": [{"body": {}}]})
    assert call.answered and not call.failed


@pytest.mark.parametrize("queue", ["q!2", "q!1"])
def test_giving_up_concerns_one_list_only(echo: EchoHost, queue: str) -> None:
    """Another thread of the same client, which has a list of its own, is not concerned."""
    (call,) = begin(echo, "a")
    calls.gave_up(queue, TimeoutError())
    assert call.failed is (queue == "q!1")
