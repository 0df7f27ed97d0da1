"""The platform service where PySOA's clients and servers meet, and how PySOA's settings say it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meshsim.graph.graph import Graph
    from meshsim.graph.service import ServiceSpec

REDIS_PORT: Final = 6379
SENTINEL_PORT: Final = 26379

SERVER_TRANSPORT: Final = "pysoa.common.transport.redis_gateway.server:RedisServerTransport"
CLIENT_TRANSPORT: Final = "pysoa.common.transport.redis_gateway.client:RedisClientTransport"

# redis-py from 8 on gives up on a silent socket after 5 s, the very time that PySOA waits in BLPOP: an idle server
# sees errors and shuts itself down after some 50 s. Who writes no settings gets the ones that work.
CONNECTION: Final[Mapping[str, Any]] = {"socket_timeout": None}


# PySOA's own default writes each job and its answer to stderr, where they drown what failed. The records are there
# all the same, as `mesh.host(...).logs`.
LOGGING: Final[Mapping[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"nowhere": {"class": "logging.NullHandler"}},
    "root": {"level": "INFO", "handlers": ["nowhere"]},
}


@dataclass(frozen=True)
class Broker:
    """A Redis, a ring of them, or the master behind a Sentinel.

    Attributes:
        backend_type: PySOA's word for it.
        hosts: names and ports, of the Redis servers or of the Sentinel.
        masters: the names of the masters that the Sentinel is asked for.
        connection: arguments for each connection of redis-py.
    """

    backend_type: str
    hosts: tuple[tuple[str, int], ...]
    masters: tuple[str, ...] = ()
    connection: Mapping[str, Any] = field(default_factory=lambda: dict(CONNECTION))

    def transport(self, path: str) -> dict[str, Any]:
        """Return PySOA's `transport` setting for the class at `path`; every call gives a new dictionary."""
        # New every time, because PySOA's transports change the dictionaries that they are given.
        layer: dict[str, Any] = {"hosts": list(self.hosts), "connection_kwargs": dict(self.connection)}
        if self.masters:
            layer["sentinel_services"] = list(self.masters)
            layer["sentinel_failover_retries"] = 3
        return {"path": path, "kwargs": {"backend_type": self.backend_type, "backend_layer_kwargs": layer}}


def broker_of(spec: ServiceSpec, graph: Graph) -> Broker:
    """Return where a service meets its callers; the scenario's reader has seen to it that there is one."""
    connection = spec.options.get("connection_kwargs")
    connection = {**CONNECTION, **connection} if isinstance(connection, dict) else dict(CONNECTION)
    sentinel = spec.options.get("sentinel")
    if sentinel is not None:
        platform = graph.platform_service(str(sentinel))
        master = str(platform.options["master"]) if platform is not None else str(sentinel)
        return Broker("redis.sentinel", ((str(sentinel), SENTINEL_PORT),), (master,), connection)
    named = spec.options.get("redis", ())
    names = [named] if isinstance(named, str) else list(_strings(named))
    return Broker("redis.standard", tuple((name, REDIS_PORT) for name in names), (), connection)


def server_settings(broker: Broker, routing: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings of a server, as its module would have them in SOA_SERVER_SETTINGS."""
    return {
        "transport": broker.transport(SERVER_TRANSPORT),
        "client_routing": dict(routing),
        "logging": deepcopy(dict(LOGGING)),
    }


def client_settings(broker: Broker) -> dict[str, Any]:
    """Return the settings of a client for one service: the value in PySOA's client routing."""
    return {"transport": broker.transport(CLIENT_TRANSPORT)}


def _strings(value: object) -> Iterable[str]:
    return (str(item) for item in value) if isinstance(value, list | tuple) else ()
