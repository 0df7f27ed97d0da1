"""What PySOA and Conformity keep once a process is kept once a host.

Two hosts with equal settings would else share one pool of connections, and a class that is named by its path
(`orders.middleware:Audit`) would be that of whichever host asked first. Private copies of both packages for each host
would be the purer way; they cost 39 ms a host at each boot, this costs a dictionary.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current

if TYPE_CHECKING:
    from collections.abc import Iterator


class OwnDict:
    """Stands where a dictionary was kept as a class attribute: one for each process, the original outside a world."""

    def __init__(self, name: str, real: dict[Any, Any]) -> None:
        self._name = name
        self._real = real

    def _now(self) -> dict[Any, Any]:
        task = current()
        if task is None:
            return self._real
        mine: dict[Any, Any] = task.process.tables.setdefault(self._name, {})
        return mine

    def __contains__(self, key: object) -> bool:
        return key in self._now()

    def __getitem__(self, key: Any) -> Any:
        return self._now()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._now()[key] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._now(), name)


class OwnAttribute:
    """Stands for an attribute of objects that live longer than a host: a dictionary for each process and object."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._table = f"own.{name}"

    def __get__(self, holder: Any, owner: type | None = None) -> Any:
        """Give the process's own copy; what was in the attribute before the world is in each."""
        if holder is None:
            return self
        task = current()
        if task is None:
            return holder.__dict__[self._name]
        mine = task.process.tables.setdefault(self._table, {})
        # By identity, never in an order: the holder is kept beside its copy, so that no other takes its place.
        entry = mine.get(id(holder))
        if entry is None:
            entry = mine[id(holder)] = (holder, dict(holder.__dict__.get(self._name, {})))
        return entry[1]

    def __set__(self, holder: Any, value: Any) -> None:
        """Set the attribute for everybody: the holder's constructor does."""
        holder.__dict__[self._name] = value


SERVICE_NAME = "pysoa.log_service_name"


def _get_service_name(_holder: Any) -> Any:
    task = current()
    return None if task is None else task.process.tables.get(SERVICE_NAME)


def _set_service_name(cls: Any, service_name: str) -> None:
    task = current()
    if task is None:
        cls._service_name = service_name
    else:
        task.process.tables[SERVICE_NAME] = service_name


def interpreter_arguments() -> list[str]:
    """Say what a host's interpreter was started with; the replacement of PySOA's look into C's argv.

    PySOA refuses to start from a script, and the test runner often is one. A host runs what `python -m` runs.
    """
    return ["python", "-m"]


def backend_patches() -> list[Patch]:
    """Return the patch of `pysoa.common.transport.redis_gateway.core` for its cache of connections."""
    from pysoa.common.transport.redis_gateway.core import RedisTransportCore  # noqa: PLC0415

    name = "_backend_layer_cache"
    return [Patch(RedisTransportCore, name, OwnDict("pysoa.backends", vars(RedisTransportCore)[name]))]


def path_patches() -> list[Patch]:
    """Return the patches of `conformity.fields.meta`: classes that settings name by their path."""
    from conformity.fields.meta import ClassConfigurationSchema, PythonPath  # noqa: PLC0415

    names = ("_module_cache", "_import_cache")
    return [
        *(Patch(PythonPath, name, OwnDict(f"conformity.{name}", vars(PythonPath)[name])) for name in names),
        Patch(ClassConfigurationSchema, "_schema_cache", OwnAttribute("_schema_cache")),
    ]


def log_patches() -> list[Patch]:
    """Return the patches of `pysoa.common.logging`: the service that log records name."""
    from pysoa.common.logging import PySOALogContextFilter  # noqa: PLC0415

    return [
        Patch(PySOALogContextFilter, "_service_name", property(_get_service_name)),
        Patch(PySOALogContextFilter, "set_service_name", classmethod(_set_service_name)),
    ]


def utils_patches() -> list[Patch]:
    """Return the patch of `pysoa.utils`: how the interpreter was started."""
    # Not by `import pysoa.utils`: at this moment the package does not have it as an attribute yet.
    return [Patch(sys.modules["pysoa.utils"], "get_python_interpreter_arguments", interpreter_arguments)]
