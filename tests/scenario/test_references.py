"""References to the user's code: found without importing it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from meshsim.scenario.fields import Refused
from meshsim.scenario.references import parse_attribute, parse_program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with modules that must not be imported."""
    for name in ("trap/__init__.py", "trap/inner.py", "space/deep/leaf.py", "run.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("raise SystemExit('imported')\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "text", ["trap:x", "trap.inner:x.y", "space.deep.leaf:x", "json.decoder:x", "sys:x", "os.path:x"]
)
def test_a_module_is_found_without_being_imported(folder: Path, text: str) -> None:
    """Modules of the folder, namespace packages and installed ones are found; nothing runs."""
    if text == "os.path:x":
        # os is a module that puts os.path into sys.modules itself; no file says so.
        with pytest.raises(Refused, match="not a package"):
            parse_attribute(text, folder)
        return
    before = set(sys.modules)
    reference = parse_attribute(text, folder)
    assert f"{reference.module}:{reference.attribute}" == text
    assert reference.folder == str(folder)
    assert not {"trap", "space"} & (set(sys.modules) - before)


def test_a_module_of_the_folder_goes_before_an_installed_one(folder: Path) -> None:
    """A service's own module hides an installed one of the same name."""
    (folder / "json.py").write_text("", encoding="utf-8")
    with pytest.raises(Refused, match="json is not a package"):
        parse_attribute("json.decoder:x", folder)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("trap", "trap:app?"),
        ("trap.inner", "trap:inner?"),
        ("trap:", "is not module:attribute"),
        ("trp:x", "did you mean 'trap'?"),
        ("trap.iner:x", "there is no module 'iner' in trap; did you mean 'inner'?"),
        ("space.depe:x", "did you mean 'deep'?"),
        ("run.x:y", "run is not a package"),
        ("../trap:x", "is not module:attribute"),
    ],
)
def test_a_wrong_reference_is_refused(folder: Path, text: str, hint: str) -> None:
    """What cannot be found is refused with the nearest name."""
    with pytest.raises(Refused) as caught:
        parse_attribute(text, folder)
    assert hint in str(caught.value)


def test_a_program_is_a_function_a_module_or_a_script(folder: Path) -> None:
    """Each form of a program says what it is."""
    assert parse_program("run:main", folder).attribute == "main"
    assert parse_program("trap.inner", folder).attribute is None
    assert parse_program("run.py", folder).script == str(folder / "run.py")
    with pytest.raises(Refused, match=r"no script 'ran\.py'"):
        parse_program("ran.py", folder)
