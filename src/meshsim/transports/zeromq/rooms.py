"""Which names of pyzmq are others inside a world; made when a service imports the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.patches.patch import Patch

__all__ = ["rooms"]


def rooms() -> list[tuple[str, Callable[[], list[Patch]]]]:
    """Return what a simulation wants to know of this room."""
    return [("zmq", _blocking), ("zmq.asyncio", _asyncio), ("zmq.devices.monitoredqueue", _devices)]


def _blocking() -> list[Patch]:
    from meshsim.transports.zeromq import seam  # noqa: PLC0415  the library is only there now

    return seam.patches()


def _asyncio() -> list[Patch]:
    from meshsim.transports.zeromq import asyncio  # noqa: PLC0415  as above

    return asyncio.patches()


def _devices() -> list[Patch]:
    from meshsim.transports.zeromq import seam  # noqa: PLC0415  as above

    return seam.device_patches()
