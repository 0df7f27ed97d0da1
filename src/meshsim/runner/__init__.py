"""A scenario as a run: set-up, faults and workloads, settling, verdict.

run.py        run a document, or a world that is open
stage.py      the phases of one run
watching.py   always and eventually, while the run goes on
missed.py     faults and workloads that met nothing, with what they could have met
result.py     what a run came to
replay.py     a failure on disk, to be run again exactly
"""

from __future__ import annotations

from meshsim.runner.replay import Saved, load_saved
from meshsim.runner.result import Recipe, Result
from meshsim.runner.run import run, run_document

__all__ = ["Recipe", "Result", "Saved", "load_saved", "run", "run_document"]
