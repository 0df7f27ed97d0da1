"""Worlds with the depot, over each of PySOA's backends."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from meshsim import World

SERVICES: Final = Path(__file__).parent / "services"
BACKENDS: Final = ("redis", "sentinel")
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


def scenario(backend: str = "redis", **sections: Any) -> dict[str, Any]:
    """Describe a scenario; it has the depot unless `services` says otherwise."""
    return {"services": {"depot": service(backend)}, "platform": PLATFORM, **sections}


def world(backend: str = "redis", carrier: str = "greenlet", seed: int = 1, **sections: Any) -> World:
    """Make a world of such a scenario."""
    return World.from_file(scenario(backend, **sections), seed=seed, carrier=carrier)
