"""The scenario's set-up functions, and where the user's functions come from."""

from __future__ import annotations

import traceback
from typing import Any, Final

from meshsim.errors import BootError, StuckError
from meshsim.workloads.functions import Functions

__all__ = ["functions_of", "run_setup"]

_FUNCTIONS: Final = "workloads.functions"
_DONE: Final = "workloads.setup"


def functions_of(world: Any) -> Functions:
    """Return where a world finds the user's functions: one place, so that they share their modules."""
    tables: dict[str, Any] = world.kernel.home.tables
    found: Functions | None = tables.get(_FUNCTIONS)
    if found is None:
        found = tables[_FUNCTIONS] = Functions(world.simulation)
    return found


def run_setup(world: Any) -> None:
    """Call the scenario's `setup` functions with the mesh, once a world.

    Raises:
        BootError: one of them raised; with its own traceback.
    """
    tables: dict[str, Any] = world.kernel.home.tables
    if tables.get(_DONE):
        return
    tables[_DONE] = True
    for reference in world.graph.setup:
        try:
            functions_of(world).load(reference)(world)
        except StuckError:
            raise
        except Exception as error:
            said = "".join(traceback.format_exception(error))
            raise BootError(f"setup {reference} failed:\n{said}") from error
