"""What a server's `call_at` returns."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Timer"]


class Timer(Protocol):
    """What `call_at` returns."""

    def cancel(self) -> None:
        """Have it never happen."""
