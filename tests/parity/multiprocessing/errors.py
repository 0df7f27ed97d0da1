"""What a call came to, as a text that both arms can be compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def error_of(call: Callable[[], Any]) -> str:
    """Return what a call returned or raised."""
    try:
        return f"returned {call()!r}"
    except Exception as error:  # noqa: BLE001 - what it is is compared
        return f"{type(error).__name__}: {error}"
