"""Which names are others inside a world so that sockets are simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.patches.patch import Patch

__all__ = ["rooms"]


def rooms() -> list[tuple[str, Callable[[], list[Patch]]]]:
    """Return what a simulation wants to know of this room."""
    return [("socket", _sockets), ("asyncio.base_events", _asyncio), ("ssl", _tls)]


def _sockets() -> list[Patch]:
    from meshsim.transports.tcp import seam  # noqa: PLC0415 - a world without this room does not load it

    return seam.patches()


def _asyncio() -> list[Patch]:
    from meshsim.transports.tcp import seam_asyncio  # noqa: PLC0415 - as above

    return seam_asyncio.patches()


def _tls() -> list[Patch]:
    from meshsim.transports.tcp import seam_tls  # noqa: PLC0415 - `ssl` is only there now

    return seam_tls.patches()
