"""The user's own functions: checks, workloads and set-up, by the reference in a scenario.

They are imported afresh for each world, as the services are: a list in a checks module must not carry what
one run saw into the next.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError
from meshsim.kernel.patches.modules import packages_under, space_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.patches.modules import ModuleSpace
    from meshsim.kernel.simulation import Simulation
    from meshsim.scenario.references import Reference

__all__ = ["Functions"]


class Functions:
    """Finds functions by reference, in modules of one world's own.

    Args:
        simulation: whose modules they are.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._spaces: dict[str, ModuleSpace] = {}

    def load(self, reference: Reference) -> Callable[..., Any]:
        """Import a function; one that is `async` comes back as one that runs it to its end.

        Raises:
            UsageError: the module has no such attribute, or it cannot be called.
            ImportError: as the module raises it.
        """
        found: Any = reference.value if reference.value is not None else self._import(reference)
        if not callable(found):
            raise UsageError(f"{reference} is no function but {type(found).__name__}: it cannot be called")
        return _blocking(found) if inspect.iscoroutinefunction(found) else found

    def _import(self, reference: Reference) -> Any:
        if reference.module is None or reference.attribute is None:
            raise UsageError(f"{reference} names no function: module:function, as checks.shop:stock_is_right")
        modules = self._simulation.modules
        space = self._space(reference.folder)
        with modules.inside(space):
            found: Any = importlib.import_module(reference.module)
        for name in reference.attribute.split("."):
            if not hasattr(found, name):
                raise UsageError(f"{reference}: there is no {name!r} in {reference.module}")
            found = getattr(found, name)
        return found

    def _space(self, folder: str) -> ModuleSpace:
        space = self._spaces.get(folder)
        if space is None:
            process = self._simulation.kernel.home
            space = self._spaces[folder] = space_for(process, [folder], packages_under(folder))
            self._simulation.modules.hide(space.packages)
        return space


def _blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any) -> Any:
        return asyncio.run(function(*args))

    return run
