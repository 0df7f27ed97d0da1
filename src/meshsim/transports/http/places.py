"""The queue of a pool's places, as urllib3 uses `queue.LifoQueue`, without locks.

One task runs at a time and only parks by itself, so a list is enough; the real one takes four locks a request,
each of which costs a microsecond where locks are simulated.
"""

from __future__ import annotations

import queue
from typing import Any

from meshsim.kernel import api
from meshsim.transports.http.wire import to_ns


class Places:
    """So many places, each with a connection or free (None); the last one that was given back comes first.

    Args:
        maxsize: how many places.
    """

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self._items: list[Any] = [None] * maxsize
        self._lot = api.ParkingLot()

    def qsize(self) -> int:
        """Return how many places nobody uses."""
        return len(self._items)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002 - as the real one
        """Take a place.

        Raises:
            queue.Empty: none is left, now or in time.
        """
        items = self._items
        if not items and block:
            timeout_ns = to_ns(timeout)
            deadline = None if timeout_ns is None else api.now() + timeout_ns
            while not items and self._lot.park(deadline, "a place in a pool of connections"):
                pass
        if not items:
            raise queue.Empty
        return items.pop()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002, FBT001, FBT002 - as the real one
        """Give a place back; urllib3 never waits for that.

        Raises:
            queue.Full: every place was given back before.
        """
        if len(self._items) >= self.maxsize:
            raise queue.Full
        self._items.append(item)
        self._lot.unpark()
