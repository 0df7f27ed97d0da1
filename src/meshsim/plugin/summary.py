"""What the end of a session says of its runs, and what its head says of those to come."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from meshsim.plugin import traces
from meshsim.plugin.fixtures import MESH
from meshsim.plugin.options import SETTINGS, Settings

if TYPE_CHECKING:
    import pytest

SUMMARY = "mesh.summary"


def header(settings: Settings) -> list[str]:
    """Return the line that says seed, scenarios and rooms."""
    from meshsim.errors import ScenarioError  # noqa: PLC0415 - only a session with scenarios needs them
    from meshsim.graph import build  # noqa: PLC0415
    from meshsim.scenario import load  # noqa: PLC0415

    named = [*settings.scenarios] or ([settings.wired] if settings.wired is not None else [])
    words: dict[str, None] = {}
    seeds: dict[str, None] = {}
    for path, case in named:
        try:
            graph = build(load(path, case))
        except (ScenarioError, OSError):
            continue  # collection reports it, with every mistake and its place
        words |= dict.fromkeys(service.adapter for service in graph.services)
        words |= dict.fromkeys(service.word for service in graph.platform)
        seeds[str(graph.seed if settings.seed is None else settings.seed)] = None
    paths = ", ".join(path if case is None else f"{path}::{case}" for path, case in named)
    said = [f"seed {', '.join(seeds)}" if seeds else "", paths, f"rooms: {', '.join(words)}" if words else ""]
    return [f"meshsim: {'; '.join(part for part in said if part)}"]


def write(reporter: Any) -> None:
    """Write a line a run, also for those that ran in other processes (xdist)."""
    lines = [
        f"{report.nodeid}: {text}"
        for reports in reporter.stats.values()
        for report in reports
        for name, text in getattr(report, "user_properties", ())
        if name == SUMMARY and getattr(report, "when", None) == "call"
    ]
    if lines:
        reporter.section("meshsim")
        for line in sorted(lines):
            reporter.write_line(line)
    traces.write(reporter)


def add_section(item: pytest.Item, report: pytest.TestReport) -> None:
    """Say how a failed test's world is made again."""
    world = item.stash.get(MESH, None)
    if world is None or not hasattr(world, "recorder"):
        return
    settings = item.config.stash[SETTINGS]
    # A test of several seeds is called after its seed, and only then, so it takes all of them to find it.
    more = settings.more_seeds
    seed = f"{world.seed}" if more is None or "mesh" not in _params(item) else f"{settings.seed}+{more}"
    command = ["pytest", item.nodeid, f"--mesh-seed={seed}"]
    for path, case in settings.scenarios:
        command.append(f"--mesh-scenario={path}" + (f"::{case}" if case else ""))
    if settings.policy != "random":
        command.append(f"--mesh-policy={settings.policy}")
    if settings.carrier != "greenlet":
        command.append(f"--mesh-carrier={settings.carrier}")
    text = f"seed {world.seed}, {world.hash[:12]}\nagain: {shlex.join(command)}"
    report.sections.append(("meshsim", text))


def _params(item: pytest.Item) -> dict[str, Any]:
    callspec = getattr(item, "callspec", None)
    return {} if callspec is None else dict(callspec.params)
