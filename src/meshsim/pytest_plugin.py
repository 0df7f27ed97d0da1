"""The pytest plugin: a thin shell over `meshsim.plugin`.

Nothing else of meshsim is imported until a scenario, a marker or a fixture asks for it, so that an installed
and unused plugin costs a test run nothing.
"""

from __future__ import annotations

from meshsim.plugin.fixtures import mesh, mesh_factory, mesh_scenario
from meshsim.plugin.hooks import (
    pytest_addoption,
    pytest_collect_file,
    pytest_configure,
    pytest_fixture_setup,
    pytest_generate_tests,
    pytest_pyfunc_call,
    pytest_report_header,
    pytest_runtest_makereport,
    pytest_runtest_teardown,
    pytest_terminal_summary,
)

__all__ = [
    "mesh",
    "mesh_factory",
    "mesh_scenario",
    "pytest_addoption",
    "pytest_collect_file",
    "pytest_configure",
    "pytest_fixture_setup",
    "pytest_generate_tests",
    "pytest_pyfunc_call",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_runtest_teardown",
    "pytest_terminal_summary",
]
