"""The word in a scenario's `platform` -> the class that provides it.

A provider is made with `(world, spec)` and adds its hosts then; `boot()` is called when every provider of the
scenario has been made. Built-ins and plugins register in the same way, by entry points of the group
`meshsim.platform`.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from meshsim.errors import MeshError, UsageError

if TYPE_CHECKING:
    from meshsim.graph import PlatformSpec
    from meshsim.world import World

GROUP: Final = "meshsim.platform"
# Known without the metadata of every installed distribution, which takes some milliseconds to read.
BUILT_IN: Final = {
    "attach": "meshsim.platform.attached:Attached",
    "external": "meshsim.platform.external:External",
    "redis": "meshsim.platform.redis:Redis",
    "redis_sentinel": "meshsim.platform.redis:RedisSentinel",
}


def load_platform(world: World, spec: PlatformSpec) -> Any:
    """Make the provider of a platform service.

    Raises:
        UsageError: no installed distribution has the word.
        MeshError: the one that has it cannot be loaded; with its name.
    """
    if spec.word in BUILT_IN:
        module, _, name = BUILT_IN[spec.word].partition(":")
        return getattr(importlib.import_module(module), name)(world, spec)
    found = sorted(entry_points(group=GROUP, name=spec.word), key=lambda entry: entry.value)
    if not found:
        known = ", ".join(sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))}))
        msg = f"{spec.place}: no platform word {spec.word!r} is installed; there are {known}"
        raise UsageError(msg)
    entry = found[0]
    try:
        provider = entry.load()
    except Exception as error:
        distribution = entry.dist.name if entry.dist is not None else "an unknown distribution"
        why = f"{type(error).__name__}: {error}"
        msg = f"the platform word {spec.word!r} of {distribution} cannot be loaded: {why}"
        raise MeshError(msg) from error
    return provider(world, spec)
