"""The word `redis`: one server on one host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.platform.redis.machine import Machine
from meshsim.transports.redis.server import RedisServer

if TYPE_CHECKING:
    from meshsim.graph import PlatformSpec
    from meshsim.kernel.host import Host
    from meshsim.transports.redis.replication import ReplicaGroup
    from meshsim.world import World

__all__ = ["PORT", "Redis", "RedisMachine"]

PORT = 6379
DEFAULT_VERSION = "7.4"


class RedisMachine(Machine):
    """A host with a Redis server; a new server each time the host boots, without the old one's data.

    Args:
        world: the world it is in.
        name: the host's name.
        service: the name that the host answers to.
        version: of the server.

    Attributes:
        server: the server that runs, or ran last.
        group: the replica group that it belongs to, if it does.
    """

    server: RedisServer

    def __init__(self, world: World, name: str, service: str, version: str) -> None:
        super().__init__(world, name, service, PORT)
        self.version = version
        self.group: ReplicaGroup | None = None

    def start(self) -> RedisServer:
        """Boot the host with a new server."""
        process = self.boot()
        before = getattr(self, "server", None)
        server = self.server = RedisServer(
            self.host.name.replace("/", "-"),
            clock=self.clock,
            random=process.random,
            call_at=self.call_at,
            version=self.version,
            port=self.port,
        )
        server.faults = self.world.nemesis.interceptions.standing
        server.intercept = self._intercept
        process.at_death.append(server.close)
        self.serve(server)
        if self.group is not None and before is not None:
            self.group.replace(before, server)
        return server

    def _intercept(self, caller: str, fields: list[bytes]) -> tuple[int, str | None] | None:
        operation = fields[0].decode("utf-8", "backslashreplace").upper()
        found = self.world.nemesis.interceptions.for_call(caller, self.host.name, operation)
        if found is None:
            return None
        return found.delay_ns, None if found.error is None else found.error.text or "ERR injected by a fault"


class Redis:
    """A Redis server of the platform.

    Args:
        world: the world it is in.
        spec: what the scenario says: `version`.

    Attributes:
        port: where it listens.
        hosts: its one host.
    """

    word = "redis"
    port = PORT

    def __init__(self, world: World, spec: PlatformSpec) -> None:
        self.name = spec.name
        self.machine = RedisMachine(
            world, spec.name, spec.name, str(spec.options.get("version") or DEFAULT_VERSION)
        )
        self.hosts: list[Host] = [self.machine.host]
        self._booted = False

    @property
    def server(self) -> RedisServer:
        """The server that runs."""
        return self.machine.server

    def boot(self) -> None:
        """Start the server, once."""
        if not self._booted:
            self._booted = True
            self.machine.start()

    def restart(self, host: Host) -> None:
        """Boot the host again after a crash: the data is gone, because nothing persists it."""
        if host is self.machine.host and not host.alive:
            self.machine.start()
