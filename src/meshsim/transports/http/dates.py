"""The headers that a server adds of itself: `Date` on the host's virtual clock, and `Server`."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING

from meshsim.kernel import api

if TYPE_CHECKING:
    from collections.abc import Iterable

NS_PER_S = 1_000_000_000
SERVER = ("Server", "meshsim")


@lru_cache(maxsize=64)
def _date(second: int) -> tuple[str, str]:
    return ("Date", formatdate(second, usegmt=True))


def standing_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return `Date` and `Server`, without those that the application sent itself."""
    date = server = True
    for name, _ in headers:
        if len(name) == 4 and name.lower() == "date":  # noqa: PLR2004 - the length is asked first, it is cheap
            date = False
        elif len(name) == 6 and name.lower() == "server":  # noqa: PLR2004
            server = False
    added = [SERVER] if server else []
    if date:
        task = api.current_task()
        offset = 0 if task is None else task.process.host.clock_offset_ns
        added.append(_date(api.wall_ns(offset) // NS_PER_S))
    return added
