"""Caches of libraries do not keep a closed world alive, nor lend its objects to the next."""

from __future__ import annotations

import gc
import sys
import types
import typing
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


class Library:
    """A module with a cached function and a cached method, as a package or as somebody's own."""

    def __init__(self, file: str) -> None:
        self.module = types.ModuleType(Path(file).stem)
        self.module.__file__ = file
        source = (
            "import functools\n"
            "@functools.lru_cache\ndef remember(thing): return thing\n"
            "class Kept:\n    @functools.lru_cache\n    def remember(self, thing): return thing\n"
        )
        exec(source, vars(self.module))

    def sizes(self) -> tuple[int, int]:
        """How much the two caches hold."""
        return (
            self.module.remember.cache_info().currsize,
            self.module.Kept.remember.cache_info().currsize,
        )


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Library]:
    """Make a library that lies in a file, imported for the time of a test."""

    def make(file: str) -> Library:
        made = Library(file)
        monkeypatch.setitem(sys.modules, made.module.__name__, made.module)
        return made

    return make


def test_what_a_package_cached_inside_a_world_is_forgotten(
    lab: Callable[..., Any], library: Callable[[str], Library]
) -> None:
    """A cache of an installed package that grew is empty after the world, on a function and on a method."""
    found = library("/somewhere/site-packages/a_library_with_caches.py").module

    def use() -> None:
        found.remember(1)
        found.Kept().remember(2)

    with lab() as sim:
        sim.run(use)
        assert found.remember.cache_info().currsize == 1
    assert found.remember.cache_info().currsize == found.Kept.remember.cache_info().currsize == 0


def test_what_was_cached_before_stays_when_nothing_is_added(
    lab: Callable[..., Any], library: Callable[[str], Library]
) -> None:
    """A cache that the world only read is left as it was."""
    found = library("/somewhere/site-packages/a_library_with_caches.py")
    found.module.remember("before")
    with lab() as sim:
        sim.run(lambda: found.module.remember("before"))
    assert found.sizes() == (1, 0)


def test_somebodys_own_caches_are_left_alone(
    lab: Callable[..., Any], library: Callable[[str], Library]
) -> None:
    """A module that is not installed keeps what it cached: it may make its one client so."""
    found = library("/somewhere/project/a_project_with_caches.py")
    with lab() as sim:
        sim.run(lambda: found.module.remember("client"))
    assert found.sizes() == (1, 0)


@pytest.mark.parametrize("times", [1, 3])
def test_an_annotation_does_not_keep_its_class(lab: Callable[..., Any], times: int) -> None:
    """`typing` remembers what it was subscripted with, but not beyond the world."""
    kept: list[weakref.ref[Any]] = []

    def annotate() -> None:
        local = type("Local", (), {})
        kept.append(weakref.ref(local))
        assert typing.Optional[local] is typing.Optional[local]  # noqa: UP045 - what is cached

    for _ in range(times):
        with lab() as sim:
            sim.run(annotate)
    gc.collect()
    assert [reference() for reference in kept] == [None] * times


def test_the_private_modules_of_a_closed_world_are_collected_in_time() -> None:
    """Worlds in a row, without a collection that anybody asks for, do not pile up."""
    from meshsim.scenario import load
    from meshsim.world import World

    alive: list[weakref.ref[Any]] = []
    document = load({"services": {"a": {"wsgi": "wsgiref.simple_server:demo_app"}}})
    for _ in range(40):
        world = World.from_document(document, 1)
        with world as mesh:
            # As large as a service's own modules and objects.
            ballast = [{"key": str(number)} for number in range(20_000)]
            vars(mesh.kernel)["ballast"] = ballast
            alive.append(weakref.ref(mesh.kernel))
        del world, mesh, ballast
    assert sum(reference() is not None for reference in alive) < 20
