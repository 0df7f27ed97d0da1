"""What a test holds of a stub, in every room: which calls it answered, and how to take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.core.selector import Selector
    from meshsim.trace.call import Call

__all__ = ["StubRoute"]


class StubRoute:
    """What was stubbed, and what has come to it.

    Args:
        selector: which calls.
        ask: what the room's servers ask of each call that arrives; it notes in `calls` what it answers.
        interceptors: gives the list of what the servers of the current world ask.

    Attributes:
        calls: the calls that the stub answered, oldest first; each has `request`, `sent_at` and `reply`.
    """

    def __init__(self, selector: Selector, ask: Any, interceptors: Callable[[], list[Any]]) -> None:
        self.selector = selector
        self.calls: list[Call] = []
        self._asked = ask
        self._interceptors = interceptors
        # The newest stub is asked first, so that a test can say otherwise for a while.
        interceptors().insert(0, ask)

    @property
    def call_count(self) -> int:
        """How many calls it answered."""
        return len(self.calls)

    @property
    def called(self) -> bool:
        """Whether it answered any."""
        return bool(self.calls)

    def remove(self) -> None:
        """Let the service answer again."""
        if self._asked in self._interceptors():
            self._interceptors().remove(self._asked)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()
