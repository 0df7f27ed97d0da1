"""The rooms that are installed: entry points of the group `meshsim.transports`.

Each names a function that returns `(module, patches)` pairs; the patches are made when the module is there,
or as soon as a service imports it, so that a world loads no client library that nobody uses.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from meshsim.errors import MeshError
from meshsim.kernel.patches.cores import fences

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.patches.patch import Patch

    Seam = tuple[str, Callable[[], list[Patch]]]

GROUP = "meshsim.transports"
_seams: list[Seam] = []


def seams() -> list[Seam]:
    """Return the seams of every room, in the order of their names, then fences; looked up once a process.

    Raises:
        MeshError: a room cannot be loaded; with the name of its distribution.
    """
    if not _seams:
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
            try:
                _seams.extend(entry.load()())
            except Exception as error:
                distribution = entry.dist.name if entry.dist is not None else "an unknown distribution"
                why = f"{type(error).__name__}: {error}"
                msg = f"the room {entry.name!r} of {distribution} cannot be loaded: {why}"
                raise MeshError(msg) from error
        _seams.extend(fences(_seams))
    return _seams
