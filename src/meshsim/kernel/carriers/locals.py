"""`threading.local` for greenlets: swaps what the interpreter's thread state points at.

Every `threading.local` finds its values through one word of the C thread state: up to 3.12 the thread's own
dictionary, from 3.13 on a key object (and a sentinel that clears the values when the thread ends). Exchanging
that word makes all of them, also those made in C or before the world, local to a task: 0.1 us a switch.
Swapping the dictionary's contents took 1.5 to 1.9 us, and on 3.13 that dictionary no longer holds them;
replacing the instances in a scan misses those that C code or a closure holds.

The offset of the word is found at run time by looking for a known pointer, so no struct is assumed. A value
that is swapped out is kept as an integer which owns one reference.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from typing import TYPE_CHECKING

from meshsim.errors import MeshError

if TYPE_CHECKING:
    from meshsim.kernel.task import Task

_WORDS_SEARCHED = 120
_HAS_KEYS = sys.version_info >= (3, 13)
_COUNT = 2 if _HAS_KEYS else 1

_get_state = ctypes.pythonapi.PyThreadState_Get
_get_state.restype = ctypes.c_void_p
_get_state.argtypes = []
_get_dict = ctypes.pythonapi.PyThreadState_GetDict
_get_dict.restype = ctypes.c_void_p
_get_dict.argtypes = []
_decref = ctypes.pythonapi.Py_DecRef
_decref.restype = None
_decref.argtypes = [ctypes.c_void_p]


def _known_pointer() -> int:
    """Return a pointer that the wanted word holds right now."""
    if not _HAS_KEYS:
        return int(_get_dict() or 0)
    probe = threading.local()
    probe.value = 1
    for held in gc.get_referents(probe):
        if type(held) is dict:
            for key in held:
                if type(key).__name__ == "_localdummy":
                    return id(key)
    return 0


def _find_offset(address: int) -> int:
    pointer = _known_pointer()
    words = (ctypes.c_void_p * _WORDS_SEARCHED).from_address(address)
    found = [index for index in range(_WORDS_SEARCHED) if pointer and words[index] == pointer]
    if len(found) != 1:
        msg = (
            f"this interpreter ({sys.version.split()[0]}) keeps threading.local where meshsim does not find it; "
            "use --mesh-carrier=thread"
        )
        raise MeshError(msg)
    return found[0] * ctypes.sizeof(ctypes.c_void_p)


class LocalSlots:
    """The words of one thread's state through which `threading.local` finds its values."""

    def __init__(self) -> None:
        address = _get_state()
        self._words = (ctypes.c_void_p * _COUNT).from_address(address + _find_offset(address))

    def swap(self, old: Task, new: Task) -> None:
        """Keep the words of the task that ran, and put those of the next one in place."""
        words = self._words
        if _HAS_KEYS:
            kept: tuple[int | None, ...] = (words[0], words[1])
            words[0], words[1] = new.local_slots or (None, None)
        else:
            kept = (words[0],)
            words[0] = new.local_slots[0] if new.local_slots else None
        new.local_slots = None
        if old.done:
            _release(kept)
        else:
            old.local_slots = kept

    @staticmethod
    def drop(task: Task) -> None:
        """Let go of the words of a task that will not run again."""
        if task.local_slots is not None:
            _release(task.local_slots)
            task.local_slots = None


def _release(kept: tuple[int | None, ...]) -> None:
    for word in kept:
        if word:
            _decref(word)
