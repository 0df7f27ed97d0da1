"""Worlds with the depot, over each of PySOA's backends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pysoa.client.client import Client

from meshsim import World

SERVICES: Final = Path(__file__).parent / "services"
BACKENDS: Final = ("redis", "sentinel")
EPOCH_S: Final = 1_767_225_600
CURE: Final[dict[str, Any]] = {"socket_timeout": None}
PLATFORM: Final[dict[str, Any]] = {
    "cache": {"redis": {}},
    "watch": {"redis_sentinel": {"master": "cache", "replicas": 1}},
}


def service(backend: str = "redis", server: str = "depot.server:Server", **words: Any) -> dict[str, Any]:
    """Describe a PySOA service of the tests; `pysoa` adds options of the adapter, other words are the scenario's."""
    options = {"server": server, "redis": "cache", **words.pop("pysoa", {})}
    if backend == "sentinel":
        options = {**{name: value for name, value in options.items() if name != "redis"}, "sentinel": "watch"}
    return {"pysoa": options, "path": str(SERVICES), **words}


def transport(side: str, backend: str, layer: dict[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
    """Return PySOA's transport setting for a `server` or a `client`; `layer` adds to what the backend is given."""
    where: dict[str, Any] = {"hosts": [("cache", 6379)]}
    if backend == "sentinel":
        where = {"hosts": [("watch", 26379)], "sentinel_services": ["cache"], "sentinel_failover_retries": 3}
    return {
        "path": f"pysoa.common.transport.redis_gateway.{side}:Redis{side.capitalize()}Transport",
        "kwargs": {
            "backend_type": f"redis.{'sentinel' if backend == 'sentinel' else 'standard'}",
            "backend_layer_kwargs": {**where, **({"connection_kwargs": CURE} if layer is None else layer)},
            **kwargs,
        },
    }


def settled(
    backend: str,
    layer: dict[str, Any] | None = None,
    server: dict[str, Any] | None = None,
    words: dict[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """Describe a depot with settings of its own.

    Args:
        backend: which of PySOA's.
        layer: what its backend layer is given beside the hosts; by default the cure for redis-py 8.
        server: the server's settings beside the transport.
        words: of the scenario.
        kwargs: of the transport.
    """
    settings = {"transport": transport("server", backend, layer, **kwargs), **(server or {})}
    env = {"DEPOT_SETTINGS": json.dumps(settings)}
    return service(backend, pysoa={"settings": "depot.settings"}, env=env, **(words or {}))


def client(backend: str, name: str = "depot", **kwargs: Any) -> Client:
    """Return a client with settings of its own; `kwargs` are the transport's."""
    return Client({name: {"transport": transport("client", backend, **kwargs)}})


def scenario(backend: str = "redis", **sections: Any) -> dict[str, Any]:
    """Describe a scenario; it has the depot unless `services` says otherwise."""
    return {"services": {"depot": service(backend)}, "platform": PLATFORM, **sections}


def world(backend: str = "redis", carrier: str = "greenlet", seed: int = 1, **sections: Any) -> World:
    """Make a world of such a scenario."""
    return World.from_file(scenario(backend, **sections), seed=seed, carrier=carrier)
