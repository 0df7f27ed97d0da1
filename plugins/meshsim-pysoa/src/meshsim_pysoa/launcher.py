"""What `python -m orders.standalone -s orders.settings` does, on a host."""

from __future__ import annotations

import importlib
import sys
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshsim.scenario.references import Reference

SETTINGS_OPTIONS: Final = ("-s", "--settings")


def arguments(name: str, args: Sequence[str], settings: str) -> list[str]:
    """Return the server's argv: what the scenario says, and the settings unless it says them itself."""
    has_settings = any(arg in SETTINGS_OPTIONS or arg.startswith("--settings=") for arg in args)
    return [f"{name}/standalone.py", *args, *(() if has_settings else ("-s", settings))]


def server_class(target: Reference) -> Any:
    """Import the Server class, on the host that owns it."""
    if target.value is not None:
        return target.value
    return attrgetter(str(target.attribute))(importlib.import_module(str(target.module)))


def launch(target: Reference, argv: list[str], *, django: bool) -> None:
    """Run a server until it shuts down; the calling task is the main thread of its process.

    Args:
        target: the Server class.
        argv: the command line.
        django: start it as PySOA starts services that live in a Django project.
    """
    sys.argv = argv
    standalone = importlib.import_module("pysoa.server.standalone")
    main = standalone.django_main if django else standalone.simple_main
    main(lambda: server_class(target))
