"""A scenario as test items: which runs there are, what they are called, what they say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from tests.plugin.conftest import EMPTY_FOLDER, MISSES, OUTAGE

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

SLOW = "seed: 7\ncases:\n  slow: {links: {default: {latency: 2ms}}}\n"
TEST = "def test_of_my_own(): pass\n"


def ids(out: str) -> list[str]:
    """Return the node ids of `--collect-only -q`."""
    return [line for line in out.splitlines() if "::" in line]


def test_a_named_scenario_alone_is_all_that_runs(project: Project) -> None:
    """Without arguments only the scenario runs, with arguments the tests as well."""
    project.write("test_mine.py", TEST)
    alone = project.pytest("--mesh-scenario=shop.mesh.yaml", "--collect-only", "-q")
    assert ids(alone.out) == ["shop.mesh.yaml::run[seed0]"]
    both = project.pytest("test_mine.py", "--mesh-scenario=shop.mesh.yaml", "--collect-only", "-q")
    assert ids(both.out) == ["test_mine.py::test_of_my_own", "shop.mesh.yaml::run[seed0]"]
    twice = project.pytest("shop.mesh.yaml", "--mesh-scenario=shop.mesh.yaml", "--collect-only", "-q")
    assert ids(twice.out) == ["shop.mesh.yaml::run[seed0]"]


def test_scenario_files_are_collected_like_tests(project: Project) -> None:
    """A file as an argument and a file in a folder are runs, without any option."""
    project.write("test_mine.py", TEST)
    project.scenario("in/scenario", **{"./services": "../services"})
    named = project.pytest("shop.mesh.yaml", "--collect-only", "-q")
    assert ids(named.out) == ["shop.mesh.yaml::run[seed0]"]
    everything = project.pytest("--collect-only", "-q")
    assert sorted(ids(everything.out)) == [
        "in/scenario.mesh.yaml::run[seed0]",
        "shop.mesh.yaml::run[seed0]",
        "test_mine.py::test_of_my_own",
    ]
    project.write("in/longer.mesh.yaml", "extends: scenario.mesh.yaml\nduration: 3s\n")
    project.write("in/base.mesh.yaml", "links: {default: {latency: 1ms}}\n")
    below = project.pytest("in", "--collect-only", "-q")
    assert ids(below.out) == ["in/longer.mesh.yaml::run[seed0]", "in/scenario.mesh.yaml::run[seed0]"]
    folder = project.pytest("--mesh-scenario=in", "--collect-only", "-q")
    assert ids(folder.out) == ["in/scenario.mesh.yaml::run[seed0]"]


def test_node_ids_name_case_and_seed(project: Project) -> None:
    """Cases are runs of their own, seeds are too, and each can be asked for alone."""
    project.scenario("slow", SLOW)
    every = project.pytest("slow.mesh.yaml", "--collect-only", "-q")
    assert ids(every.out) == ["slow.mesh.yaml::run[seed7]", "slow.mesh.yaml::run[slow-seed7]"]
    case = project.pytest("--mesh-scenario=slow.mesh.yaml::slow", "--collect-only", "-q")
    assert ids(case.out) == ["slow.mesh.yaml::run[slow-seed7]"]
    one = project.pytest("slow.mesh.yaml::run[slow-seed7]", "--collect-only", "-q")
    assert ids(one.out) == ["slow.mesh.yaml::run[slow-seed7]"]


def test_seeds_of_the_command_line_and_of_the_scenario(project: Project) -> None:
    """N is one seed, N+K are K from it, and without either the scenario's own count."""
    project.scenario("many", "seed: 7\nseeds: 3\n")

    def seeds(*arguments: str) -> list[str]:
        ran = project.pytest("many.mesh.yaml", "--collect-only", "-q", *arguments)
        return re.findall(r"run\[seed(\d+)\]", ran.out)

    assert seeds() == ["7", "8", "9"]
    assert seeds("--mesh-seed=4") == ["4"]
    assert seeds("--mesh-seed=4+2") == ["4", "5"]
    project.ini("mesh_seed = 11")
    assert seeds() == ["11"]
    assert seeds("--mesh-seed=4") == ["4"]
    wrong = project.pytest("--mesh-seed=four")
    assert wrong.code == 4
    assert "--mesh-seed='four': a whole number N, or N+K for K seeds from N on" in wrong.out


def test_a_run_that_passes_says_what_it_was(project: Project) -> None:
    """The head names seed, scenario and rooms; the end has a line a run; JUnit has its properties."""
    ran = project.pytest("--mesh-scenario=shop.mesh.yaml", "--mesh-seed=3", "--junitxml=junit.xml")
    assert ran.code == 0, ran.out
    assert ran.line("meshsim: ") == "meshsim: seed 3; shop.mesh.yaml; rooms: wsgi"
    said = ran.line("shop.mesh.yaml::run[seed3]:")
    found = re.search(r"2 passed in 2s virtual \(.*s\), 40 calls, seed 3, hash ([0-9a-f]{12})$", said)
    assert found, said
    case = ET.parse(project.folder / "junit.xml").find(".//testcase")
    assert case is not None
    given = {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}
    assert given["mesh.seed"] == "3"
    assert given["mesh.trace_hash"].startswith(found[1])
    assert 2 <= float(given["mesh.virtual_seconds"]) < 2.1


def test_a_failure_says_where_and_why_and_replays(project: Project) -> None:
    """The text has the place, the explanation and a command that, executed, fails in the same way."""
    project.scenario("the outage", OUTAGE)
    ran = project.pytest("--mesh-scenario=the outage.mesh.yaml")
    assert ran.code == 1
    assert "the outage.mesh.yaml:11:5  {error_rate: shop, below: 1%}" in ran.lines
    assert "  10 of 20 calls failed: 50.00% (must be below 1.00%)" in ran.lines
    assert any("FAULT" in line and "partition shop, stock :13:5" in line for line in ran.lines)
    command = ran.line("replay: ").removeprefix("replay: ")
    assert command.startswith("pytest 'the outage.mesh.yaml::run[seed0]' --mesh-replay=.meshsim/failures/")
    again = project.run("sh", "-c", command)
    assert again.code == 1, again.out
    hashes = [re.search(r"hash ([0-9a-f]{12})", one.out) for one in (ran, again)]
    assert hashes[0] and hashes[1] and hashes[0][1] == hashes[1][1]
    assert "  10 of 20 calls failed: 50.00% (must be below 1.00%)" in again.lines
    assert "this is not the run that was saved" not in again.out


def test_a_replay_of_a_changed_scenario_says_so(project: Project) -> None:
    """A replay that goes another way is not taken for the run that was saved."""
    project.scenario("outage", OUTAGE)
    ran = project.pytest("outage.mesh.yaml")
    saved = ran.line("replay: ").split()[-1]
    project.scenario("outage", OUTAGE.replace("500ms", "700ms"))
    again = project.pytest(saved)
    assert again.code == 1
    assert "this is not the run that was saved" in again.out


def test_a_replay_of_no_saved_run_is_a_usage_error(project: Project) -> None:
    """A file that is not there and one that is something else are told in a sentence."""
    for name, said in (("no.json", "cannot be read"), ("shop.mesh.yaml", "is no saved run")):
        ran = project.pytest(f"--mesh-replay={name}")
        assert ran.code == 4
        assert f"--mesh-replay: {name} {said}" in ran.out
        assert "INTERNALERROR" not in ran.out


def test_unknown_is_what_the_ini_file_says(project: Project) -> None:
    """A run in which a fault met nothing fails, unless the ini file says skip or warn."""
    project.scenario("misses", MISSES)
    failed = project.pytest("misses.mesh.yaml")
    assert failed.code == 1
    assert "  stock was asked for POST /take (20), never for GET /never" in failed.lines
    assert "1 failed" in failed.out
    skipped = project.pytest("misses.mesh.yaml", "-o", "mesh_unknown=skip", "-rs")
    assert skipped.code == 0
    assert "1 skipped" in skipped.out
    assert "met nothing" in skipped.out
    warned = project.pytest("misses.mesh.yaml", "-o", "mesh_unknown=warn")
    assert warned.code == 0
    assert "1 passed, 1 warning" in warned.out
    wrong = project.pytest("misses.mesh.yaml", "-o", "mesh_unknown=maybe")
    assert wrong.code == 4
    assert "mesh_unknown = 'maybe': one of fail, skip, warn" in wrong.out


def test_a_failure_outweighs_an_ini_file_that_forgives_unknown(project: Project) -> None:
    """`mesh_unknown = skip` does not hide an expectation that failed."""
    project.scenario("both", OUTAGE + MISSES.removeprefix("faults:\n"))
    ran = project.pytest("both.mesh.yaml", "-o", "mesh_unknown=skip")
    assert ran.code == 1
    assert "1 failed" in ran.out


def test_xfail_and_marks_of_a_scenario(project: Project) -> None:
    """A known failure is expected, and marks select runs."""
    project.scenario("known", OUTAGE + 'xfail: "known: no retries"\nmarks: [lengthy]\n')
    project.ini("markers = lengthy: takes its time")
    ran = project.pytest("known.mesh.yaml", "-rx")
    assert ran.code == 0
    assert "1 xfailed" in ran.out
    assert "known: no retries" in ran.out
    chosen = project.pytest("-m", "lengthy", "--collect-only", "-q")
    assert ids(chosen.out) == ["known.mesh.yaml::run[seed0]"]


def test_a_wrong_scenario_is_a_clean_collection_error(project: Project) -> None:
    """Every mistake has its place, there is no traceback, and pytest was interrupted by an error."""
    project.write("bad.mesh.yaml", "scenario: x\nservics: {}\nduration: 10\n")
    ran = project.pytest("bad.mesh.yaml")
    assert ran.code == 2
    assert "bad.mesh.yaml:2:1: " in ran.out
    assert "bad.mesh.yaml:3:11: " in ran.out
    assert "Traceback" not in ran.out
    assert ".py:" not in ran.out
    named = project.pytest("--mesh-scenario=bad.mesh.yaml")
    assert named.code == 2
    assert "bad.mesh.yaml:3:11: " in named.out
    missing = project.pytest("--mesh-scenario=nowhere.mesh.yaml")
    assert missing.code == 4
    assert "--mesh-scenario=nowhere.mesh.yaml: there is no scenario file" in missing.out
    case = project.pytest("--mesh-scenario=shop.mesh.yaml::slw")
    assert case.code == 2
    assert "slw" in case.out
    assert "Traceback" not in case.out


def test_determinism_is_checked_by_a_second_run(project: Project) -> None:
    """A deterministic service passes; one whose reply counts on across runs is named with its first event."""
    good = project.pytest("shop.mesh.yaml", "--mesh-check-determinism", "--junitxml=junit.xml")
    assert good.code == 0, good.out
    names = [one.attrib["name"] for one in ET.parse(project.folder / "junit.xml").iter("property")]
    assert names.count("mesh.trace_hash") == 1
    # An attribute of a module that no world owns outlives the first run, as a machine's state would.
    service = project.folder / "services/stock.py"
    text = service.read_text(encoding="utf-8")
    service.write_text(
        text.replace(
            'return {"taken": next(taken)}',
            'import sys; sys.leak = getattr(sys, "leak", 0) + 1\n    return "x" * sys.leak',
        ),
        encoding="utf-8",
    )
    shop = project.folder / "services/shop.py"
    shop.write_text(shop.read_text(encoding="utf-8").replace(".json()", ".text"), encoding="utf-8")
    bad = project.pytest("shop.mesh.yaml", "--mesh-check-determinism")
    assert bad.code == 1
    assert "shop.mesh.yaml::run[seed0]: the same seed gave two runs; the first event that differs:" in bad.out
    after = bad.out.partition("the first event that differs:\n")[2]
    assert "POST /take" in after.split("\n\n")[0] or "stock" in after.split("\n\n")[0], after[:400]


def test_without_the_plugin_nothing_is_collected(project: Project) -> None:
    """`-p no:meshsim` leaves a scenario file alone and the options unknown."""
    project.write("test_mine.py", TEST)
    ran = project.pytest("-p", "no:meshsim", "--collect-only", "-q")
    assert ran.code == 0
    assert ids(ran.out) == ["test_mine.py::test_of_my_own"]
    refused = project.pytest("-p", "no:meshsim", "--mesh-scenario=shop.mesh.yaml")
    assert refused.code == 4


def test_workers_of_xdist_run_the_scenarios(project: Project) -> None:
    """With two processes the same runs have the same hashes, and the summary has all of them."""
    alone = project.pytest("--mesh-scenario=shop.mesh.yaml", "--mesh-seed=1+2")
    spread = project.pytest("--mesh-scenario=shop.mesh.yaml", "--mesh-seed=1+2", "-n", "2")
    assert spread.code == 0, spread.out
    for seed in (1, 2):
        lines = [ran.line(f"shop.mesh.yaml::run[seed{seed}]:") for ran in (alone, spread)]
        assert lines[0].split()[-1] == lines[1].split()[-1]


def test_an_empty_scenario_is_no_success_by_chance(project: Project) -> None:
    """Services alone boot and pass: nothing was expected, and nothing was done that could have failed."""
    project.write("empty.mesh.yaml", EMPTY_FOLDER)
    ran = project.pytest("empty.mesh.yaml")
    assert ran.code == 0, ran.out
