"""Which names of redis-py are others inside a world; made when a service imports the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.patches.patch import Patch

__all__ = ["rooms"]


def rooms() -> list[tuple[str, Callable[[], list[Patch]]]]:
    """Return what a simulation wants to know of this room."""
    return [("redis.connection", _blocking), ("redis.asyncio.connection", _asyncio)]


def _blocking() -> list[Patch]:
    from meshsim.transports.redis import seam  # noqa: PLC0415  the library is only there now

    return seam.patches()


def _asyncio() -> list[Patch]:
    from meshsim.transports.redis import seam_asyncio  # noqa: PLC0415  as above

    return seam_asyncio.patches()
