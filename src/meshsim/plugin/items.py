"""A scenario file as a collector, a run of it as a test item."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import MeshError, ReplayError, ScenarioError
from meshsim.graph import build
from meshsim.plugin import progress, summary, traces
from meshsim.plugin.fixtures import properties
from meshsim.plugin.options import SETTINGS, Settings
from meshsim.scenario import load
from meshsim.scenario.inheritance import scenario_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsim.runner import Result
    from meshsim.scenario import Document


class ScenarioFailed(Exception):  # noqa: N818 - a verdict, whose text is the report
    """A run that did not pass."""


def add_arguments(config: pytest.Config, settings: Settings) -> None:
    """Make the scenarios of `--mesh-scenario` arguments of pytest.

    Without other arguments they are all that is collected: whoever names a scenario wants to see it run, not
    the whole test suite. `pytest tests --mesh-scenario=...` runs both.
    """
    files = []
    named = [path for path, _ in settings.scenarios]
    if settings.replay is not None:
        from meshsim.runner.replay import load_saved  # noqa: PLC0415 - only a replay needs it

        try:
            named.append(load_saved(settings.replay).scenario)
        except ReplayError as error:
            raise pytest.UsageError(f"--mesh-replay: {error}") from None
    for path in named:
        file = config.invocation_params.dir / scenario_file(path)
        if not file.is_file():
            msg = f"--mesh-scenario={path}: there is no scenario file {file}"
            raise pytest.UsageError(msg)
        files.append(str(file))
    given = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    config.args = [*given, *(file for file in dict.fromkeys(files) if not _among(file, given, config))]


def _among(file: str, given: Iterable[str], config: pytest.Config) -> bool:
    """Whether one of the arguments names the file, or a run in it, already."""
    root = config.invocation_params.dir
    return any((root / argument.partition("::")[0]).resolve() == Path(file).resolve() for argument in given)


class ScenarioFile(pytest.File):
    """One scenario; collects a run for each case and each seed."""

    def collect(self) -> Iterable[pytest.Item]:
        """Give the runs.

        Raises:
            CollectError: with every mistake of the file and its place.
        """
        settings = self.config.stash[SETTINGS]
        try:
            for case in self._cases(settings):
                yield from self._runs(settings, case)
        except ScenarioError as error:
            raise self.CollectError(str(error)) from error

    def _cases(self, settings: Settings) -> list[str | None]:
        asked = [case for path, case in settings.scenarios if self._is(path)]
        if any(case is not None for case in asked):
            return [case for case in asked if case is not None]
        return [None, *load(self._shown()).cases]

    def _is(self, path: str) -> bool:
        return (self.config.invocation_params.dir / scenario_file(path)).resolve() == self.path.resolve()

    def _shown(self) -> str:
        """Return the file as a user would name it: relative to where pytest was called, if it lies below."""
        here = self.config.invocation_params.dir
        return str(self.path.relative_to(here)) if self.path.is_relative_to(here) else str(self.path)

    def _runs(self, settings: Settings, case: str | None) -> Iterable[pytest.Item]:
        document = load(self._shown(), case)
        graph = build(document)
        if settings.replay is not None:
            from meshsim.runner.replay import load_saved  # noqa: PLC0415 - only a replay needs it

            saved = load_saved(settings.replay)
            if saved.case == case:
                yield self._item(document, saved.seed, graph, saved)
            return
        first = graph.seed if settings.seed is None else settings.seed
        count = (
            settings.more_seeds
            if settings.more_seeds is not None
            else graph.seeds
            if settings.seed is None
            else 1
        )
        for seed in range(first, first + count):
            yield self._item(document, seed, graph, None)

    def _item(self, document: Document, seed: int, graph: Any, saved: Any) -> RunItem:
        name = f"run[{document.case}-seed{seed}]" if document.case else f"run[seed{seed}]"
        item: RunItem = RunItem.from_parent(self, name=name, document=document, seed=seed, saved=saved)
        if graph.xfail is not None:
            item.add_marker(pytest.mark.xfail(reason=graph.xfail))
        for mark in graph.marks:
            item.add_marker(mark)
        return item


class RunItem(pytest.Item):
    """One run of a scenario.

    Args:
        document: the scenario with its case.
        seed: of the run.
        saved: the failure that is replayed, or None.
    """

    def __init__(self, *, document: Document, seed: int, saved: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document = document
        self.seed = seed
        self.saved = saved
        self.result: Result | None = None

    def runtest(self) -> None:
        """Run it, and fail unless everything that it expects held.

        Raises:
            ScenarioFailed: with the report.
        """
        settings = self.config.stash[SETTINGS]
        result = self._run(settings)
        self.user_properties += properties(result)
        if settings.check_determinism:
            self._compare(result, self._run(settings))
        self.result = result
        self.user_properties.append((summary.SUMMARY, result.summary))
        if result.verdict == "pass":
            return
        if result.verdict == "unknown" and settings.unknown == "skip":
            pytest.skip(result.headline)
        if result.verdict == "unknown" and settings.unknown == "warn":
            self.warn(pytest.PytestWarning(result.headline))
            return
        saved = result.save(settings.root / ".meshsim" / "failures")
        # The first line is what pytest's own summary shows beside the node.
        raise ScenarioFailed(f"{result.headline}\n{result.report(self.nodeid, saved)}")

    def _run(self, settings: Settings) -> Result:
        from meshsim.runner import run_document  # noqa: PLC0415 - collecting does not need it

        with progress.line(self.config, self.name) as tell:
            return run_document(
                self.document,
                self.seed,
                saved=self.saved,
                on_progress=tell,
                trace=self._trace(settings),
                **settings.world_options(),
            )

    def _trace(self, settings: Settings) -> Path | None:
        """Return where this run's trace goes; several runs do not write over each other."""
        if settings.trace is None:
            return None
        runs = [item.nodeid for item in self.session.items if isinstance(item, RunItem)]
        path = traces.path_of(settings.trace, self.nodeid, runs)
        said = (traces.PROPERTY, str(path))
        if said not in self.user_properties:
            self.user_properties.append(said)
        return path

    def _compare(self, one: Result, other: Result) -> None:
        if one.hash != other.hash:
            difference = one.first_difference(other)
            msg = f"{self.nodeid}: the same seed gave two runs; the first event that differs:\n{difference}"
            raise ScenarioFailed(msg)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show a verdict and our own errors as text, anything else with its traceback."""
        if isinstance(excinfo.value, (ScenarioFailed, MeshError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Say where the scenario stands."""
        return self.path, 0, f"{self.document.values['name']} {self.name}"


# One of these words stands in every scenario that can run, or that wanted to.
RUNNABLE = ("services", "extends", "workload", "expect")


def wanted(path: Path, parent: pytest.Collector) -> bool:
    """Whether a scenario file that pytest came across is collected: always, but for the bases of others.

    A file that others extend is named `base.mesh.yaml` in every example, yet may be complete itself; only one
    that has nothing to run is passed over. Who names a file as an argument means it, whatever stands in it.
    """
    if parent.session.isinitpath(path):
        return True
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return any(word in text for word in RUNNABLE)
