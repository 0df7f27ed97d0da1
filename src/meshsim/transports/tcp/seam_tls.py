"""`ssl` on simulated sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsim.kernel.patches.patch import Patch


def patches() -> list[Patch]:
    """Return the patches of ssl."""
    return []
