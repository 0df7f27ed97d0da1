"""What a run came to."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from meshsim import report
from meshsim.checks import Verdict, overall
from meshsim.runner import replay
from meshsim.trace import first_difference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsim import checks
    from meshsim.core.tape import Tape
    from meshsim.trace import Recorder, Trace

__all__ = ["Recipe", "Result"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made from, so that it can be made again.

    Attributes:
        scenario: the file as the user gave it, empty where there is none.
        overrides: the texts of `--set`.
    """

    scenario: str
    case: str | None
    seed: int
    overrides: tuple[str, ...]
    policy: str
    carrier: str


@dataclass(frozen=True, slots=True)
class Result:
    """One run's outcome.

    Attributes:
        results: of each expectation in its order, and of what went wrong besides; first what stopped the run.
        hash: the identity of the run.
        now: how many seconds of virtual time it took.
        real_s: how many seconds it took in truth.
        calls: how many calls there were.
        workloads: by workload, how its calls came out.
        summary: one line, in pytest's style.
        recipe: what it is made from.
        tape: every choice that it made.
    """

    results: tuple[checks.Result, ...]
    hash: str
    now: float
    real_s: float
    calls: int
    workloads: Mapping[str, Mapping[str, int]]
    summary: str
    recipe: Recipe
    tape: Tape = field(repr=False)
    trace: Trace = field(repr=False)
    recorder: Recorder = field(repr=False)

    @property
    def verdict(self) -> Verdict:
        """Pass, fail or unknown; a failure outweighs an unknown."""
        return overall(self.results)

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.recipe.seed

    @property
    def headline(self) -> str:
        """What is wrong, in one clause; empty when nothing is."""
        return report.headline(self.results)

    @property
    def lines(self) -> list[str]:
        """One line an expectation."""
        return report.summary_lines(self.results)

    def report(self, nodeid: str = "", saved: str | os.PathLike[str] | None = None) -> str:
        """Explain everything that did not pass.

        Args:
            nodeid: what pytest calls the run, for the command that replays it.
            saved: where it was saved.
        """
        commands = {}
        if nodeid and saved is not None:
            words = ["pytest", nodeid, f"--mesh-replay={os.fspath(saved)}"]
            pinned = os.environ.get("PYTHONHASHSEED")
            commands["replay"] = words if pinned is None else ["env", f"PYTHONHASHSEED={pinned}", *words]
        return report.failure_text(self.results, self.trace, commands=commands)

    def save(self, folder: str | os.PathLike[str] = ".meshsim/failures") -> Path:
        """Write what replays the run to a file in a folder, and return the file.

        It is named by the hash, and given relative to the current folder where it lies below.
        """
        path = Path(folder) / f"{self.hash[:8]}.json"
        replay.save(path, self)
        absolute = path.resolve()
        here = Path.cwd()
        return absolute.relative_to(here) if absolute.is_relative_to(here) else path

    def first_difference(self, other: Result) -> str | None:
        """Name the first event in which two runs differ; None when they are the same."""
        return first_difference(self.recorder, other.recorder)
