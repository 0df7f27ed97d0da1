"""One numbered database: the engine's, with ordered watchers, no locks, and a note of what was written.

The engine keeps watchers and subscribers in weak sets, whose order is that of addresses, and wakes blocked
clients through a condition variable. Here order is that of arrival, and a write notes its key for the clients
that wait for it.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from meshsim.transports.redis.engine import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsim.transports.redis.server import RedisServer
    from meshsim.transports.redis.session import Session

__all__ = ["Channels", "Databases", "MeshDatabase", "NoLock", "Sessions"]


class Sessions:
    """An ordered set of sessions, in place of the engine's weak set: they go by being closed, not collected."""

    __slots__ = ("_members",)

    def __init__(self) -> None:
        self._members: dict[Session, None] = {}

    def add(self, session: Session) -> None:
        """Add at the end, unless it is there."""
        self._members[session] = None

    def discard(self, session: Session) -> None:
        """Remove it if it is there."""
        self._members.pop(session, None)

    def remove(self, session: Session) -> None:
        """Remove what must be there."""
        del self._members[session]

    def __contains__(self, session: object) -> bool:
        return session in self._members

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._members))

    def __len__(self) -> int:
        return len(self._members)


class MeshDatabase(Database):
    """A database that tells its server which keys were written."""

    def __init__(self, server: RedisServer, number: int) -> None:
        # Not super().__init__: it makes a condition variable on a lock, and here one turn runs at a time.
        self._dict: dict[bytes, Any] = {}
        self.time = 0.0
        self._expiry_heap: list[tuple[float, bytes]] = []
        self._watches: Any = defaultdict(Sessions)
        self._change_callbacks: Any = ()
        self.number = number
        self.server = server
        self.blocked: dict[bytes, Sessions] = {}
        self.touched: dict[bytes, float] = {}

    def get(self, key: bytes, default: Any = None) -> Any:
        """Return the live item of a key: the hot path of every command, so without the mapping's exceptions."""
        item = self._dict.get(key)
        if item is None:
            return default
        if item.expireat is not None and item.expireat < self.time:
            # A replica hides what has expired but leaves it: its master may have made it live longer meanwhile.
            if not self.server.read_only:
                self._forget(key)
            return default
        return item

    def __iter__(self) -> Iterator[bytes]:
        now = self.time
        if self.server.read_only:
            live = [key for key, item in self._dict.items() if item.expireat is None or item.expireat >= now]
            return iter(live)
        return super().__iter__()

    def __len__(self) -> int:
        return sum(1 for _ in self) if self.server.read_only else super().__len__()

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None  # type: ignore[arg-type]

    def _forget(self, key: bytes) -> None:
        del self._dict[key]
        for session in self._watches.get(key, ()):
            session.notify_watch()
        self.server.note_expired(self, key)

    def _remove_expired(self) -> None:
        heap = self._expiry_heap
        while heap and heap[0][0] < self.time:
            self.get(heapq.heappop(heap)[1])

    def notify_watch(self, key: bytes) -> None:
        """Note a write: for who watches the key, who waits for it, and for the replicas."""
        for session in self._watches.get(key, ()):
            session.notify_watch()
        self.server.dirty += 1
        if key in self.blocked:
            self.server.ready_keys.append((self, key))

    def wake_all(self) -> None:
        """Do nothing: CLIENT UNBLOCK reaches its one session directly."""

    def swap(self, other: Any) -> None:
        """Exchange contents with another database; every key of both counts as written."""
        super().swap(other)
        for database in (self, other):
            for key in dict.fromkeys([*self._dict, *other._dict]):
                database.notify_watch(key)

    def block(self, session: Session, keys: list[bytes]) -> None:
        """Have a session wait for keys, behind whoever waits for them already."""
        for key in keys:
            self.blocked.setdefault(key, Sessions()).add(session)

    def unblock(self, session: Session, keys: list[bytes]) -> None:
        """End a session's wait."""
        for key in keys:
            waiting = self.blocked.get(key)
            if waiting is not None:
                waiting.discard(session)
                if not waiting:
                    del self.blocked[key]


class Databases(dict[int, MeshDatabase]):
    """The numbered databases of a server, made when first selected."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self._server = server

    def __missing__(self, number: int) -> MeshDatabase:
        made = self[number] = MeshDatabase(self._server, number)
        made.time = self._server.now_s
        return made


class Channels(dict[bytes, Sessions]):
    """Who listens to which channel, in order of subscription."""

    def __missing__(self, channel: bytes) -> Sessions:
        made = self[channel] = Sessions()
        return made


class NoLock:
    """The engine's lock: nothing contends for it here."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_raised: object) -> None:
        pass
