"""Workloads that call PySOA services, and what expectations see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import worlds

from meshsim.errors import ScenarioError
from meshsim.runner import run_document
from meshsim.scenario import load

if TYPE_CHECKING:
    from meshsim.runner import Result

SECOND = 1_000_000_000
PACKERS: dict[str, Any] = {
    "name": "packers",
    "call": "depot echo",
    "body": {"sku": "a-1"},
    "params": {"n": [1, 2]},
    "rate": "20/s",
    "for": "3s",
}


def run(backend: str = "redis", carrier: str = "greenlet", **sections: Any) -> Result:
    """Run the depot's scenario."""
    sections = {"workload": [PACKERS], "expect": ["no unhandled errors"], **sections}
    return run_document(load(worlds.scenario(backend, **sections)), carrier=carrier)


def headlines(result: Result) -> list[str]:
    """Return what was judged, each with its verdict."""
    return [f"{one.verdict}: {one.headline}" for one in result.results]


@pytest.mark.parametrize("backend", worlds.BACKENDS)
def test_a_workload_drives_a_pysoa_service(backend: str) -> None:
    """`call: depot echo` makes real PySOA calls at its rate, each a call of the trace with its action and body."""
    result = run(backend)
    assert result.verdict == "pass", result.report()
    assert result.workloads == {"packers": {"ok": 60}}
    calls = result.trace.requests("test -> depot echo")
    assert len(calls) == 60
    assert all(call.answered and call.body("sku") == "a-1" for call in calls)
    assert [call.intended_ns - calls[0].intended_ns for call in calls] == [
        number * SECOND // 20 for number in range(60)
    ]


def test_a_closed_workload_keeps_its_pace() -> None:
    """Three clients that think a second make about thirty calls in ten seconds."""
    words = {**PACKERS, "clients": 3, "think": "1s", "for": "10s"}
    del words["rate"]
    result = run(workload=[words])
    assert 27 <= result.workloads["packers"]["ok"] <= 33


def test_outcomes_are_the_codes_of_errors_and_the_clients_exceptions() -> None:
    """An error is counted by its code, a lost answer by what the client raises, and other calls are not harmed."""
    workload = [
        {"name": name, "call": f"depot {action}", "rate": "2/s", "for": "10s"}
        for name, action in (("refused", "refuse"), ("fine", "host"), ("missing", "nothing"))
    ]
    result = run(workload=workload, faults=[{"at": "4.9s", "first": 1, "drop": "depot host"}], expect=[])
    assert result.workloads == {
        "refused": {"SOLD_OUT": 20},
        "fine": {"ok": 19, "MessageReceiveTimeout": 1},
        "missing": {"UNKNOWN": 20},
    }


def test_the_error_rate_counts_the_services_errors_and_not_the_callers() -> None:
    """`error_rate` fails by errors that a fault sends, and passes where the caller was wrong."""
    fault = {"at": "1s", "for": "1s", "error": {"to": "depot echo", "code": "FULL"}}
    expect = [{"error_rate": "depot echo", "below": "5%"}]
    assert run(expect=expect).verdict == "pass"
    failed = run(expect=expect, faults=[fault])
    assert failed.verdict == "fail"
    assert "33.33%" in failed.headline, failed.report()
    refused = run(
        workload=[{**PACKERS, "call": "depot refuse"}], expect=[{"error_rate": "depot", "below": "1%"}]
    )
    assert refused.verdict == "pass", refused.report()


def test_calls_are_counted_per_a_field_of_the_body() -> None:
    """`calls: ... per: body.sku` counts PySOA calls by what their bodies say."""
    workload = [
        {"name": sku, "call": "depot echo", "body": {"sku": sku}, "count": count}
        for sku, count in (("a", 1), ("b", 2))
    ]
    once = {"calls": "depot echo", "per": "body.sku", "exactly": 1}
    result = run(workload=workload, expect=[once])
    assert result.verdict == "fail"
    assert "sku=b: 2 calls" in result.report()
    assert (
        run(workload=workload[:1], expect=[{"calls": "depot echo", "per": "body.sku", "exactly": 1}]).verdict
        == "pass"
    )


def test_an_action_that_raises_is_an_unhandled_error() -> None:
    """What PySOA turns into a SERVER_ERROR is known to `no unhandled errors`, with its action."""
    result = run(workload=[{"name": "one", "call": "depot break", "count": 1}])
    assert result.verdict == "fail"
    assert result.workloads == {"one": {"SERVER_ERROR": 1}}
    (event,) = result.trace.events("unhandled")
    assert (event.host, event.text) == ("depot/0", "break: ValueError: a bug")


@pytest.mark.parametrize("backend", worlds.BACKENDS)
def test_the_same_seed_is_the_same_run_on_both_carriers(backend: str) -> None:
    """Faults, crashes and workloads over PySOA give one hash for a seed."""
    words: dict[str, Any] = {
        "services": {"depot": worlds.service(backend, replicas=2, restart="1s")},
        "faults": [
            {"every": "1s..2s", "crash": "depot/any"},
            {"at": "0s", "probability": "10%", "drop": "depot echo"},
            {"at": "0s", "probability": "10%", "delay": {"to": "depot echo", "by": "1ms..20ms"}},
        ],
        "workload": [{**PACKERS, "rate": "poisson(20/s)"}],
        "expect": [],
    }
    first, again, threads = run(backend, **words), run(backend, **words), run(backend, "thread", **words)
    assert again.hash == first.hash, first.first_difference(again)
    assert threads.hash == first.hash, first.first_difference(threads)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"call": "depot POST /x"}, "'POST /x' is no operation of depot, which answers over a broker"),
        ({"body": [1]}, r"workload 'packers': an action's body is a mapping of its fields, not \[1\]"),
        ({"headers": {"a": "b"}}, "workload 'packers': a PySOA call has no headers:"),
    ],
)
def test_a_call_that_pysoa_cannot_make_is_a_mistake_with_its_place(
    words: dict[str, Any], message: str
) -> None:
    """A workload that asks for what PySOA does not have is refused before the run begins."""
    with pytest.raises(ScenarioError, match=message):
        run(workload=[{**PACKERS, "params": {}, **words}])
