"""A run in text: what failed and why, in the shape that pytest prints, and a summary.

worker.mesh.yaml:31:5  {calls: worker -> stripe POST /v1/charges, per: body.order_id, exactly: 1}
  order_id=17: 2 calls (expected 1); 211 other order_id: 1
      3.041s  worker/0 -> stripe  POST /v1/charges order_id=17  201 ch_91
>     9.3s    worker/1 -> stripe  POST /v1/charges order_id=17  201 ch_92
  replay: pytest 'worker.mesh.yaml::run[seed7]' --mesh-replay=.meshsim/failures/3f9c.json
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from meshsim.checks.result import Verdict
from meshsim.core.units import MS, format_duration
from meshsim.report.timeline import line_of, render, surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meshsim.checks.result import Result
    from meshsim.trace import Trace

__all__ = ["failure_text", "headline", "progress_line", "result_lines", "summary_line", "summary_lines"]

_WORDS = {Verdict.PASS: "PASSED", Verdict.FAIL: "FAILED", Verdict.UNKNOWN: "UNKNOWN"}
_HASH_SHOWN = 12


def _not_passed(results: Sequence[Result]) -> list[Result]:
    """Give the failures, then the unknowns, each in the scenario's order."""
    return [
        result
        for verdict in (Verdict.FAIL, Verdict.UNKNOWN)
        for result in results
        if result.verdict == verdict
    ]


def headline(results: Sequence[Result]) -> str:
    """Say in one clause what is wrong, for the line that pytest prints; "" when nothing is."""
    wrong = _not_passed(results)
    if not wrong:
        return ""
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    unknown = "unknown: " if wrong[0].verdict == Verdict.UNKNOWN else ""
    return f"{unknown}{wrong[0].headline}{more}"


def result_lines(result: Result, trace: Trace, *, titled: bool = False) -> list[str]:
    """Explain one result: its place and text, its figures, a few lines of the run.

    Args:
        result: what to explain.
        trace: the run.
        titled: its headline stands above already, so figures are enough where there are any.
    """
    place = f"{result.place}  " if result.place is not None else ""
    unknown = "unknown: " if result.verdict == Verdict.UNKNOWN else ""
    lines = [f"{place}{result.text or result.headline}"]
    if result.text and not (titled and result.lines):
        lines.append(f"  {unknown}{result.headline}")
    lines += [f"  {line}" for line in result.lines]
    moments = surroundings(trace, result.evidence)
    worst = result.evidence[-1] if result.evidence else None
    marked = next((index for index, moment in enumerate(moments) if moment is worst), None)
    return lines + render([line_of(moment, result.shows) for moment in moments], marked)


def failure_text(
    results: Sequence[Result],
    trace: Trace,
    *,
    commands: Mapping[str, Sequence[str]] | None = None,
    nearby: Sequence[str] = (),
) -> str:
    """Explain everything that did not pass.

    Args:
        results: of all expectations.
        trace: the run.
        commands: what to type, by what it is for, as arguments, which are quoted for a shell here:
            `{"replay": ["pytest", "x.mesh.yaml::run[seed7]"]}`.
        nearby: what is nearby that passes, a line each.
    """
    lines = []
    for index, result in enumerate(_not_passed(results)):
        lines += result_lines(result, trace, titled=index == 0)
    lines += [f"  nearby: {line}" for line in nearby]
    lines += [f"  {purpose}: {shlex.join(words)}" for purpose, words in (commands or {}).items()]
    return "\n".join(lines)


def summary_line(results: Sequence[Result], trace: Trace, *, seed: int, real_s: float | None = None) -> str:
    """Sum a run up as pytest does: "1 failed, 4 passed in 1m30s virtual (2.31s), 2,412 calls, ..."."""
    counts = {verdict: sum(result.verdict == verdict for result in results) for verdict in Verdict}
    words = ((Verdict.FAIL, "failed"), (Verdict.PASS, "passed"), (Verdict.UNKNOWN, "unknown"))
    counted = ", ".join(f"{counts[verdict]} {word}" for verdict, word in words if counts[verdict])
    virtual = format_duration(trace.now_ns, resolution_ns=MS)
    real = f" ({real_s:.2f}s)" if real_s is not None else ""
    calls = f"{len(trace.calls):,} calls"
    what = counted or "no expectations"
    return f"{what} in {virtual} virtual{real}, {calls}, seed {seed}, hash {trace.hash[:_HASH_SHOWN]}"


def summary_lines(results: Sequence[Result]) -> list[str]:
    """Give one line an expectation, in the scenario's order: verdict, text, figures or what is wrong."""
    width = max((len(_WORDS[result.verdict]) for result in results), default=0)
    lines = []
    for result in results:
        said = " | ".join(result.lines) if result.verdict == Verdict.PASS else result.headline
        text = result.text or result.headline
        lines.append(
            f"{_WORDS[result.verdict]:<{width}} {text}{f' - {said}' if said and said != text else ''}"
        )
    return lines


def progress_line(trace: Trace, total_ns: int | None, real_s: float) -> str:
    """Say how far a long run is, on one line."""
    total = f" of {format_duration(total_ns, resolution_ns=MS)}" if total_ns is not None else ""
    now = format_duration(trace.now_ns, resolution_ns=MS)
    calls = trace.calls
    errors = sum(call.failed for call in calls)
    failed = f", {errors:,} failed" if errors else ""
    return f"mesh: {now}{total} virtual, {len(calls):,} calls{failed}, {real_s:.0f}s"
