"""What a check says: pass, fail or unknown, why, and what shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsim.errors import Place
    from meshsim.trace import Call, Event

__all__ = ["EVIDENCE_MAX", "TOOK", "Result", "Verdict", "failed", "missed", "overall", "passed", "unknown"]

EVIDENCE_MAX = 8
"""So many calls or events go with a result: a report shows a few lines, the trace has the rest."""


TOOK = ":took"
"""Among what a result shows: how long each call took. No key of a body looks like it."""


class Verdict(StrEnum):
    """How an expectation came out. Unknown is never a kind of pass: the run did not show it either way."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    """One expectation's outcome.

    Attributes:
        verdict: pass, fail or unknown.
        headline: what happened, in one clause; the failure's title.
        lines: the figures, and for unknown what else the expectation could have meant.
        evidence: the calls and events that show it, in order of time; the last one is where it went wrong.
        shows: what of each call its line must show: keys of the body, or TOOK for how long it took.
        missed: whether it is unknown because nothing matched, which `may_miss: true` permits.
        text: the expectation as written.
        place: where it is written, if in a file.
    """

    verdict: Verdict
    headline: str
    lines: tuple[str, ...] = ()
    evidence: tuple[Call | Event, ...] = ()
    shows: tuple[str, ...] = ()
    missed: bool = False
    text: str = ""
    place: Place | None = None

    def allowing_misses(self) -> Result:
        """Give the result under `may_miss: true`: what met nothing passes."""
        return replace(self, verdict=Verdict.PASS) if self.missed else self


def passed(headline: str, *lines: str) -> Result:
    """Say that the run shows it."""
    return Result(Verdict.PASS, headline, lines)


def failed(
    headline: str, *lines: str, evidence: Iterable[Call | Event] = (), shows: tuple[str, ...] = ()
) -> Result:
    """Say that the run shows the contrary."""
    return Result(Verdict.FAIL, headline, lines, tuple(evidence), shows)


def unknown(headline: str, *lines: str, evidence: Iterable[Call | Event] = ()) -> Result:
    """Say that the run does not show it either way, though it had what the expectation names."""
    return Result(Verdict.UNKNOWN, headline, lines, tuple(evidence))


def missed(headline: str, *lines: str) -> Result:
    """Say that nothing in the run is what the expectation names."""
    return Result(Verdict.UNKNOWN, headline, lines, missed=True)


def overall(results: Iterable[Result]) -> Verdict:
    """Give the run's verdict: a failure outweighs an unknown, which outweighs every pass."""
    verdicts = {result.verdict for result in results}
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
        if verdict in verdicts:
            return verdict
    return Verdict.PASS
