"""Failures on disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import ReplayError
from meshsim.runner import load_saved, run_document
from meshsim.scenario import load
from tests.runner.shop import run

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """
scenario: a stock that is lost at times
services:
  shop: {wsgi: "meshshop:shop", replicas: 2, restart: 100ms}
faults:
  - {every: 200ms..900ms, crash: shop/any}
workload:
  - {name: buyers, call: "shop GET /:id", rate: poisson(30/s)}
duration: 3s
expect:
  - {error_rate: shop, below: 0.1%}
"""
CODE = """
import random, time
def shop(environ, start):
    time.sleep(random.random() / 10)
    start("200 OK", [])
    return [b"ok"]
"""


@pytest.fixture
def failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Any]:
    """A scenario that fails, with its saved run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.mesh.yaml").write_text(SCENARIO)
    (tmp_path / "meshshop.py").write_text(CODE)
    result = run_document(load("shop.mesh.yaml"), 11, policy="pct")
    assert result.verdict == "fail"
    return result.save(), result


def test_a_saved_failure_runs_again_exactly(failure: tuple[Path, Any]) -> None:
    """The file has scenario, seed, policy and every choice, and gives the same run and the same report."""
    path, result = failure
    assert str(path) == f".meshsim/failures/{result.hash[:8]}.json"
    saved = load_saved(path)
    assert (saved.scenario, saved.case, saved.seed, saved.policy) == ("shop.mesh.yaml", None, 11, "pct")
    assert saved.differences() == []
    again = run_document(load(saved.scenario, saved.case, saved.overrides), saved.seed, saved=saved)
    assert again.hash == result.hash
    assert again.report() == result.report()


def test_the_choices_count_not_the_seed(failure: tuple[Path, Any]) -> None:
    """A replay follows its tape also under another seed."""
    path, result = failure
    saved = load_saved(path)
    assert run_document(load(saved.scenario), 12, saved=saved).hash == result.hash
    assert run_document(load(saved.scenario), 12).hash != result.hash


def test_a_replay_that_goes_another_way_says_so(failure: tuple[Path, Any]) -> None:
    """Changed code gives another run, which must not pass for the saved one."""
    path, _ = failure
    code = path.resolve().parents[2] / "meshshop.py"
    code.write_text(CODE.replace('[b"ok"]', '[b"changed"]'))
    saved = load_saved(path)
    again = run_document(load(saved.scenario), saved.seed, saved=saved)
    assert "this is not the run that was saved" in again.report()


def test_the_report_has_the_command_that_replays(
    failure: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is quoted for a shell, and pins the hash seed where one was set."""
    path, result = failure
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    node = "shop.mesh.yaml::run[seed11]"
    assert f"replay: pytest '{node}' --mesh-replay={path}" in result.report(node, path)
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    assert f"replay: env PYTHONHASHSEED=0 pytest '{node}'" in result.report(node, path)


def test_what_is_no_saved_run_is_refused_with_its_name(tmp_path: Path) -> None:
    """A missing, a foreign and a damaged file are each told, never with a traceback of ours."""
    path = tmp_path / "x.json"
    with pytest.raises(ReplayError, match=r"x\.json cannot be read: No such file"):
        load_saved(path)
    for text, why in (("{", "is no saved run"), ("[]", "found 'list'"), ('{"meshsim": 99}', "found 99")):
        path.write_text(text)
        with pytest.raises(ReplayError, match=why):
            load_saved(path)
    saved = run(expect=[]).save(tmp_path)
    data = json.loads(saved.read_text())
    del data["seed"]
    path.write_text(json.dumps(data))
    with pytest.raises(ReplayError, match="damaged: KeyError: 'seed'"):
        load_saved(path)


def test_versions_that_differ_are_named(failure: tuple[Path, Any]) -> None:
    """A replay under another library says which."""
    path, _ = failure
    data = json.loads(path.read_text())
    assert "greenlet" in data["versions"]
    data["versions"]["greenlet"] = "0.1"
    data["hash_seed"] = "77"
    path.write_text(json.dumps(data))
    differences = load_saved(path).differences()
    assert differences[0].startswith("greenlet was 0.1, is ")
    assert differences[1].startswith("PYTHONHASHSEED was 77, is ")
