"""The command `meshsim`: its verbs, what it prints, and its exit codes."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from meshsim.cli import main
from tests.plugin.conftest import MISSES, OUTAGE, Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CASES = """cases:
  far: {links: {default: {latency: 2ms}}}
  out: {faults: [{at: 500ms, for: 1s, partition: [shop, stock]}]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A folder with a shop's scenarios, which is the current one."""
    made = Project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def meshsim(capsys: pytest.CaptureFixture[str], project: Project) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process; gives exit code, output and complaints."""

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as left:
            code = int(left.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_run_that_holds_is_0(meshsim: Callable[..., tuple[int, str, str]]) -> None:
    """One line says verdict, counts, times, seed and hash; nothing is complained of."""
    code, out, err = meshsim("run", "shop.mesh.yaml")
    assert (code, err) == (0, "")
    assert re.match(
        r"shop\.mesh\.yaml seed 0: pass: 2 passed in 2s virtual .* seed 0, hash [0-9a-f]{12}\n$", out
    )


def test_a_run_that_fails_is_1_and_replays(
    project: Project, meshsim: Callable[..., tuple[int, str, str]]
) -> None:
    """The report has place and explanation, and the command that is printed fails in the same way."""
    project.scenario("the outage", OUTAGE)
    code, out, _ = meshsim("run", "the outage.mesh.yaml", "--seed", "3")
    assert code == 1
    assert "the outage.mesh.yaml:11:5  {error_rate: shop, below: 1%}" in out
    assert "  10 of 20 calls failed: 50.00% (must be below 1.00%)" in out
    commands = re.findall(r"^ *replay: (meshsim .*)$", out, re.MULTILINE)
    assert len(commands) == 1
    words = shlex.split(commands[0])
    assert words[:3] == ["meshsim", "run", "the outage.mesh.yaml"]
    again, replayed, _ = meshsim(*words[1:])
    assert again == 1
    assert replayed.splitlines()[0].partition(" hash ")[2] == out.splitlines()[0].partition(" hash ")[2] != ""
    assert "seed 3" in replayed
    assert "this is not the run that was saved" not in replayed


def test_mistakes_are_2_and_all_told(project: Project, meshsim: Callable[..., tuple[int, str, str]]) -> None:
    """Every mistake of every file is a line with its place, from `check` as from `run`."""
    project.write("bad.mesh.yaml", "scenario: x\nservics: {}\nduration: 10\n")
    project.write("worse.mesh.yaml", "scenario: x\nservices: {a: {wsgi: 'a:b', asgi: 'a:b'}}\n")
    code, out, err = meshsim("check", "bad.mesh.yaml", "worse.mesh.yaml", "shop.mesh.yaml")
    assert (code, out) == (2, "")
    for place in ("bad.mesh.yaml:2:1: ", "bad.mesh.yaml:3:11: ", "worse.mesh.yaml:2:"):
        assert any(line.startswith(place) for line in err.splitlines()), err
    assert "Traceback" not in err
    code, out, err = meshsim("run", "bad.mesh.yaml")
    assert (code, out) == (2, "")
    assert "bad.mesh.yaml:2:1: " in err
    assert "bad.mesh.yaml:3:11: " in err


def test_check_of_good_scenarios_is_0_and_runs_nothing(
    project: Project, meshsim: Callable[..., tuple[int, str, str]]
) -> None:
    """A scenario that would fail has no mistakes, and no module of its services is imported."""
    project.scenario("outage", OUTAGE)
    project.write("services/shop.py", "raise SystemExit('imported')\n")
    assert meshsim("check", "outage.mesh.yaml") == (0, "1 scenario, no mistakes\n", "")
    code, out, _ = meshsim("check", "outage.mesh.yaml", "shop.mesh.yaml")
    assert (code, out) == (0, "2 scenarios, no mistakes\n")


def test_check_looks_into_cases(project: Project, meshsim: Callable[..., tuple[int, str, str]]) -> None:
    """A mistake that only a case has is a mistake."""
    project.scenario("cased", "cases:\n  far: {duration: 10}\n")
    code, _, err = meshsim("check", "cased.mesh.yaml")
    assert code == 2
    assert "cased.mesh.yaml:13:19: " in err


def test_a_run_that_met_nothing_is_3(project: Project, meshsim: Callable[..., tuple[int, str, str]]) -> None:
    """Unknown has its own code; among several runs a failure outweighs it, and it outweighs a pass."""
    project.scenario("misses", MISSES)
    project.scenario("outage", OUTAGE)
    code, out, _ = meshsim("run", "misses.mesh.yaml")
    assert code == 3
    assert "stock was asked for POST /take (20), never for GET /never" in out
    assert meshsim("run", "shop.mesh.yaml", "misses.mesh.yaml")[0] == 3
    assert meshsim("run", "outage.mesh.yaml", "misses.mesh.yaml")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "VERB"),
        (("rum", "shop.mesh.yaml"), "invalid choice: 'rum'"),
        (("run",), "PATH"),
        (("run", "shop.mesh.yaml", "--policy", "best"), "invalid choice: 'best'"),
        (("run", "shop.mesh.yaml", "--seed", "x"), "--seed='x': a whole number N, or N+K"),
        (("run", "shop.mesh.yaml", "--seed", "1+0"), "--seed='1+0'"),
        (("run", "nowhere.mesh.yaml"), "nowhere.mesh.yaml"),
        (("check", "nowhere.mesh.yaml"), "nowhere.mesh.yaml"),
        (("run", "shop.mesh.yaml::far"), "far"),
        (("run", "shop.mesh.yaml", "--set", "services.shop.replicaz=2"), "replicas"),
        (("run", "shop.mesh.yaml", "--set", "no equals"), "no equals"),
        (("run", "shop.mesh.yaml", "--replay", "nowhere.json"), "nowhere.json cannot be read"),
        (("run", "shop.mesh.yaml", "--replay", "shop.mesh.yaml"), "shop.mesh.yaml is no saved run"),
    ],
)
def test_usage_is_2_and_told_in_a_sentence(
    meshsim: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], said: str
) -> None:
    """What makes no sense is named with its value, without a traceback."""
    code, out, err = meshsim(*arguments)
    assert code == 2, out + err
    assert said in err
    assert "Traceback" not in err


def test_cases_seeds_and_the_table(project: Project, meshsim: Callable[..., tuple[int, str, str]]) -> None:
    """Without a case all run, with one only that; K seeds are K runs; several runs end in a table."""
    project.scenario("cased", CASES)
    code, out, _ = meshsim("run", "cased.mesh.yaml")
    assert code == 1
    table = out.rpartition("\n\n")[2].splitlines()
    assert [re.split(r"  +", line)[:2] for line in table] == [
        ["cased.mesh.yaml seed 0", "pass"],
        ["cased.mesh.yaml::far seed 0", "pass"],
        ["cased.mesh.yaml::out seed 0", "fail"],
    ]
    assert [line.split("  ")[-1] for line in table] == ["P P", "P P", "P F"]
    code, out, _ = meshsim("run", "cased.mesh.yaml", "--case", "far", "--seed", "4+2")
    assert code == 0
    assert re.findall(r"^(\S+ seed \d+): pass", out, re.MULTILINE) == [
        "cased.mesh.yaml::far seed 4",
        "cased.mesh.yaml::far seed 5",
    ]
    code, out, _ = meshsim("run", "cased.mesh.yaml::out")
    assert code == 1
    assert out.startswith("cased.mesh.yaml::out seed 0: fail")


def test_a_set_value_reaches_the_run_and_its_replay(
    project: Project, meshsim: Callable[..., tuple[int, str, str]]
) -> None:
    """`--set` changes the run, and the replay of a failure under it needs no second `--set`."""
    code, out, _ = meshsim("run", "shop.mesh.yaml", "--set", "duration=4s")
    assert code == 0
    assert "in 4s virtual" in out
    project.scenario("outage", OUTAGE)
    code, out, _ = meshsim("run", "outage.mesh.yaml", "--set", "duration=4s")
    assert code == 1
    command = shlex.split(re.findall(r"replay: (meshsim .*)$", out, re.MULTILINE)[0])
    again, replayed, _ = meshsim(*command[1:])
    assert again == 1
    assert replayed.splitlines()[0].partition(" hash ")[2] == out.splitlines()[0].partition(" hash ")[2]


@pytest.mark.parametrize("verb", [(), ("run",), ("check",)])
def test_help_is_0_and_names_what_there_is(
    meshsim: Callable[..., tuple[int, str, str]], verb: tuple[str, ...]
) -> None:
    """The help of the command names its verbs, that of a verb its arguments."""
    code, out, err = meshsim(*verb, "--help")
    assert (code, err) == (0, "")
    wanted = {(): ["run", "check"], ("run",): ["--case", "--seed", "--set", "--replay"], ("check",): ["PATH"]}
    assert all(word in out for word in wanted[verb])


def test_a_process_of_its_own_gives_the_same_run(project: Project) -> None:
    """`python -m meshsim` gives the same hash whatever PYTHONHASHSEED is, also where it is not set."""
    hashes = set()
    for env in ({}, {"PYTHONHASHSEED": "3"}):
        ran = project.run(sys.executable, "-m", "meshsim", "run", "shop.mesh.yaml", **env)  # type: ignore[arg-type]
        assert ran.code == 0, ran.out
        hashes.add(ran.out.strip().rpartition(" hash ")[2])
    assert len(hashes) == 1
