"""What a patch is, how a set of them is applied and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MISSING: Final = object()


class Patch:
    """One name of an owner (a module or a class) that is something else inside a world.

    Args:
        owner: the module or class.
        name: the attribute.
        replacement: a module-level function or class that reads the current world.
        rebind: whether other modules that bound the original under names of their own are to be followed.
    """

    __slots__ = ("name", "original", "owner", "rebind", "replacement")

    def __init__(self, owner: Any, name: str, replacement: Any, *, rebind: bool = False) -> None:
        self.owner = owner
        self.name = name
        self.replacement = replacement
        self.rebind = rebind
        # From the class's own dictionary, so that a static method goes back as one.
        self.original = vars(owner).get(name, MISSING)

    def apply(self) -> None:
        """Put the replacement in place."""
        self.original = vars(self.owner).get(self.name, MISSING)
        setattr(self.owner, self.name, self.replacement)

    def undo(self) -> None:
        """Put the original back, by identity."""
        if self.original is MISSING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.original)

    def __repr__(self) -> str:
        return f"<Patch {getattr(self.owner, '__name__', self.owner)}.{self.name}>"


class Patches:
    """The patches of a world, applied in order and taken back in reverse."""

    def __init__(self) -> None:
        self.applied: list[Patch] = []

    def apply(self, patches: Iterable[Patch]) -> None:
        """Apply more patches; a name that the owner does not have is an error of ours."""
        for patch in patches:
            patch.apply()
            self.applied.append(patch)

    def undo(self) -> None:
        """Take all back."""
        while self.applied:
            self.applied.pop().undo()

    def pairs(self) -> list[tuple[Any, Any]]:
        """Return (original, replacement) of what is to be followed into other modules."""
        return [(patch.original, patch.replacement) for patch in self.applied if patch.rebind]


def existing(owner: Any, names: dict[str, Any], *, rebind: bool = False) -> list[Patch]:
    """Return a patch for each of the names that the owner has on this version of Python."""
    return [Patch(owner, name, new, rebind=rebind) for name, new in names.items() if hasattr(owner, name)]
