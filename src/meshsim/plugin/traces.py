"""Where the trace of each run is written: one run at the path that was given, several beside it by their names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PROPERTY = "mesh.trace"


def path_of(given: str, nodeid: str, runs: Sequence[str]) -> Path:
    """Return the file for the trace of one run.

    Args:
        given: what `--mesh-trace` says.
        nodeid: of the run, `in/shop.mesh.yaml::run[slow-seed7]`.
        runs: the node ids of all runs of the session.
    """
    path = Path(given)
    if len(runs) <= 1:
        return path
    name = _slug(nodeid)
    same = [other for other in runs if _slug(other) == name]
    if len(same) > 1:
        # `a/b` and `a-b` are one name.
        name = f"{name}-{same.index(nodeid) + 1}"
    return path.with_name(f"{path.stem}-{name}{path.suffix}")


def _slug(nodeid: str) -> str:
    """Return `in-shop-slow-seed7`."""
    short = nodeid.replace(".mesh.yaml::run[", "-").rstrip("]")
    return re.sub(r"[^A-Za-z0-9_.]+", "-", short).strip("-.")


def write(reporter: Any) -> None:
    """Say where the traces are, also those of runs in other processes (xdist)."""
    paths = {
        str(path)
        for reports in reporter.stats.values()
        for report in reports
        for name, path in getattr(report, "user_properties", ())
        if name == PROPERTY
    }
    for path in sorted(paths):
        reporter.write_line(f"trace written: {path}")
