"""The word `redis_sentinel`: a Sentinel on a host of its own, and the replicas of a `redis`.

The Sentinel looks after its master over the network, as a real one does: a PING a second, and when nothing good
came back for 30 s it promotes a replica. So a crashed master is replaced, and so is one that only the Sentinel
cannot reach: that one goes on taking writes until it is found again, and then they are lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.core.latency import Latency, parse_latency
from meshsim.errors import UsageError
from meshsim.platform.redis.machine import Machine
from meshsim.platform.redis.provider import DEFAULT_VERSION, Redis, RedisMachine
from meshsim.platform.redis.watcher import Watcher
from meshsim.transports.redis.replication import Failover, ReplicaGroup
from meshsim.transports.redis.sentinel import SentinelServer

if TYPE_CHECKING:
    from meshsim.graph import PlatformSpec
    from meshsim.kernel.host import Host
    from meshsim.world import World

__all__ = ["RedisSentinel"]

PORT = 26379


class RedisSentinel:
    """A Sentinel and the replicas of its master.

    Args:
        world: the world it is in.
        spec: what the scenario says: `master`, `replicas`, `replication_lag`.

    Attributes:
        port: where the Sentinel listens.
        hosts: the Sentinel's host and those of the replicas.
        group: the master and its replicas, as they are now.
    """

    word = "redis_sentinel"
    port = PORT
    group: ReplicaGroup
    server: SentinelServer

    def __init__(self, world: World, spec: PlatformSpec) -> None:
        self.name = spec.name
        self.master_name = str(spec.options["master"])
        self._world = world
        lag = spec.options.get("replication_lag")
        self._lag = lag if isinstance(lag, Latency) else parse_latency(str(lag or "1ms"))
        self.machine = Machine(world, spec.name, spec.name, PORT)
        service = f"{self.master_name}-replica"
        self.replicas = [
            RedisMachine(world, f"{service}/{number}", service, DEFAULT_VERSION)
            for number in range(int(spec.options.get("replicas") or 1))
        ]
        self.hosts: list[Host] = [self.machine.host, *(replica.host for replica in self.replicas)]

    def boot(self) -> None:
        """Start the Sentinel and the replicas; the master too, if it does not run yet."""
        master = self._world.platforms.get(self.master_name)
        if not isinstance(master, Redis):
            message = f"{self.name}: its master {self.master_name!r} is no redis of the platform"
            raise UsageError(message)
        master.boot()
        for replica in self.replicas:
            replica.version = master.machine.version
            replica.start()
        stream = self._world.streams.get("network")
        self.group = ReplicaGroup(
            self.master_name,
            master.server,
            [replica.server for replica in self.replicas],
            lambda: self._lag.sample(stream),
        )
        for machine in (master.machine, *self.replicas):
            machine.group = self.group
        self._start_sentinel()

    def _start_sentinel(self) -> None:
        process = self.machine.boot()
        self.server = SentinelServer(
            self.machine.host.name, [self.group], random=process.random, version=self.replicas[0].version
        )
        self.machine.serve(self.server)
        Watcher(self._world, self.machine, self.server, self.group).begin()

    def restart(self, host: Host) -> None:
        """Boot one of the hosts again after a crash."""
        if host.alive:
            return
        if host is self.machine.host:
            self._start_sentinel()
        for replica in self.replicas:
            if host is replica.host:
                replica.start()

    def failover(self, lose_ns: int | None = None) -> Failover:
        """Promote a replica now.

        Args:
            lose_ns: of the writes that have not reached the new master, those of so much time are lost, older
                ones still get there; None loses all of them.

        Returns:
            Who led, who leads, and what was lost.
        """
        old = next(m for m in self._machines() if m.server is self.group.master)
        switched = self.group.failover(lose_ns, isolated=not old.host.alive)
        self._world.recorder.event(
            "failover",
            switched.new.name,
            f"FAILOVER {switched.old.name} -> {switched.new.name}, {len(switched.lost)} acknowledged writes lost",
            old=switched.old.name,
            new=switched.new.name,
            lost=len(switched.lost),
        )
        return switched

    def _machines(self) -> list[RedisMachine]:
        master = self._world.platforms[self.master_name]
        return [master.machine, *self.replicas]
