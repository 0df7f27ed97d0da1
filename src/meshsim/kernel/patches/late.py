"""Patches of libraries that are imported only later, by a service inside the world.

A finder at the head of `sys.meta_path` lets the others find the module, and applies the patches as soon as
its body has run, before the importing statement goes on.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec

    from meshsim.kernel.patches.patch import Patch, Patches

MakePatches = "Callable[[], list[Patch]]"


class _Loader:
    """Does what the real loader does, and then applies the patches."""

    def __init__(self, loader: Any, then: Callable[[], None]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> Any:
        """Let the real loader create the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """Run the module's body, then apply; the module keeps its real loader."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._then()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class LatePatches:
    """Patches by the name of the module that they need; applied now, or when it is imported."""

    def __init__(self, patches: Patches) -> None:
        self._patches = patches
        self._waiting: dict[str, list[Callable[[], list[Patch]]]] = {}
        self._busy: set[str] = set()

    def want(self, module: str, make: Callable[[], list[Patch]]) -> None:
        """Apply what `make` returns, as soon as `module` is there."""
        if module in sys.modules and not _is_loading(module):
            self._patches.apply(make())
        else:
            self._waiting.setdefault(module, []).append(make)

    def enter(self) -> None:
        """Begin to watch imports."""
        sys.meta_path.insert(0, self)

    def leave(self) -> None:
        """Stop watching."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """Find a watched module through the other finders, with a loader that applies its patches."""
        if name not in self._waiting or name in self._busy:
            return None
        self._busy.add(name)
        try:
            spec = self._ask_others(name, path, target)
        finally:
            self._busy.discard(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, lambda: self._arrived(name))  # type: ignore[assignment]
        return spec

    def _ask_others(self, name: str, path: Sequence[str] | None, target: Any) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return spec
        return None

    def _arrived(self, name: str) -> None:
        for make in self._waiting.pop(name, []):
            self._patches.apply(make())


def _is_loading(module: str) -> bool:
    spec = getattr(sys.modules[module], "__spec__", None)
    return bool(getattr(spec, "_initializing", False))
