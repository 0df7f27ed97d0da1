"""An expectation: what must hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsim.core.selector import Selector
    from meshsim.errors import Place
    from meshsim.scenario.references import Reference

__all__ = ["ExpectSpec"]


@dataclass(frozen=True, slots=True)
class ExpectSpec:
    """One expectation; what is set besides `kind`, `may_miss`, `place` and `text` depends on the kind.

    kind                     set
    no_unhandled_errors
    no_work_after_deadline
    always                   check
    eventually               check, within_ns (None: the scenario's settle)
    latency                  selector, percentiles_ns {"p99": ns}, at_least, window
    error_rate               selector, below (a probability), at_least, window
    amplification            selector, below (calls out per call in), at_least, window
    calls                    selector, per, times (low, high; None is no bound)

    `window` is "all", "faults", or two moments in nanoseconds. `exactly`, `at_least` and `at_most` of
    `calls` arrive as `times`.
    """

    kind: str
    place: Place
    text: str
    may_miss: bool = False
    check: Reference | None = None
    within_ns: int | None = None
    selector: Selector | None = None
    percentiles_ns: Mapping[str, int] = field(default_factory=dict)
    below: float | None = None
    at_least: int | None = None
    window: str | tuple[int, int] = "all"
    per: str | None = None
    times: tuple[int | None, int | None] | None = None
