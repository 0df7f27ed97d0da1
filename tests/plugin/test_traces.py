"""`--mesh-trace`: a file for each run, under a name that says which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshsim.plugin.traces import path_of

if TYPE_CHECKING:
    from tests.plugin.conftest import Project


def test_one_run_writes_the_path_that_was_given(project: Project) -> None:
    """And the end of the session says where it is."""
    ran = project.pytest("--mesh-scenario=shop.mesh.yaml", "--mesh-trace=out/run.jsonl")
    assert (project.folder / "out" / "run.jsonl").stat().st_size > 100
    assert "trace written: out/run.jsonl" in ran.out


def test_several_runs_write_a_file_each(project: Project) -> None:
    """Cases and seeds are in the names, and no run writes over another."""
    project.scenario("slow", "seed: 7\ncases:\n  slow: {links: {default: {latency: 2ms}}}\n")
    ran = project.pytest("--mesh-scenario=slow.mesh.yaml", "--mesh-trace=run.jsonl")
    names = ["run-slow-seed7.jsonl", "run-slow-slow-seed7.jsonl"]
    assert sorted(path.name for path in project.folder.glob("run*.jsonl")) == names
    texts = [(project.folder / name).read_text() for name in names]
    assert texts[0] != texts[1]
    assert [line for line in ran.out.splitlines() if line.startswith("trace written")] == [
        f"trace written: {name}" for name in names
    ]


@pytest.mark.parametrize(
    ("nodeid", "runs", "name"),
    [
        ("shop.mesh.yaml::run[seed7]", ["shop.mesh.yaml::run[seed7]"], "t.jsonl"),
        (
            "in/shop.mesh.yaml::run[slow-seed7]",
            ["a", "in/shop.mesh.yaml::run[slow-seed7]"],
            "t-in-shop-slow-seed7.jsonl",
        ),
        ("../b.mesh.yaml::run[seed1]", ["a", "../b.mesh.yaml::run[seed1]"], "t-b-seed1.jsonl"),
        (
            "a/b.mesh.yaml::run[seed1]",
            ["a-b.mesh.yaml::run[seed1]", "a/b.mesh.yaml::run[seed1]"],
            "t-a-b-seed1-2.jsonl",
        ),
    ],
)
def test_the_name_of_a_trace(nodeid: str, runs: list[str], name: str) -> None:
    """It is the run's, beside the path; runs of one name are numbered."""
    assert path_of("out/t.jsonl", nodeid, runs).as_posix() == f"out/{name}"
