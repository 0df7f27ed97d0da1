"""Memory that the processes of a host share, under `multiprocessing.Value` and `Array`, and what cannot be had."""

from __future__ import annotations

from multiprocessing import heap
from typing import TYPE_CHECKING, Any

from meshsim.errors import FenceError
from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable

real_heap = heap.BufferWrapper._heap  # type: ignore[attr-defined]


class Arena:
    """Bytes that cross to a child by themselves, not as a copy (`crossing.py`)."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.buffer = bytearray(size)


class Heap:
    """Gives each shared object an arena of its own inside a world; the real heap gives pieces of temporary files."""

    def malloc(self, size: int) -> Any:
        """Return a block: (arena, start, stop)."""
        if state.current() is None:
            return real_heap.malloc(size)
        return Arena(size), 0, size

    def free(self, block: Any) -> None:
        """Take a block back."""
        if not isinstance(block[0], Arena):
            real_heap.free(block)


def _refusing(kind: Any, name: str, what: str) -> Patch:
    real: Callable[..., Any] = vars(kind)[name]

    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        task = state.current()
        if task is not None:
            msg = (
                f"{task.host} uses {what}, which would leave the simulation. "
                "Pass Queue, Pipe, Value or Array to the processes, which are simulated, or replace the call: "
                f'mesh.host("HOST").patch("package.module.{kind.__name__}", fake)'
            )
            raise FenceError(msg)
        return real(self, *args, **kwargs)

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Refuse {what} to a task."
    return Patch(kind, name, refuse)


def patches() -> list[Patch]:
    """Return the patches of `multiprocessing.heap`."""
    return [Patch(heap.BufferWrapper, "_heap", Heap())]


def shared_memory_patches() -> list[Patch]:
    """Return the patches of `multiprocessing.shared_memory`."""
    from multiprocessing import shared_memory  # noqa: PLC0415 - only where somebody uses it

    return [_refusing(shared_memory.SharedMemory, "__init__", "multiprocessing.shared_memory.SharedMemory")]


def manager_patches() -> list[Patch]:
    """Return the patches of `multiprocessing.managers`."""
    from multiprocessing import managers  # noqa: PLC0415 - only where somebody uses it

    return [
        _refusing(managers.BaseManager, name, f"multiprocessing.managers.BaseManager.{name}")
        for name in ("start", "connect", "get_server")
    ]
