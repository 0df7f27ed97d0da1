"""References to the user's Python code, `module:attribute`, and whether the module can be found.

Nothing of the user's is imported to find out: importing is the world's business, on the host that owns the
module, and a scenario must be checkable without its services' side effects.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from meshsim.core.names import did_you_mean
from meshsim.scenario.fields import Check, Refused
from meshsim.scenario.inheritance import folder_of
from meshsim.scenario.nodes import Node, Scalar
from meshsim.scenario.values import text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Reference", "callable_reference", "parse_attribute", "parse_program"]

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Reference:
    """Something in the user's code.

    `module` is a dotted name or None, `script` the absolute path of a script or None, `attribute` what to
    take from the module (None runs it as `python -m` does), `folder` the absolute import root. `value` is
    set instead of all of these when the scenario came from Python and named the object itself.
    """

    text: str
    module: str | None = None
    attribute: str | None = None
    script: str | None = None
    folder: str = ""
    value: object = None

    def __str__(self) -> str:
        return self.text


def callable_reference(node: Node, check: Check) -> Reference:
    """Parse `checks.shop:stock_never_negative`, looked up beside the file in which it stands."""
    if isinstance(node, Scalar) and callable(node.value):
        return Reference(getattr(node.value, "__qualname__", node.text), value=node.value)
    return parse_attribute(text(node, check), folder_of(node.place, check.base))


def parse_attribute(written: str, folder: Path) -> Reference:
    """Return the reference `module:attribute`, its module found under `folder` or installed.

    Raises Refused with what would be right.
    """
    module, colon, attribute = written.partition(":")
    if not colon:
        raise Refused(f"{written!r} names no attribute: {_guess(written)}?")
    if not _DOTTED.fullmatch(module) or not _DOTTED.fullmatch(attribute):
        raise Refused(f"{written!r} is not module:attribute, as shop.app:app")
    _find(written, module, folder)
    return Reference(written, module=module, attribute=attribute, folder=str(folder))


def parse_program(written: str, folder: Path) -> Reference:
    """Return a function `module:attribute`, a module to run, or a script's path. Raises Refused otherwise."""
    if ":" in written:
        return parse_attribute(written, folder)
    if written.endswith(".py"):
        script = folder / written
        if not script.is_file():
            raise Refused(f"there is no script {written!r} in {folder}")
        return Reference(written, script=str(script.resolve()), folder=str(folder))
    if not _DOTTED.fullmatch(written):
        raise Refused(f"{written!r} is no program: module:function, a module, or a script's path")
    _find(written, written, folder)
    return Reference(written, module=written, folder=str(folder))


def _guess(written: str) -> str:
    """Guess where the colon was meant to be."""
    module, dot, attribute = written.rpartition(".")
    return f"{module}:{attribute}" if dot else f"{written}:app"


def _find(written: str, module: str, folder: Path) -> None:
    """Check that a module exists without importing any part of it."""
    names = module.split(".")
    spec = _find_top(names[0], folder)
    if spec is None:
        raise Refused(
            f"{written!r}: there is no module {names[0]!r} in {folder}, and none is installed"
            f"{did_you_mean(names[0], _modules_in([str(folder)]))}"
        )
    inside = names[0]
    for name in names[1:]:
        locations = spec.submodule_search_locations
        there = [] if locations is None else _listed(locations)
        # By its last name alone: a full one makes the finder ask for the parent in sys.modules.
        found = PathFinder.find_spec(name, there) if there else None
        if found is None:
            near = did_you_mean(name, _modules_in(there)) if there else f"; {inside} is not a package"
            raise Refused(f"{written!r}: there is no module {name!r} in {inside}{near}")
        spec, inside = found, f"{inside}.{name}"


def _find_top(name: str, folder: Path) -> ModuleSpec | None:
    spec = PathFinder.find_spec(name, [str(folder)])
    if spec is not None:
        return spec
    if name in sys.builtin_module_names:
        return ModuleSpec(name, None)
    try:
        # Also asks the finders of editable installs; a top-level name is never imported by this.
        return PathFinder.find_spec(name) or importlib.util.find_spec(name)
    except (ImportError, ValueError):
        # ValueError: a module in sys.modules with no __spec__, as __main__ may be. It exists.
        return ModuleSpec(name, None) if name in sys.modules else None


def _listed(locations: Iterable[str]) -> list[str]:
    # The path of a namespace package recalculates itself when walked, and asks for parents that nobody
    # imported.
    return [str(location) for location in getattr(locations, "_path", locations)]


def _modules_in(folders: list[str]) -> list[str]:
    names: set[str] = set()
    for folder in folders:
        if Path(folder).is_dir():
            for entry in Path(folder).iterdir():
                name = entry.name.removesuffix(".py")
                if name.isidentifier() and (entry.suffix == ".py" or entry.is_dir()):
                    names.add(name)
    return sorted(names - {"__init__", "__main__", "__pycache__"})
