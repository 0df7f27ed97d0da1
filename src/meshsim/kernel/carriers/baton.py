"""What a thread waits for until it may run."""

from __future__ import annotations

import _thread

_new_lock = _thread.allocate_lock


class Baton:
    """Something that one thread holds at a time; made held by whoever waits for it.

    A class of its own, so that the search for locks of before a world can tell these from a service's.
    """

    __slots__ = ("acquire", "lock", "release")

    def __init__(self) -> None:
        self.lock = _new_lock()
        self.acquire = self.lock.acquire
        self.release = self.lock.release
        self.acquire()
