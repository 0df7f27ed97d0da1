"""Modules that protobuf generated, in packages that everybody shares: each process with private modules has its own.

`google.protobuf.timestamp_pb2` registers its messages in a pool. A process with a pool of its own needs one of its
own, or its messages refuse to hold the other's. The package around it stays shared, so not only `sys.modules`
changes when another process runs, but also the names in the package, where `from google.protobuf import
timestamp_pb2` looks first.
"""

from __future__ import annotations

from typing import Any, Final

# The packages of protobuf itself and of googleapis-common-protos.
PARENTS: Final = (
    "google.api",
    "google.cloud",
    "google.iam.v1",
    "google.logging.type",
    "google.longrunning",
    "google.protobuf",
    "google.rpc",
    "google.rpc.context",
    "google.type",
)
SUFFIXES: Final = ("_pb2", "_pb2_grpc")


def is_generated(name: str) -> bool:
    """Whether a module's name is that of generated code in a shared package."""
    return name.startswith("google.") and name.endswith(SUFFIXES) and name.rpartition(".")[0] in PARENTS


class Generated:
    """The generated modules of one process, and everybody else's while it runs."""

    def __init__(self) -> None:
        self._mine: dict[str, dict[str, Any]] = {}
        self._theirs: dict[str, dict[str, Any]] = {}
        self._others: dict[str, Any] = {}

    def enter(self, modules: dict[str, Any]) -> None:
        """Put the process's own in the place of everybody's."""
        for parent in PARENTS:
            package = modules.get(parent)
            if package is not None:
                names = vars(package)
                self._theirs[parent] = _taken(names)
                names.update(self._mine.get(parent, {}))
                for child in self._theirs[parent]:
                    full = f"{parent}.{child}"
                    if full in modules:
                        self._others[full] = modules.pop(full)

    def leave(self, modules: dict[str, Any]) -> None:
        """Put everybody's back; the process's own names in `sys.modules` are its module space's to take."""
        for parent in PARENTS:
            package = modules.get(parent)
            if package is not None:
                names = vars(package)
                self._mine[parent] = _taken(names)
                names.update(self._theirs.pop(parent, {}))
        modules.update(self._others)
        self._others.clear()


def _taken(names: dict[str, Any]) -> dict[str, Any]:
    """Take generated modules out of a package's names, and return them."""
    return {child: names.pop(child) for child in [name for name in names if name.endswith(SUFFIXES)]}
