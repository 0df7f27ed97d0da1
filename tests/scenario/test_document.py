"""From a file or a dict to a document: cases, the general keys, and all mistakes of all cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim import scenario
from meshsim.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHOP = 'services: {shop: {wsgi: "shop.app:app"}}\n'


def test_the_general_keys_arrive(load: Callable[..., Any]) -> None:
    """Name, seeds, times, setup and marks are read."""
    values = load(
        SHOP
        + """\
scenario: the shop holds
seed: 7
seeds: 20
epoch: 2026-01-01T00:00:01.5+01:00
duration: 60s
settle: 30s
setup: ["loads:stock_shelves"]
xfail: "known: retries charge twice"
marks: [slow]
cases: {slow: {seed: 8}}
"""
    )
    assert values["name"] == "the shop holds"
    assert (values["seed"], values["seeds"]) == (7, 20)
    assert values["epoch_ns"] == 1_767_225_600 * 10**9 - 3600 * 10**9 + 15 * 10**8
    assert (values["duration_ns"], values["settle_ns"]) == (60 * 10**9, 30 * 10**9)
    assert [str(reference) for reference in values["setup"]] == ["loads:stock_shelves"]
    assert (values["xfail"], values["marks"], values["cases"]) == (
        "known: retries charge twice",
        ("slow",),
        ("slow",),
    )


def test_the_defaults_are_seed_zero_once_from_2026(load: Callable[..., Any]) -> None:
    """What is not said has the defaults of the surface, and the name of its file."""
    values = load(SHOP)
    assert (values["name"], values["seed"], values["seeds"], values["epoch_ns"]) == (
        "x",
        0,
        1,
        1_767_225_600 * 10**9,
    )
    assert (values["duration_ns"], values["settle_ns"], values["setup"], values["xfail"]) == (
        None,
        None,
        (),
        None,
    )


def test_a_case_lies_over_the_scenario(load: Callable[..., Any]) -> None:
    """A case changes what it names and leaves the rest."""
    text = (
        SHOP + "seed: 1\nlinks: {default: {latency: 1ms, loss: 1%}}\n"
        "cases: {slow: {links: {default: {latency: 50ms}}}}\n"
    )
    (link,) = load(text, case="slow")["links"]
    assert (link.values["latency"].text, link.values["loss_probability"]) == ("50ms", 0.01)
    assert load(text)["links"][0].values["latency"].text == "1ms"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SHOP + "cases: {slow: {}}\n", "2:8: there is no case 'slwo'; did you mean 'slow'?"),
        (SHOP, "1:1: there is no case 'slwo'; the scenario has no cases"),
    ],
)
def test_an_unknown_case_is_refused(wrong: Callable[..., list[str]], text: str, expected: str) -> None:
    """A case that is not there is a mistake with the nearest name."""
    assert wrong(text, case="slwo") == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "1:1: a list of 1: a scenario is a mapping"),
        ("just words\n", "1:1: 'just words': a scenario is a mapping"),
        ("---\n", "a scenario is a mapping"),
        ("{}\n", "1:1: a scenario has nothing to run"),
        (SHOP + "sevices: {}\n", "2:1: a scenario has no 'sevices'; did you mean 'services'?"),
        (SHOP + "<<: {seed: 1}\n", "2:1: a scenario has no '<<'"),
        (SHOP + "seed: -1\n", "2:7: -1 is out of range: 0 to"),
        (SHOP + "seed: 1.5\n", "2:7: '1.5' is not a whole number"),
        (SHOP + "seeds: 0\n", "2:8: 0 is out of range: 1 to"),
        (SHOP + "duration: 10\n", "2:11: '10' is not a duration: 10s?"),
        (SHOP + "duration: 0s\n", "2:11: '0s' is no time at all"),
        (
            SHOP + "epoch: 2026-01-01T00:00:00\n",
            "2:8: '2026-01-01T00:00:00' has no time zone: 2026-01-01T00:00:00Z?",
        ),
        (SHOP + "epoch: yesterday\n", "2:8: 'yesterday' is not a moment"),
        (SHOP + "epoch: 1969-01-01T00:00:00Z\n", "lies before 1970"),
        (SHOP + "setup: ['lods:x']\n", "2:9: 'lods:x': there is no module 'lods'"),
        (SHOP + "cases: [slow]\n", "2:8: cases: is a mapping, not a list of 1"),
        (SHOP + "cases: {slow: 1}\n", "2:15: case 'slow' is a mapping, not '1'"),
        (SHOP + "cases: {'a b': {}}\n", "2:9: 'a b' cannot name a case"),
        (SHOP + "cases: {slow: {cases: {}}}\n", "2:16: case 'slow' has cases:"),
        (SHOP + "cases: {slow: {extends: y}}\n", "2:16: case 'slow' has extends:"),
        (
            "services: {shop: {wsgi: 'shop.app:app', port: 80, port: 81}}\n",
            "1:51: the key 'port' stands twice",
        ),
        ("a: [\n", "1:4: the bracket that opens here is never closed"),
    ],
)
def test_a_wrong_scenario_has_its_place(wrong: Callable[..., list[str]], text: str, expected: str) -> None:
    """Each mistake of the whole is reported at its place."""
    found = wrong(text)
    assert any(expected in mistake for mistake in found), found


def test_all_mistakes_of_all_cases_come_at_once(project: Path, words: Any) -> None:
    """`mistakes` looks at the scenario and at each case, and says everything once."""
    text = (
        SHOP + "seed: x\ncases:\n  a: {links: {default: {loss: 5}}}\n"
        "  b: {sede: 1}\n  c: {duration: 9s}\n  d: {marks: null}\n"
    )
    (project / "x.mesh.yaml").write_text(text, encoding="utf-8")
    found = [str(mistake).removeprefix("x.mesh.yaml:") for mistake in scenario.mistakes("x.mesh.yaml", words)]
    assert [mistake.split(" ")[0] for mistake in found] == ["2:7:", "4:31:", "5:7:", "7:7:"]
    (project / "x.mesh.yaml").write_text(SHOP, encoding="utf-8")
    assert scenario.mistakes("x.mesh.yaml", words) == []
    assert len(scenario.mistakes("y.mesh.yaml", words)) == 1


def test_a_dict_is_a_scenario(project: Path, words: Any) -> None:
    """A dict goes through the same checks; its paths are relative to the current folder."""
    document = scenario.load({"services": {"shop": {"wsgi": "shop.app:app", "replicas": 2}}}, registry=words)
    assert document.values["services"][0].values["path"] == str(project)
    assert (document.file, document.folder) == ("", project)


def test_an_object_in_a_dict_is_kept(project: Path) -> None:
    """An app or a function given as an object arrives as that object."""

    def app() -> None:
        """Stand for a WSGI application."""

    document = scenario.load({"services": {"shop": {"wsgi": app}}, "expect": [{"always": app}]}, base=project)
    assert document.values["services"][0].values["target"].value is app
    assert document.values["expect"][0].values["check"].value is app


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"services": {"shop": {"wsgi": "shop.app:app", "port": 0}}},
            "<dict>.services.shop.port:1:1: 0 is out of range",
        ),
        (
            {"services": {"shop": {"wsgi": "shop.app:app"}}, "faults": [{"at": 2, "crash": "shop"}]},
            "<dict>.faults[0].at:1:1: '2' is not a duration: 2s?",
        ),
        (
            {"services": {"shop": {"wsgi": "shop.app:app", "env": {"A": object()}}}},
            "an object of type object",
        ),
        ({"extends": "nowhere.mesh.yaml"}, "<dict>.extends:1:1: extends: there is no file"),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_wrong_dict_has_its_path(value: dict[str, Any], expected: str) -> None:
    """A mistake in a dict names the path to it."""
    with pytest.raises(ScenarioError) as caught:
        scenario.load(value)
    assert expected in str(caught.value)


def test_a_dict_that_contains_itself_is_refused() -> None:
    """An endless dict is a mistake and not an endless walk."""
    endless: dict[str, Any] = {}
    endless["services"] = endless
    with pytest.raises(ScenarioError, match="does it contain itself"):
        scenario.load(endless)
