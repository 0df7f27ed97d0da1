"""Masters and replicas: a write runs again on each replica, later, under the master's own clock and dice.

Redis sends its replicas the effect of a command: EXPIRE as an absolute time, SPOP as SREM, a script as what it
wrote. Here the command itself goes over, with the moment and the random draws that it had on the master. The
engine is a function of those, so the replica reaches the same state without a table of effects that could be
wrong for one command. What a blocked command popped is sent when it popped.

A failover loses what had not gone over yet, as in reality. The old master and the other replicas then copy the
new master's data.
"""

from __future__ import annotations

import copy
import random
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshsim.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.transports.redis.server import RedisServer
    from meshsim.transports.redis.timer import Timer

__all__ = ["Failover", "Link", "PlayedDraws", "RecordedDraws", "ReplicaGroup", "Write"]


class RecordedDraws(random.Random):
    """Draws from another stream and keeps what was drawn, so that a replica can draw the same."""

    def __new__(cls, source: random.Random) -> RecordedDraws:  # noqa: ARG004, D102, PYI034
        return super().__new__(cls)

    def __init__(self, source: random.Random) -> None:
        self.drawn: list[float] = []
        self._source = source

    def random(self) -> float:
        """Draw a float in [0, 1)."""
        self.drawn.append(self._source.random())
        return self.drawn[-1]

    def getrandbits(self, k: int, /) -> int:
        """Draw `k` random bits."""
        self.drawn.append(self._source.getrandbits(k))
        return int(self.drawn[-1])


class PlayedDraws(random.Random):
    """Draws what was drawn before."""

    def __new__(cls, drawn: tuple[float, ...]) -> PlayedDraws:  # noqa: ARG004, D102, PYI034
        return super().__new__(cls)

    def __init__(self, drawn: tuple[float, ...]) -> None:
        self._drawn = deque(drawn)

    def random(self) -> float:
        """Give the next of the recorded draws."""
        return self._drawn.popleft()

    def getrandbits(self, k: int, /) -> int:  # noqa: ARG002  it was drawn with the same k
        """Give the next of the recorded draws."""
        return int(self._drawn.popleft())


@dataclass(frozen=True, slots=True)
class Write:
    """One command that wrote: what it takes to run it again elsewhere.

    Attributes:
        at_ns: the master's clock then.
        database: the number of its database.
        fields: the words of the command.
        draws: the random numbers that it drew.
        lua_random: the state of the scripts' own random numbers before it.
        offset: the master's replication offset after it.
    """

    at_ns: int
    database: int
    fields: tuple[bytes, ...]
    draws: tuple[float, ...]
    lua_random: int
    offset: int


class Link:
    """A replica's connection to its master: writes go over in order, each after a lag of its own.

    Args:
        master, replica: the two servers.
        lag_ns: draws the lag of one write.
    """

    def __init__(self, master: RedisServer, replica: RedisServer, lag_ns: Callable[[], int]) -> None:
        self.master = master
        self.replica = replica
        self.acknowledged = master.offset
        self.pending: deque[tuple[int, Write]] = deque()
        self._lag_ns = lag_ns
        self._timer: Timer | None = None
        self._last_due_ns = 0

    def push(self, write: Write) -> None:
        """Send a write; it arrives after the lag, and not before what was sent earlier."""
        due_ns = max(self._last_due_ns, write.at_ns + max(0, self._lag_ns()))
        self._last_due_ns = due_ns
        self.pending.append((due_ns, write))
        if self._timer is None:
            self._timer = self.master.call_at(due_ns, self._deliver)

    def _deliver(self) -> None:
        self._timer = None
        now_ns = self.master.clock()
        while self.pending and self.pending[0][0] <= now_ns:
            self.apply(self.pending.popleft()[1])
        if self.pending:
            self._timer = self.master.call_at(self.pending[0][0], self._deliver)
        self.master.replica_progressed()

    def apply(self, write: Write) -> None:
        """Have the replica take a write."""
        self.replica.receive(write)
        self.acknowledged = write.offset

    def cut(self) -> list[Write]:
        """End the link; return what had not gone over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        left = [write for _, write in self.pending]
        self.pending.clear()
        return left


@dataclass(frozen=True, slots=True)
class Failover:
    """What a failover did: who led, who leads, and the writes that were acknowledged and are gone."""

    old: RedisServer
    new: RedisServer
    lost: tuple[Write, ...] = field(default=())


class ReplicaGroup:
    """A master and its replicas.

    Args:
        name: what a Sentinel calls the master.
        master: who leads at first.
        replicas: who follow it.
        lag_ns: draws the lag of one write on its way to one replica.
    """

    def __init__(
        self, name: str, master: RedisServer, replicas: list[RedisServer], lag_ns: Callable[[], int]
    ) -> None:
        self.name = name
        self.master = master
        self.epoch = 0
        self.isolated: list[RedisServer] = []
        self._lag_ns = lag_ns
        self._on_switch: list[Callable[[Failover], None]] = []
        self._lead(master, replicas)

    @property
    def replicas(self) -> list[RedisServer]:
        """The servers that follow the master, in order."""
        return [link.replica for link in self.master.links]

    def on_switch(self, callback: Callable[[Failover], None]) -> None:
        """Have a Sentinel told of each failover."""
        self._on_switch.append(callback)

    def _lead(self, master: RedisServer, followers: list[RedisServer]) -> None:
        master.follow(None)
        self.master = master
        for follower in followers:
            self._attach(follower)

    def _attach(self, follower: RedisServer) -> None:
        follower.follow(self.master)
        follower.copy_from(self.master)
        self.master.links.append(Link(self.master, follower, self._lag_ns))

    def failover(self, lose_ns: int | None = None, *, isolated: bool = False) -> Failover:
        """Promote the replica that is furthest; clients of every server of the group are disconnected.

        Args:
            lose_ns: acknowledged writes of so much time before now are lost if they have not gone over, older ones
                still reach the new master. None: all that has not gone over is lost.
            isolated: the old master is out of reach: it goes on as it is, until `rejoin`.

        Raises:
            UsageError: there is no replica.
        """
        old = self.master
        if not old.links:
            message = f"the Redis master {self.name!r} has no replica to fail over to; give it `replicas: 1`"
            raise UsageError(message)
        chosen = max(old.links, key=lambda link: link.acknowledged)
        followers = [link.replica for link in old.links if link is not chosen]
        horizon_ns = old.clock() - lose_ns if lose_ns is not None else -1
        lost: list[Write] = []
        for link in old.links:
            left = link.cut()
            if link is chosen:
                lost = [write for write in left if write.at_ns > horizon_ns]
                for write in left[: len(left) - len(lost)]:
                    link.apply(write)
        old.links.clear()
        new = chosen.replica
        self.epoch += 1
        if isolated:
            self.isolated.append(old)
        self._lead(new, followers if isolated else [*followers, old])
        new.replica_progressed()
        for server in (new, *self.replicas):
            server.disconnect_clients()
        switched = Failover(old, new, tuple(lost))
        for callback in self._on_switch:
            callback(switched)
        return switched

    def replace(self, before: RedisServer, after: RedisServer) -> None:
        """Take a server that has come back, empty, in the place of the one that died.

        A master that comes back before anybody was promoted leads on, and its replicas copy its emptiness: what
        Redis without persistence does.
        """
        if before is self.master:
            followers = self.replicas
            for link in before.links:
                link.cut()
            before.links.clear()
            self._lead(after, followers)
            return
        if before in self.isolated:
            self.isolated.remove(before)
        for link in [link for link in self.master.links if link.replica is before]:
            link.cut()
            self.master.links.remove(link)
        self._attach(after)

    def rejoin(self, server: RedisServer) -> None:
        """Bring an isolated old master back, as a replica: what it took meanwhile is lost."""
        if server in self.isolated:
            self.isolated.remove(server)
            self._attach(server)
            server.disconnect_clients()


def copy_databases(source: RedisServer, target: RedisServer) -> None:
    """Give a server another's data, as a full synchronization does."""
    for database in target.dbs.values():
        database.clear()
    for number, database in source.dbs.items():
        taken = target.dbs[number]
        memo: dict[int, object] = {}
        for key, item in database._dict.items():
            taken._dict[key] = copy.deepcopy(item, memo)
            taken.schedule_expiry(key, item.expireat)
