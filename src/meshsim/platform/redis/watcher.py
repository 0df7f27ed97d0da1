"""A Sentinel's eye on its master: a PING a second over the network, and a failover after too long a silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.network.connection import EOF, Connection
from meshsim.network.outcome import ConnectionReset

if TYPE_CHECKING:
    from meshsim.kernel.process import Process
    from meshsim.platform.redis.machine import Machine
    from meshsim.transports.redis.replication import ReplicaGroup
    from meshsim.transports.redis.sentinel import SentinelServer
    from meshsim.transports.redis.server import RedisServer
    from meshsim.world import World

__all__ = ["Watcher"]

PERIOD_NS = 1_000_000_000
# Sentinel gives a silent connection up after half of its down-after-milliseconds.
RECONNECT_NS = 15_000_000_000
_PING = b"*1\r\n$4\r\nPING\r\n"
# What counts as a sign of life, as in Sentinel: a server that loads or has lost its master is up.
_ALIVE = (b"+PONG", b"-LOADING", b"-MASTERDOWN")


class _Eye:
    """The connection to one server and when it last answered."""

    def __init__(self, watcher: Watcher, server: RedisServer) -> None:
        self.server = server
        self.last_answer_ns = watcher.now_ns
        self._watcher = watcher
        self._since_ns = watcher.now_ns
        self._connection: Connection | None = None
        self._dialling: Any = None

    def ping(self) -> None:
        """Ask whether the server is there; connect first if need be, and anew when the old way stays silent."""
        now_ns = self._watcher.now_ns
        if now_ns - max(self.last_answer_ns, self._since_ns) > RECONNECT_NS:
            self.close()
            self._connection = self._dialling = None
        if self._connection is not None:
            try:
                self._connection.send(_PING, len(_PING))
            except ConnectionReset:
                self._connection = None
        if self._connection is None and self._dialling is None:
            self._since_ns = now_ns
            self._dialling = self._watcher.dial(self.server, self._dialled)

    def close(self) -> None:
        """Stop looking."""
        if self._dialling is not None:
            self._dialling.cancel()
        if self._connection is not None:
            self._connection.abort()

    def _dialled(self, outcome: Connection | Exception) -> None:
        self._dialling = None
        if isinstance(outcome, Connection):
            self._connection = outcome
            outcome.on_message(self._take)
            self.ping()

    def _take(self, item: Any) -> None:
        if isinstance(item, bytes):
            if item.startswith(_ALIVE):
                self.last_answer_ns = self._watcher.now_ns
        else:
            if item is EOF and self._connection is not None:
                self._connection.close()
            self._connection = None


class Watcher:
    """Looks after one group on behalf of a Sentinel.

    Args:
        world: the world it is in.
        machine: the Sentinel's host.
        sentinel: the Sentinel; told of what is up and down.
        group: the master and its replicas.
    """

    def __init__(self, world: World, machine: Machine, sentinel: SentinelServer, group: ReplicaGroup) -> None:
        self._world = world
        self._machine = machine
        self._process: Process | None = machine.host.process
        self._sentinel = sentinel
        self._group = group
        self._eyes: dict[str, _Eye] = {}

    @property
    def now_ns(self) -> int:
        """The world's clock."""
        return self._world.kernel.now

    def begin(self) -> None:
        """Start looking, once a second."""
        self._world.kernel.call_at(self.now_ns + PERIOD_NS, self._look)

    def dial(self, server: RedisServer, done: Any) -> Any:
        """Begin to connect to a server."""
        return self._world.fabric.dial(self._machine.host, server.name, server.port, done)

    def _look(self) -> None:
        process = self._process
        if process is None or process.dead:
            return
        self._world.kernel.call_at(self.now_ns + PERIOD_NS, self._look)
        if self._machine.host.paused:
            return
        group = self._group
        for server in (group.master, *group.isolated):
            self._eye(server).ping()
        self._judge_master(group.master)
        for server in list(group.isolated):
            eye = self._eye(server)
            if self.now_ns - eye.last_answer_ns < PERIOD_NS * 2 and not server.closed:
                self._rejoin(server)

    def _eye(self, server: RedisServer) -> _Eye:
        eye = self._eyes.get(server.name)
        if eye is None or eye.server is not server:
            if eye is not None:
                eye.close()
            before = eye
            eye = self._eyes[server.name] = _Eye(self, server)
            if before is not None:
                eye.last_answer_ns = before.last_answer_ns
        return eye

    def _judge_master(self, master: RedisServer) -> None:
        group, sentinel = self._group, self._sentinel
        silent_ns = self.now_ns - self._eye(master).last_answer_ns
        place = f"master {group.name} {master.name} {master.port}"
        if silent_ns < sentinel.down_after_ns:
            if group.name in sentinel.down:
                sentinel.down.discard(group.name)
                sentinel.publish("-sdown", place)
                sentinel.publish("-odown", place)
            return
        if group.name not in sentinel.down:
            sentinel.down.add(group.name)
            sentinel.publish("+sdown", place)
            sentinel.publish("+odown", f"{place} #quorum 1/1")
        if group.replicas:
            sentinel.publish("+try-failover", place)
            sentinel.down.discard(group.name)
            self._fail_over()

    def _fail_over(self) -> None:
        switched = self._group.failover(isolated=True)
        self._world.recorder.event(
            "failover",
            switched.new.name,
            f"FAILOVER {switched.old.name} -> {switched.new.name}, {len(switched.lost)} acknowledged writes lost",
            old=switched.old.name,
            new=switched.new.name,
            lost=len(switched.lost),
        )
        self._eye(self._group.master).last_answer_ns = self.now_ns

    def _rejoin(self, server: RedisServer) -> None:
        self._group.rejoin(server)
        self._sentinel.publish(
            "+convert-to-slave",
            f"slave {server.name}:{server.port} {server.name} {server.port} @ {self._group.name} "
            f"{self._group.master.name} {self._group.master.port}",
        )
