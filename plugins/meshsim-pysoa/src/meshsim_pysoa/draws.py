"""PySOA's own draws on the host `test`: the clients of workloads and of the test are a part of the run.

The kernel leaves the module `random` of the host `test` to the runner, whose plugins seed and restore it.
PySOA draws from it the number of a client's first request, the moments of retries and half of a correlation id, all of
which travel: without this, one seed would give another trace each time a test calls by PySOA.
"""

from __future__ import annotations

import random
import uuid
from typing import Any, Final

from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch

TABLE: Final = "pysoa.draws"


def _generator() -> random.Random | None:
    """Return the generator of PySOA on the host `test`; None elsewhere, where `random` is the host's own."""
    task, kernel = state.current(), state.kernel
    if task is None or kernel is None or task.process is not kernel.home:
        return None
    tables = kernel.home.tables
    found: random.Random | None = tables.get(TABLE)
    if found is None:
        found = tables[TABLE] = random.Random(kernel.home.random.getrandbits(64))
    return found


class Draws:
    """Stands for the module `random` in one of PySOA's modules."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_generator() or random, name)


class Uuids:
    """Stands for the module `uuid` in PySOA's client: a `uuid1` draws its clock's sequence."""

    def __getattr__(self, name: str) -> Any:
        return getattr(uuid, name)

    def uuid1(self, node: int | None = None, clock_seq: int | None = None) -> uuid.UUID:
        """Return a UUID of the moment, with a drawn clock sequence where none is given."""
        generator = _generator()
        if generator is not None and clock_seq is None:
            clock_seq = generator.getrandbits(14)
        return uuid.uuid1(node, clock_seq)


DRAWS: Final = Draws()
UUIDS: Final = Uuids()


def client_patches() -> list[Patch]:
    """Return the patches of `pysoa.client.client`."""
    import pysoa.client.client as module  # noqa: PLC0415 - by then it is there

    return [Patch(module, "random", DRAWS), Patch(module, "uuid", UUIDS)]


def core_patches() -> list[Patch]:
    """Return the patches of the Redis transport and its backends."""
    from pysoa.common.transport.redis_gateway import core  # noqa: PLC0415 - by then it is there
    from pysoa.common.transport.redis_gateway.backend import base, sentinel  # noqa: PLC0415

    return [Patch(module, "random", DRAWS) for module in (core, base, sentinel)]
