"""Word -> adapter, loaded when a scenario names it.

An adapter of a plugin is an entry point of the group `meshsim.adapters`; its name is the word. One that
cannot be loaded is an error that names its distribution, at the moment when somebody wants it, and never
breaks a pytest that does not.
"""

from __future__ import annotations

import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final

from meshsim.core.names import did_you_mean
from meshsim.errors import UsageError

if TYPE_CHECKING:
    from meshsim.services.adapter import Adapter

GROUP: Final = "meshsim.adapters"
# Known without the metadata of every installed distribution, which takes some milliseconds to read.
BUILT_IN: Final = {
    "asgi": "meshsim.services.asgi:ADAPTER",
    "grpc": "meshsim.services.grpc:ADAPTER",
    "python": "meshsim.services.program:ADAPTER",
    "wsgi": "meshsim.services.wsgi:ADAPTER",
}
# Those of plugins that were loaded: asking the metadata again at each boot takes 2 ms a service.
_loaded: dict[str, Adapter] = {}


def load_adapter(word: str) -> Adapter:
    """Return the adapter that a scenario calls `word`.

    Raises:
        UsageError: nobody supplies it, two distributions do, or the one that does is broken.
    """
    if word in BUILT_IN:
        module, _, name = BUILT_IN[word].partition(":")
        found: Adapter = getattr(importlib.import_module(module), name)
        return found
    if word in _loaded:
        return _loaded[word]
    entries = sorted(entry_points(group=GROUP, name=word), key=_distribution)
    if not entries:
        known = words()
        msg = f"no adapter is called {word!r}{did_you_mean(word, known)}; the adapters are {', '.join(known)}"
        raise UsageError(msg)
    if len({entry.value for entry in entries}) > 1:
        owners = " and ".join(_distribution(entry) for entry in entries)
        msg = f"the adapter {word!r} is supplied by {owners}; uninstall all but one"
        raise UsageError(msg)
    _loaded[word] = _load(entries[0])
    return _loaded[word]


def words() -> list[str]:
    """Return the words of all adapters, in name order; none is loaded."""
    return sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})


def _load(entry: EntryPoint) -> Adapter:
    try:
        found: Adapter = entry.load()
    except Exception as error:
        msg = (
            f"the adapter {entry.name!r} of the distribution {_distribution(entry)} cannot be loaded from"
            f" {entry.value}: {type(error).__name__}: {error}; update or uninstall it"
        )
        raise UsageError(msg) from error
    return found


def _distribution(entry: EntryPoint) -> str:
    return "an unknown distribution" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
