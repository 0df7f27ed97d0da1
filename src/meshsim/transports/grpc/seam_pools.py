"""protobuf's default descriptor pool: a process with private modules has one of its own.

Two services may then have a `service.proto` each, as two processes may. What is generated, also protobuf's own
`..._pb2` modules, is imported by such a process for itself (`kernel/patches/generated`).
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pool

from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current

TABLE = "protobuf.pool"
real_default = descriptor_pool.Default


def default() -> Any:
    """Stand in for `descriptor_pool.Default`."""
    task = current()
    space = None if task is None else task.process.modules
    if task is None or space is None or space.generated is None:
        return real_default()
    tables = task.process.tables
    if TABLE not in tables:
        tables[TABLE] = descriptor_pool.DescriptorPool()
    return tables[TABLE]


def patches() -> list[Patch]:
    """Return the patch."""
    return [Patch(descriptor_pool, "Default", default)]
