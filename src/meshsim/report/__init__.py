"""A run made readable; sees only the trace and the results of checks.

timeline.py    a few lines of the run, in columns
text.py        the failure as pytest prints it, and the summary
"""

from __future__ import annotations

from meshsim.report.text import (
    failure_text,
    headline,
    progress_line,
    result_lines,
    summary_line,
    summary_lines,
)
from meshsim.report.timeline import line_of, render

__all__ = [
    "failure_text",
    "headline",
    "line_of",
    "progress_line",
    "render",
    "result_lines",
    "summary_line",
    "summary_lines",
]
