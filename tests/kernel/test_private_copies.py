"""A test that imports a package which is private to a host is told once that it got another copy."""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.kernel.patches import modules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAID = (
    r"the test imports 'parcel', which is private to its hosts: .* that of shop/0; .*\.module\(\"parcel\"\)"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that the test can import as well; nobody was told of it yet."""
    (tmp_path / "parcel.py").write_text("class Label: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(modules, "_warned", set())
    monkeypatch.setitem(sys.modules, "parcel", types.ModuleType("parcel"))
    del sys.modules["parcel"]
    return tmp_path


def test_an_import_inside_the_world_warns_once(lab: Callable[..., Any], folder: Path) -> None:
    """The first one says where the host's own copy is; the service's own import says nothing."""
    with lab() as sim:
        process = sim.boot("shop/0", [folder], ["parcel"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sim.wait(sim.start(process, lambda: process.modules.builtins["__import__"]("parcel")))
        with pytest.warns(UserWarning, match=SAID):
            import parcel  # type: ignore[import-not-found]
        assert parcel is not process.modules.modules["parcel"]
        del sys.modules["parcel"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            import parcel as again

        assert again is not parcel


@pytest.mark.parametrize("bound", ["module", "class"])
def test_an_import_before_the_world_warns_at_its_opening(
    lab: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    """What stands at the head of a test's file was imported long before."""
    parcel: Any = importlib.import_module("parcel")
    here = sys.modules[__name__]
    monkeypatch.setattr(here, "kept", parcel if bound == "module" else parcel.Label, raising=False)
    with lab() as sim:
        with pytest.warns(UserWarning, match=SAID):
            sim.boot("shop/0", [folder], ["parcel"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sim.boot("shop/1", [folder], ["parcel"])


def test_a_library_that_nobody_tests_by_name_is_no_warning(lab: Callable[..., Any], folder: Path) -> None:
    """A copy that only other code has imported is nobody's mistake."""
    importlib.import_module("parcel")
    with lab() as sim, warnings.catch_warnings():
        warnings.simplefilter("error")
        sim.boot("shop/0", [folder], ["parcel"])
