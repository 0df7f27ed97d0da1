"""Files, folders and `extends`: what lies over what, and whose folder counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim import scenario
from meshsim.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_scenario_lies_over_what_it_extends(load: Callable[..., Any], project: Path) -> None:
    """Maps merge, lists replace, a plus appends and null deletes, down a chain of files."""
    (project / "base.mesh.yaml").write_text(
        'seed: 3\nservices: {shop: {wsgi: "shop.app:app", env: {A: 1, B: 2}}}\nmarks: [slow]\nsettle: 5s\n',
        "utf-8",
    )
    (project / "mid.mesh.yaml").write_text("extends: base.mesh.yaml\n+marks: [net]\nsettle: null\n", "utf-8")
    values = load("extends: mid.mesh.yaml\nseed: 4\nservices: {shop: {env: {B: 03}}}\n")
    assert (values["seed"], values["marks"], values["settle_ns"]) == (4, ("slow", "net"), None)
    assert values["services"][0].values["env"] == {"A": "1", "B": "03"}


def test_a_folder_is_its_scenario(load: Callable[..., Any], project: Path) -> None:
    """A folder stands for the `scenario.mesh.yaml` inside it, also below `extends`."""
    (project / "base").mkdir()
    (project / "base" / "scenario.mesh.yaml").write_text('services: {tool: {python: "tool:main"}}\n', "utf-8")
    (project / "base" / "tool.py").write_text("", "utf-8")
    assert load("extends: base\n")["services"][0].values["name"] == "tool"
    assert scenario.load(project / "base").values["name"] == "base"


def test_paths_are_relative_to_the_file_they_stand_in(load: Callable[..., Any], project: Path) -> None:
    """A service of a base in another folder has that folder, a path of the overlay has the overlay's."""
    (project / "deep" / "code").mkdir(parents=True)
    (project / "deep" / "code" / "late.py").write_text("", "utf-8")
    (project / "deep" / "base.mesh.yaml").write_text(
        'services: {late: {python: "late:main", path: ./code}}\n', "utf-8"
    )
    values = load('extends: deep/base.mesh.yaml\nservices: {tool: {python: "tool:main"}}\n')
    late, tool = (service.values for service in values["services"])
    assert late["path"] == late["target"].folder == str(project / "deep" / "code")
    assert tool["path"] == str(project)


def test_a_mistake_in_a_base_has_its_place_there(wrong: Callable[..., list[str]], project: Path) -> None:
    """What a base gets wrong is reported in the base."""
    (project / "base.mesh.yaml").write_text('services:\n  shop: {wsgi: "shop.app:app", prot: 80}\n', "utf-8")
    (mistake,) = wrong("extends: base.mesh.yaml\n")
    assert mistake.startswith("base.mesh.yaml:2:32: service 'shop' has no 'prot'; did you mean 'port'?")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"x": "extends: x.mesh.yaml"},
            "x.mesh.yaml:1:10: extends: goes in a circle: x.mesh.yaml -> x.mesh.yaml",
        ),
        (
            {
                "x": "extends: a.mesh.yaml",
                "a": "seed: 1\nextends: b.mesh.yaml",
                "b": "extends: ./a.mesh.yaml",
            },
            "b.mesh.yaml:1:10: extends: goes in a circle: a.mesh.yaml -> b.mesh.yaml -> a.mesh.yaml",
        ),
        (
            {"x": "extends: bsae.mesh.yaml", "base": ""},
            "x.mesh.yaml:1:10: extends: there is no file 'bsae.mesh.yaml'; did you mean 'base.mesh.yaml'?",
        ),
        ({"x": "extends: no/y.mesh.yaml"}, "there is no folder 'no' either"),
        ({"x": "extends: [a]"}, "x.mesh.yaml:1:10: extends: is the path of one scenario, not a list of 1"),
        ({"x": "extends:"}, "x.mesh.yaml:1:9: extends: is the path of one scenario, not nothing"),
        ({"x": "extends: a.mesh.yaml", "a": "- 1"}, "a.mesh.yaml:1:1: a list of 1: a scenario is a mapping"),
        ({"x": "extends: a.mesh.yaml\nseeed: null", "a": "seed: 1"}, "x.mesh.yaml:2:1: seeed: null deletes"),
    ],
)
def test_a_wrong_extends_has_its_place(project: Path, files: dict[str, str], expected: str) -> None:
    """A circle is shown in full, a missing file with its nearest name."""
    for name, text in files.items():
        (project / f"{name}.mesh.yaml").write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        scenario.load("x.mesh.yaml")
    assert expected in str(caught.value)


def test_a_tower_of_files_is_refused(project: Path) -> None:
    """More files on top of each other than anybody can follow are refused, not walked for ever."""
    for number in range(40):
        (project / f"{number}.mesh.yaml").write_text(f"extends: {number + 1}.mesh.yaml", "utf-8")
    with pytest.raises(ScenarioError, match=r"19\.mesh\.yaml:1:10: extends: more than 20 files"):
        scenario.load("0.mesh.yaml")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shp.mesh.yaml", "did you mean 'shop.mesh.yaml'?"),
        ("empty", "empty/scenario.mesh.yaml:1:1: there is no such"),
    ],
)
def test_a_missing_scenario_names_its_neighbour(project: Path, name: str, expected: str) -> None:
    """A path that is not there is a mistake with the nearest file beside it."""
    (project / "shop.mesh.yaml").write_text("", "utf-8")
    (project / "empty").mkdir()
    with pytest.raises(ScenarioError) as caught:
        scenario.load(name)
    assert expected in str(caught.value)
