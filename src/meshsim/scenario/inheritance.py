"""Where a scenario comes from: a file, a folder or a dict, with what it `extends` already merged below it."""

from __future__ import annotations

import os
from collections.abc import Mapping as AnyMapping
from pathlib import Path

from meshsim.core.names import did_you_mean
from meshsim.errors import Mistake, Place, ScenarioError
from meshsim.scenario.merging import merge
from meshsim.scenario.nodes import Mapping, Node, Scalar, describe
from meshsim.scenario.python_input import DICT, from_python
from meshsim.scenario.reading import read_file

__all__ = ["FOLDER_FILE", "SUFFIX", "folder_of", "read_scenario", "scenario_file"]

SUFFIX = ".mesh.yaml"
FOLDER_FILE = "scenario.mesh.yaml"
_CHAIN_MAX = 20


def scenario_file(path: str | os.PathLike[str]) -> str:
    """Return the file that `path` means: itself, or the `scenario.mesh.yaml` of a folder."""
    text = os.fspath(path)
    return os.path.join(text, FOLDER_FILE) if Path(text).is_dir() else text  # noqa: PTH118  ./x stays


def folder_of(place: Place, base: Path) -> Path:
    """Return the absolute folder that relative paths written at `place` are relative to."""
    if place.file.startswith(DICT) or place.file.startswith("--"):
        return base.resolve()
    return Path(place.file).parent.resolve()


def read_scenario(source: str | os.PathLike[str] | AnyMapping[str, object], base: Path) -> Mapping:
    """Return the merged mapping of a scenario and everything it extends.

    Raises ScenarioError with the places of what cannot be read or merged.
    """
    if isinstance(source, AnyMapping):
        return _extended(from_python(source), base, ())
    file = scenario_file(source)
    if not Path(file).exists():
        raise ScenarioError([Mistake(Place(file, 1, 1), f"there is no such scenario{_near_files(file)}")])
    return _extended(read_file(file), base, (file,))


def _extended(root: Node, base: Path, chain: tuple[str, ...]) -> Mapping:
    """Lay `root` over what it extends; `chain` is how we came here, outermost first."""
    if not isinstance(root, Mapping):
        message = f"{describe(root)}: a scenario is a mapping, as services: {{shop: {{wsgi: shop.app:app}}}}"
        raise ScenarioError([Mistake(root.place, message)])
    value = root.get("extends")
    if value is None:
        return root
    file = _extended_file(value, base, chain)
    below = _extended(read_file(file), base, (*chain, file))
    own = Mapping(root.place, {key: e for key, e in root.entries.items() if key != "extends"}, root.source)
    mistakes: list[Mistake] = []
    merged = merge(below, own, mistakes)
    if mistakes:
        raise ScenarioError(mistakes)
    return Mapping(root.place, merged.entries, root.source)


def _extended_file(value: Node, base: Path, chain: tuple[str, ...]) -> str:
    if not isinstance(value, Scalar) or value.is_null:
        message = f"extends: is the path of one scenario, not {describe(value)}"
        raise ScenarioError([Mistake(value.place, message)])
    here = base if not chain else Path(chain[-1]).parent
    file = scenario_file(os.path.normpath(here / value.text))
    same = {_identity(link): index for index, link in enumerate(chain)}
    if _identity(file) in same:
        ring = [*chain[same[_identity(file)] :], file]
        raise ScenarioError([Mistake(value.place, f"extends: goes in a circle: {' -> '.join(ring)}")])
    if len(chain) >= _CHAIN_MAX:
        raise ScenarioError(
            [Mistake(value.place, f"extends: more than {_CHAIN_MAX} files on top of each other")]
        )
    if not Path(file).is_file():
        message = f"extends: there is no file {value.text!r}{_near_files(file)}"
        raise ScenarioError([Mistake(value.place, message)])
    return file


def _identity(file: str) -> str:
    return os.path.realpath(file)


def _near_files(file: str) -> str:
    """Name the nearest scenario beside a file that is not there."""
    folder = Path(file).parent
    if not folder.is_dir():
        return f"; there is no folder {str(folder)!r} either"
    there = [entry.name for entry in folder.iterdir() if entry.name.endswith(SUFFIX)]
    return did_you_mean(Path(file).name, there)
