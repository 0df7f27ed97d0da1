"""Which names of redis-py are others inside a world; made when redis-py is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.patches.patch import Patch


def rooms() -> list[tuple[str, Callable[[], list[Patch]]]]:
    """Return what the world wants to know of this room."""
    return [("redis", _redis)]


def _redis() -> list[Patch]:
    from meshsim.transports.redis import seam  # noqa: PLC0415 - the library is only there now

    return list(seam.PATCHES)
