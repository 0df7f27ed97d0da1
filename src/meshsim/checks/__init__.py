"""What must hold of a run, judged from its trace alone: pass, fail, or unknown when the run does not show it.

result.py         verdict, headline, figures, evidence
nearest.py        what an expectation that met nothing could have meant
sample.py         the calls that an expectation is about
unhandled.py, deadline.py, latency.py, error_rate.py, amplification.py, calls.py    one kind each
predicate.py      a user's own function, always or eventually
registry.py       from the scenario's expectation to its check
"""

from __future__ import annotations

from meshsim.checks.predicate import ALWAYS, EVENTUALLY, Watched
from meshsim.checks.registry import evaluate, judge
from meshsim.checks.result import Result, Verdict, overall

__all__ = ["ALWAYS", "EVENTUALLY", "Result", "Verdict", "Watched", "evaluate", "judge", "overall"]
