"""Run a scenario: a document from its beginning, or a world that is open already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshsim import checks
from meshsim.checks.result import failed, unknown
from meshsim.core.units import SECOND
from meshsim.errors import BootError, StuckError
from meshsim.kernel.patches import time as clocks
from meshsim.report import summary_line
from meshsim.runner.missed import missed_faults, workload_results
from meshsim.runner.result import Recipe, Result
from meshsim.runner.stage import Stage

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from meshsim.runner.replay import Saved
    from meshsim.scenario import Document
    from meshsim.world import World

    Progress = Callable[[float, float | None], object]

__all__ = ["run", "run_document"]


def run_document(
    document: Document,
    seed: int | None = None,
    *,
    saved: Saved | None = None,
    overrides: Iterable[str] = (),
    on_progress: Progress | None = None,
    trace: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Result:
    """Open the world of a scenario, run it, close it.

    A service that does not boot and a run that is stuck are failures of the run, with their reports.

    Args:
        document: the scenario.
        seed: instead of the scenario's own.
        saved: a run to follow, choice by choice; its policy and carrier hold instead of those in `options`.
        overrides: the texts of `--set` that are in the document, for the file that replays it.
        on_progress: told the virtual seconds so far, and of how many, None where nobody knows.
        trace: where to write the trace, as lines of JSON.
        options: of `World`.

    Raises:
        ScenarioError: what only shows when the adapters are loaded, with its place.
    """
    from meshsim.world import World  # noqa: PLC0415 - whoever has a world open has it imported

    if saved is not None:
        options = {**options, **saved.options()}
    began_s = clocks.real_perf_counter()
    world = World.from_document(document, seed, **options)
    try:
        with world:
            result = run(world, on_progress, began_s=began_s, overrides=overrides)
    except (BootError, StuckError) as error:
        result = _result(world, [_trouble(error)], {}, began_s, overrides)
    if trace is not None:
        world.trace.save(Path(trace))
    return result if saved is None else _compared(result, saved)


def run(
    world: World,
    on_progress: Progress | None = None,
    *,
    began_s: float | None = None,
    overrides: Iterable[str] = (),
) -> Result:
    """Run the scenario of a world that is open.

    Args:
        world: the mesh.
        on_progress: as in `run_document`.
        began_s: when it began, on the real clock; now by default.
        overrides: as in `run_document`.

    Raises:
        BootError: a set-up function raised.
        ScenarioError: a workload calls what its service's adapter cannot be asked for.
    """
    began_s = clocks.real_perf_counter() if began_s is None else began_s
    stage = Stage(world, on_progress)
    results: list[checks.Result] = []
    try:
        stage.go()
    except StuckError as error:
        results.append(_trouble(error))
    results += _judge(world, stage)
    workloads = {load.spec.name: dict(load.outcomes) for load in stage.loads}
    return _result(world, results, workloads, began_s, overrides)


def _judge(world: World, stage: Stage) -> list[checks.Result]:
    """Give every expectation's result, and what besides makes a run fail or unknown."""
    graph, trace = world.graph, world.trace
    watched = stage.watching.watched if stage.watching is not None else {}
    # A function that was never loaded, because the run was stuck before, has no record to judge.
    known = [
        (index, spec) for index, spec in enumerate(graph.expect) if spec.check is None or index in watched
    ]
    results = [checks.judge(spec, trace, watched.get(index)) for index, spec in known]
    results += workload_results(stage.loads, stage.ends_ns, whole=stage.whole)
    if stage.whole:
        results += missed_faults(world, world.nemesis.faults, stage.ends_ns)
    results += _fenced(world)
    if not graph.expect and (graph.workload or graph.faults):
        results.append(
            unknown(
                "the scenario expects nothing, so nothing can have held",
                "write expect: [no unhandled errors]",
            )
        )
    return results


def _fenced(world: World) -> list[checks.Result]:
    """Fail for what tried to leave the simulation, whether or not unhandled errors are expected."""
    if any(spec.kind == "no_unhandled_errors" for spec in world.graph.expect):
        return []
    events = [event for event in world.trace.events("unhandled") if event.data.get("error") == "FenceError"]
    if not events:
        return []
    return [failed(f"{events[0].host}: {events[0].text}", evidence=events[:1])]


def _trouble(error: BootError | StuckError) -> checks.Result:
    headline, *lines = str(error).splitlines() or [type(error).__name__]
    return failed(headline, *lines)


def _result(
    world: World,
    results: list[checks.Result],
    workloads: dict[str, dict[str, int]],
    began_s: float,
    overrides: Iterable[str],
) -> Result:
    document, kernel = world.document, world.kernel
    real_s = clocks.real_perf_counter() - began_s
    return Result(
        results=tuple(results),
        hash=world.recorder.hash,
        now=kernel.now / SECOND,
        real_s=real_s,
        calls=len(world.recorder.calls),
        workloads=workloads,
        summary=summary_line(results, world.trace, seed=world.seed, real_s=real_s),
        recipe=Recipe(
            scenario=document.file,
            case=document.case,
            seed=world.seed,
            overrides=tuple(overrides),
            # The policies are named as their classes are.
            policy=type(kernel.policy).__name__.lower(),
            carrier=str(kernel.carrier.name),
        ),
        tape=world.tape,
        trace=world.trace,
        recorder=world.recorder,
    )


def _compared(result: Result, saved: Saved) -> Result:
    """Say of a replay that went another way that it did."""
    if result.hash == saved.hash:
        return result
    differences = saved.differences() or ["the code of the services or the scenario has changed since"]
    other = unknown(f"this is not the run that was saved: {saved.headline}", *differences)
    return replace(result, results=(*result.results, other))
