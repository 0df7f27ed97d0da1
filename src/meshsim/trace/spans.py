"""Calls as trees: a call whose handler made calls is their parent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meshsim.trace.call import Call

__all__ = ["Span", "tree"]


@dataclass(slots=True)
class Span:
    """A call with the calls that were made on its behalf, in the order sent."""

    call: Call
    children: list[Span] = field(default_factory=list)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Call]]:
        """Go through the tree from its root, each call with its depth."""
        yield depth, self.call
        for child in self.children:
            yield from child.walk(depth + 1)


def tree(calls: Iterable[Call]) -> list[Span]:
    """Arrange calls under their parents; a call whose parent is not among them is a root."""
    spans = {call.id: Span(call) for call in calls}
    roots: list[Span] = []
    for span in spans.values():
        parent = spans.get(span.call.parent)
        (roots if parent is None else parent.children).append(span)
    return roots
