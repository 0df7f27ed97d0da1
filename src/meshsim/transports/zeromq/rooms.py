"""Which names of pyzmq are others inside a world; made when a service imports the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.patches.patch import Patch

__all__ = ["rooms"]


def rooms() -> list[tuple[str, Callable[[], list[Patch]]]]:
    """Return what a simulation wants to know of this room.

    `zmq.asyncio` is not among them: it is written over `zmq.Socket` and its descriptor, and ours is one of the
    kernel's that event loops can wait for.
    """
    return [("zmq", _blocking), ("zmq.devices", _devices)]


def _blocking() -> list[Patch]:
    from meshsim.transports.zeromq import seam  # noqa: PLC0415  the library is only there now

    return seam.patches()


def _devices() -> list[Patch]:
    from meshsim.transports.zeromq import seam  # noqa: PLC0415  as above

    return seam.device_patches()
