"""From an expectation of the scenario to the check that judges it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from meshsim.checks.amplification import amplification_below
from meshsim.checks.calls import Times, calls_are
from meshsim.checks.deadline import no_work_after_deadline
from meshsim.checks.error_rate import error_rate_below
from meshsim.checks.latency import latency_at_most
from meshsim.checks.unhandled import no_unhandled_errors
from meshsim.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from meshsim.checks.predicate import Watched
    from meshsim.checks.result import Result
    from meshsim.errors import Place
    from meshsim.trace import Trace

__all__ = ["CHECKS", "Expectation", "evaluate", "judge"]


class Expectation(Protocol):
    """What an expectation of the graph must have; which other attributes it has depends on `kind`."""

    @property
    def kind(self) -> str:
        """The kind's word: a key of CHECKS, `always` or `eventually`."""

    @property
    def text(self) -> str:
        """The expectation as written."""

    @property
    def place(self) -> Place | None:
        """Where it is written."""

    @property
    def may_miss(self) -> bool:
        """Whether meeting nothing is permitted."""


def _latency(trace: Trace, spec: Any) -> Result:
    limits = spec.percentiles_ns
    return latency_at_most(trace, spec.selector, limits, at_least=spec.at_least, window=spec.window)


def _error_rate(trace: Trace, spec: Any) -> Result:
    return error_rate_below(trace, spec.selector, spec.below, at_least=spec.at_least, window=spec.window)


def _amplification(trace: Trace, spec: Any) -> Result:
    return amplification_below(trace, spec.selector, spec.below, at_least=spec.at_least, window=spec.window)


def _calls(trace: Trace, spec: Any) -> Result:
    return calls_are(trace, spec.selector, Times(*spec.times), per=spec.per)


CHECKS: dict[str, Callable[[Trace, Any], Result]] = {
    "no_unhandled_errors": lambda trace, _: no_unhandled_errors(trace),
    "no_work_after_deadline": lambda trace, _: no_work_after_deadline(trace),
    "latency": _latency,
    "error_rate": _error_rate,
    "amplification": _amplification,
    "calls": _calls,
}
"""The checks that read the trace alone; `always` and `eventually` are watched while the run goes on."""


def judge(spec: Expectation, trace: Trace, watched: Watched | None = None) -> Result:
    """Give the result of one expectation.

    Args:
        spec: the expectation.
        trace: the run.
        watched: the record of the function, for `always` and `eventually`.

    Raises:
        UsageError: nothing judges this kind.
    """
    if watched is not None:
        settle = trace.window("settle")
        began_ns = settle.begin_ns if settle is not None else 0
        result = watched.result(began_ns, getattr(spec, "within_ns", None))
    elif spec.kind in CHECKS:
        result = CHECKS[spec.kind](trace, spec)
    else:
        raise UsageError(
            f"nothing judges {spec.kind!r}: known are {', '.join(CHECKS)}, always and eventually"
        )
    if spec.may_miss:
        result = result.allowing_misses()
    return replace(result, text=spec.text, place=spec.place)


def evaluate(
    specs: Iterable[Expectation], trace: Trace, watched: Mapping[int, Watched] | None = None
) -> list[Result]:
    """Give the results of all expectations, in their order; one that fails hides no other.

    Args:
        specs: the expectations.
        trace: the run.
        watched: the functions' records, by the index of their expectation.
    """
    records = watched or {}
    return [judge(spec, trace, records.get(index)) for index, spec in enumerate(specs)]
