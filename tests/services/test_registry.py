"""Words become adapters: built-in ones and those of plugins."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meshsim.errors import UsageError
from meshsim.services import registry


def distribution(name: str) -> Any:
    """Return what an entry point knows of its distribution."""
    return SimpleNamespace(name=name, version="1.0")


def installed(monkeypatch: pytest.MonkeyPatch, *entries: tuple[str, str, str]) -> None:
    """Have just these entry points be installed, given as (word, value, distribution)."""
    points = []
    for word, value, owner in entries:
        point = EntryPoint(word, value, registry.GROUP)
        vars(point).update(dist=distribution(owner))
        points.append(point)

    def entry_points(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in points if point.group == group and name in (None, point.name)]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    monkeypatch.setattr(registry, "_loaded", {})


@pytest.mark.parametrize("word", ["wsgi", "asgi", "python"])
def test_a_built_in_adapter_knows_its_word(word: str) -> None:
    """A built-in word gives the adapter that carries it."""
    assert registry.load_adapter(word).word == word


def test_the_built_in_ones_are_registered_as_plugins_are() -> None:
    """The table of built-in adapters is what the package's own metadata says."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["entry-points"][registry.GROUP] == registry.BUILT_IN


def test_a_plugins_adapter_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word of a plugin gives the object that its entry point names."""
    installed(monkeypatch, ("arc", "meshsim.services.wsgi:ADAPTER", "meshsim-arc"))
    assert registry.load_adapter("arc") is registry.load_adapter("wsgi")


def test_an_unknown_word_is_told_what_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that nobody supplies is an error with the nearest ones."""
    installed(monkeypatch)
    with pytest.raises(UsageError, match=r"no adapter is called 'wsgy'.*wsgi"):
        registry.load_adapter("wsgy")


def test_a_broken_adapter_names_its_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that cannot be loaded says whose it is, and only when it is wanted."""
    installed(monkeypatch, ("arc", "no_such_module:adapter", "meshsim-arc"))
    assert "arc" in registry.words()
    with pytest.raises(UsageError, match=r"'arc' of the distribution meshsim-arc 1\.0 .*No module named"):
        registry.load_adapter("arc")


def test_two_suppliers_of_a_word_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that two distributions supply is an error that names both, in name order."""
    installed(monkeypatch, ("arc", "b:x", "second"), ("arc", "a:x", "first"))
    with pytest.raises(UsageError, match=r"supplied by first 1\.0 and second 1\.0"):
        registry.load_adapter("arc")
