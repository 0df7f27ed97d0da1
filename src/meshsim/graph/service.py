"""A service: code that boots on hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshsim.core.names import host_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsim.core.latency import Latency
    from meshsim.errors import Place
    from meshsim.scenario.references import Reference

__all__ = ["ServiceSpec"]


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One service and its replicas.

    `adapter` is the word of the scenario (`wsgi`), `target` the code, `path` the absolute import root and
    working directory. `options` are those of a plugin's adapter, with `option_places` for its messages.
    None means: the adapter's default port, no limit of concurrency or queue, no processing time, no
    restart.
    """

    name: str
    adapter: str
    target: Reference | None
    path: str
    place: Place
    text: str
    port: int | None
    replicas: int
    env: Mapping[str, str]
    args: tuple[str, ...]
    aliases: tuple[str, ...]
    concurrency: int | None
    queue: int | None
    processing: Latency | None
    restart_ns: int | None
    isolate: tuple[str, ...]
    options: Mapping[str, Any]
    option_places: Mapping[str, Place]

    def hosts(self) -> tuple[str, ...]:
        """Return the names of its hosts: `storefront/0`, `storefront/1`."""
        return tuple(host_name(self.name, index) for index in range(self.replicas))
