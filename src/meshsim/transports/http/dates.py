"""The headers that a server adds of itself: `Date` on the host's virtual clock, and `Server`."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING

from meshsim.kernel import api

if TYPE_CHECKING:
    from meshsim.transports.http.codec import Framing

NS_PER_S = 1_000_000_000
SERVER = ("Server", "meshsim")


@lru_cache(maxsize=64)
def _date(second: int) -> tuple[str, str]:
    return ("Date", formatdate(second, usegmt=True))


def standing_headers(framing: Framing) -> list[tuple[str, str]]:
    """Return `Date` and `Server`, without those that the application sent itself."""
    added = [] if framing.server else [SERVER]
    if not framing.date:
        task = api.current_task()
        offset = 0 if task is None else task.process.host.clock_offset_ns
        added.append(_date(api.wall_ns(offset) // NS_PER_S))
    return added
