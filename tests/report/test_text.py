"""The text that people read, held by golden files: run with MESHSIM_GOLDEN=write to write them anew."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from meshsim.checks import ALWAYS, Result, Verdict, Watched, judge
from meshsim.core.selector import parse_selector
from meshsim.errors import Place
from meshsim.graph.expect import ExpectSpec
from meshsim.report import (
    failure_text,
    headline,
    line_of,
    progress_line,
    render,
    result_lines,
    summary_line,
    summary_lines,
)
from meshsim.report.timeline import LINES_MAX, surroundings
from meshsim.trace import Call, Event, Message, Recorder, Trace

GOLDEN = Path(__file__).parent / "golden"
MS = 10**6
SECOND = 10**9
HOUR = 3600 * SECOND
REPLAY = {"replay": ["pytest", "worker.mesh.yaml::run[seed7]", "--mesh-replay=.meshsim/failures/3f9c.json"]}


class Run:
    """A recorder with a clock that tests set."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.recorder = Recorder(lambda: self.now_ns)
        self.trace = Trace(self.recorder)

    def charge(self, at_ns: int, worker: str, order: int, charge: str) -> Call:
        self.now_ns = at_ns
        request = Message("POST", "/v1/charges", body={"order_id": order})
        call = self.recorder.call_sent("http", worker, "stripe", "POST /v1/charges", request=request)
        self.recorder.call_received(call)
        self.recorder.call_replied(call, 201, Message(body={"id": charge}))
        return call

    def failing(self, at_ns: int, error: str) -> Call:
        self.now_ns = at_ns
        call = self.recorder.call_sent("http", "shop/0", "orders", "POST /orders")
        self.now_ns += 5 * SECOND
        self.recorder.call_failed(call, error)
        return call


def spec(kind: str, text: str, line: int = 31, **values: object) -> ExpectSpec:
    return ExpectSpec(kind, Place("worker.mesh.yaml", line, 5), text, **values)  # type: ignore[arg-type]


def golden(name: str, text: str) -> None:
    """Compare a text with its golden file, or write that."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("MESHSIM_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", "utf-8")
    assert text + "\n" == path.read_text("utf-8")


@pytest.fixture
def run() -> Run:
    return Run()


@pytest.fixture
def charged_twice(run: Run) -> tuple[Run, Result]:
    """The failure that the documentation shows."""
    for order in range(211):
        run.charge(order * MS, "worker/0", 100 + order, f"ch_{order}")
    run.charge(3041 * MS, "worker/0", 17, "ch_91")
    run.recorder.event("crash", "worker/0", "fault :24:5", where="shop/tasks.py:44 in charge")
    run.recorder.event("crash", "mailer/0", "another host's, so no part of it")
    run.now_ns = HOUR + 3000 * MS
    run.recorder.event("restart", "worker/1", "RESTART")
    run.charge(HOUR + 3100 * MS, "worker/1", 17, "ch_92")
    expectation = spec(
        "calls",
        "{calls: worker -> stripe POST /v1/charges, per: body.order_id, exactly: 1}",
        selector=parse_selector("worker -> stripe POST /v1/charges"),
        times=(1, 1),
        per="body.order_id",
    )
    return run, judge(expectation, run.trace)


def test_a_failure_shows_place_figures_lines_and_the_replay(charged_twice: tuple[Run, Result]) -> None:
    """A failure has the shape of the documented one: place, figures, the lines that matter, the command."""
    run, result = charged_twice
    golden("charged_twice", failure_text([result], run.trace, commands=REPLAY))


def test_several_results_are_each_explained(charged_twice: tuple[Run, Result]) -> None:
    """Failures come before unknowns, each with its place; what passed is left out; what is nearby is told."""
    run, result = charged_twice
    run.failing(HOUR + 4 * SECOND, "ReadTimeout: orders/0 did not answer within 5s")
    watched = Watched("checks.shop:stock_never_negative", lambda: 1, ALWAYS)
    watched.look(4 * SECOND)
    limits = {"p99": 500 * MS}
    orders, wrong = parse_selector("orders"), parse_selector("ordres")
    results = [
        judge(spec("no_unhandled_errors", "no unhandled errors", 30), run.trace),
        judge(
            spec(
                "error_rate",
                "{error_rate: ordres, below: 1%}",
                32,
                selector=wrong,
                below=0.01,
            ),
            run.trace,
        ),
        result,
        judge(spec("always", '{always: "checks.shop:stock_never_negative"}', 33), run.trace, watched),
        judge(
            spec("latency", "{latency: orders, p99: 500ms}", 34, selector=orders, percentiles_ns=limits),
            run.trace,
        ),
    ]
    nearby = ["seeds 1..6 pass", "without {crash: worker/any} it passes"]
    golden("several", failure_text(results, run.trace, commands=REPLAY, nearby=nearby))
    golden(
        "summary",
        "\n".join([*summary_lines(results), summary_line(results, run.trace, seed=7, real_s=2.314)]),
    )
    assert (
        headline(results)
        == "worker -> stripe POST /v1/charges: 2 calls for order_id=17, expected 1 (and 3 more)"
    )


def test_nothing_wrong_has_no_headline(run: Run) -> None:
    """Where all passed there is no headline and no text but the commands."""
    passed = Result(Verdict.PASS, "fine")
    assert headline([passed]) == ""
    assert failure_text([passed], run.trace) == ""


def test_an_unknown_is_called_unknown(run: Run) -> None:
    """An unknown alone is the headline and says that it is one."""
    result = Result(
        Verdict.UNKNOWN, "no call was orders", ("no calls were made at all",), text="{calls: orders}"
    )
    assert headline([result]) == "unknown: no call was orders"
    assert result_lines(result, run.trace) == [
        "{calls: orders}",
        "  unknown: no call was orders",
        "  no calls were made at all",
    ]


def test_commands_are_quoted_for_a_shell(run: Run) -> None:
    """Blanks, brackets and quotes in a command survive a shell."""
    result = Result(Verdict.FAIL, "x")
    text = failure_text([result], run.trace, commands={"keep": ["meshsim", "shrink", "my file's.json"]})
    assert text.splitlines()[-1] == """  keep: meshsim shrink 'my file'"'"'s.json'"""


def test_an_open_call_and_a_failed_one_say_so(run: Run) -> None:
    """A call without an end shows "no answer", a failed one its error, cut to one line."""
    open_call = run.recorder.call_sent("http", "shop/0", "orders", "POST /orders")
    failed = run.failing(SECOND, "ReadTimeout: " + "x" * 100 + "\nmore")
    rows = render([line_of(open_call), line_of(failed)])
    assert rows[0] == "          0s  shop/0 -> orders  POST /orders  no answer"
    assert rows[1].endswith("ReadTimeout: " + "x" * 44 + "...")


def test_world_events_stand_without_a_host() -> None:
    """A fault on a link has no host; its word stands first, with its place in the scenario."""
    fault = Event(2 * SECOND, "fault", "", "partition [orders, cache]", {"place": ":24:5"})
    healed = Event(5 * SECOND, "heal", "", "partition [orders, cache]")
    assert render([line_of(fault), line_of(healed)], marked=1) == [
        "          2s  FAULT   partition [orders, cache] :24:5",
        ">         5s  HEALED  partition [orders, cache]",
    ]


def test_surroundings_are_cut_and_keep_the_evidence(run: Run) -> None:
    """With too many events around it the evidence stays, and of the events the last."""
    first = run.charge(SECOND, "worker/0", 1, "a")
    for number in range(20):
        run.now_ns += SECOND
        run.recorder.event("restart", "worker/0", f"restart {number}")
    last = run.charge(run.now_ns + SECOND, "worker/0", 1, "b")
    moments = surroundings(run.trace, [first, last])
    assert len(moments) == LINES_MAX
    assert (moments[0], moments[-1]) == (first, last)
    assert isinstance(moments[-2], Event)
    assert moments[-2].text == "restart 19"
    assert surroundings(run.trace, []) == []


def test_an_error_is_shown_with_the_calls_before_it(run: Run) -> None:
    """Before an unhandled error stand the last calls of its host, not those of others."""
    run.failing(SECOND, "ReadTimeout")
    run.charge(7 * SECOND, "worker/0", 1, "a")
    run.recorder.event("unhandled", "worker/0", "KeyError: 'sku'", where="shop/tasks.py:44 in charge")
    result = judge(spec("no_unhandled_errors", "no unhandled errors", 30), run.trace)
    golden("unhandled", failure_text([result], run.trace))


def test_progress_says_how_far_a_run_is(run: Run) -> None:
    """The progress line has virtual time, calls, failures and real time."""
    run.charge(SECOND, "worker/0", 1, "a")
    assert progress_line(run.trace, 90 * SECOND, 8.4) == "mesh: 1s of 1m30s virtual, 1 calls, 8s"
    run.failing(23 * SECOND, "x")
    assert progress_line(run.trace, None, 8.6) == "mesh: 28s virtual, 2 calls, 1 failed, 9s"


def test_a_run_without_expectations_has_a_summary(run: Run) -> None:
    """Where nothing was expected the summary says so."""
    assert summary_line([], run.trace, seed=0).startswith(
        "no expectations in 0s virtual, 0 calls, seed 0, hash "
    )
    assert summary_lines([]) == []
    assert summary_lines([replace(Result(Verdict.PASS, "held"), text="x")]) == ["PASSED x"]
