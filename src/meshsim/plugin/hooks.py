"""pytest's hooks, each a few lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.plugin import options
from meshsim.plugin.options import SETTINGS
from meshsim.plugin.phases import users_code

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

SUFFIX = ".mesh.yaml"
MARKER = (
    "mesh(scenario=, case=, seed=, seeds=): the scenario that the `mesh` fixture starts, one of its cases, a "
    "seed, and how many seeds from it on"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options; with scenarios and no other arguments, the scenarios are the arguments."""
    config.addinivalue_line("markers", MARKER)
    settings = config.stash[SETTINGS] = options.read(config)
    if settings.replay is not None or settings.scenarios:
        from meshsim.plugin import items  # noqa: PLC0415 - an unused plugin imports nothing

        items.add_arguments(config, settings)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say seed, scenarios and rooms."""
    settings = config.stash[SETTINGS]
    if not settings.scenarios and settings.wired is None:
        return []
    from meshsim.plugin import summary  # noqa: PLC0415 - an unused plugin imports nothing

    return summary.header(settings)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect `*.mesh.yaml`."""
    if not file_path.name.endswith(SUFFIX):
        return None
    from meshsim.plugin import items  # noqa: PLC0415 - an unused plugin imports nothing

    if not items.wanted(file_path, parent):
        return None
    return items.ScenarioFile.from_parent(parent, path=file_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test that uses `mesh` one run for each scenario and seed."""
    if "mesh" not in metafunc.fixturenames:
        return
    from meshsim.plugin import wiring  # noqa: PLC0415 - an unused plugin imports nothing

    wiring.parametrize(metafunc)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """Run a test's own code on the mesh's clock."""
    if not _open():
        return (yield)
    with users_code():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """Run a fixture's own code on the mesh's clock."""
    with users_code():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, None, None]:
    """Run what fixtures do at the end on the mesh's clock."""
    with users_code():
        return (yield)


def _open() -> bool:
    state = sys.modules.get("meshsim.kernel.state")
    return state is not None and state.kernel is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failed test what it takes to see it fail again."""
    report = yield
    if report.failed and "mesh" in getattr(item, "fixturenames", ()):
        from meshsim.plugin import summary  # noqa: PLC0415 - an unused plugin imports nothing

        summary.add_section(item, report)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what each run was."""
    if not any(
        name == "mesh.summary"
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, _ in getattr(report, "user_properties", ())
    ):
        return
    from meshsim.plugin import summary  # noqa: PLC0415 - an unused plugin imports nothing

    summary.write(terminalreporter)
