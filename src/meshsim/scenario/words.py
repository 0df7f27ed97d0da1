"""The words that a scenario may use for adapters and platform services.

A built-in word is one row here. A plugin's word is the name of its entry point; it is not loaded to check a
scenario, so its options are a mapping of its own, `orders: {pysoa: {server: orders.server:Server, redis:
cache}}`, which the plugin's `validate` looks at when the world starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Final

__all__ = [
    "ADAPTERS",
    "ADAPTER_GROUP",
    "BROKERED",
    "BROKER_OPTIONS",
    "PLATFORM_GROUP",
    "TARGET_OPTION",
    "AdapterWord",
    "Words",
]

ADAPTER_GROUP: Final = "meshsim.adapters"
PLATFORM_GROUP: Final = "meshsim.platform"

BROKER_OPTIONS: Final = ("redis", "sentinel")
"""Options by which a plugin's adapter names the platform service where its clients and servers meet."""

TARGET_OPTION: Final = "server"
"""The option by which a plugin's adapter names the code, `module:attribute`, when it has a mapping."""


BROKERED: Final = frozenset({"pysoa"})
"""Plugins' words whose services are always behind a broker, also when the scenario does not name it.

The one thing that is known here about a plugin: without it `orders: {pysoa: "orders.server:Server"}` would
pass for a service that its callers reach directly.
"""


@dataclass(frozen=True, slots=True)
class AdapterWord:
    """An adapter as a scenario sees it.

    `program`: a module or a script will do, not only `module:attribute`. `http`: operations are METHOD /path.
    `plugin`: the value may be a mapping of the adapter's own options. `grpc`: an error is a status by its name.
    """

    name: str
    program: bool = False
    http: bool = False
    plugin: bool = False
    grpc: bool = False


ADAPTERS: Final = MappingProxyType(
    {
        row.name: row
        for row in (
            AdapterWord("wsgi", http=True),
            AdapterWord("asgi", http=True),
            AdapterWord("grpc", plugin=True, grpc=True),
            AdapterWord("python", program=True),
        )
    }
)


@dataclass(frozen=True)
class Words:
    """What is known; the names of plugins are those of the installed entry points unless they are given."""

    plugin_adapters: frozenset[str] | None = None
    plugin_platform: frozenset[str] | None = None

    def adapter(self, word: str) -> AdapterWord | None:
        """Return the adapter called `word`, or None."""
        if (row := ADAPTERS.get(word)) is not None:
            return row
        return AdapterWord(word, plugin=True) if word in self._adapter_names() else None

    def adapters(self) -> list[str]:
        """Return all adapter words, for messages."""
        return sorted({*ADAPTERS, *self._adapter_names()})

    def is_platform_plugin(self, word: str) -> bool:
        """Say whether a plugin supplies the platform service `word`."""
        return word in self.platform_plugins()

    def platform_plugins(self) -> frozenset[str]:
        """Return the platform words that plugins supply."""
        return _installed(PLATFORM_GROUP) if self.plugin_platform is None else self.plugin_platform

    def _adapter_names(self) -> frozenset[str]:
        return _installed(ADAPTER_GROUP) if self.plugin_adapters is None else self.plugin_adapters


@cache
def _installed(group: str) -> frozenset[str]:
    # Reads the metadata of every installed distribution, some milliseconds: only when a word is not our own.
    return frozenset(entry.name for entry in entry_points(group=group))
