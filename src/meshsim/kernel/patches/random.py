"""Entropy: a service's unseeded randomness comes from its host's own stream."""

from __future__ import annotations

import os
import random
import ssl
import tempfile
import uuid
from typing import TYPE_CHECKING, Any

from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch, existing

if TYPE_CHECKING:
    from collections.abc import Callable

real_urandom = os.urandom
real_inst = random._inst  # type: ignore[attr-defined]  # noqa: SLF001 - what the module's functions are bound to
real_init = random.Random.__init__
real_seed = random.Random.seed
real_getnode = uuid.getnode
real_rand_bytes = ssl.RAND_bytes
real_candidate_names = tempfile._get_candidate_names  # type: ignore[attr-defined]  # noqa: SLF001

# The functions of the `random` module that are methods of one hidden generator.
METHODS = ["seed", "random", "uniform", "triangular", "randint", "choice", "randrange", "sample", "shuffle", "choices", "normalvariate", "lognormvariate", "expovariate", "vonmisesvariate", "gammavariate", "gauss", "betavariate", "binomialvariate", "paretovariate", "weibullvariate", "getstate", "setstate", "getrandbits", "randbytes"]


def generator() -> random.Random:
    """Return the generator of the calling task's process, or the real module's."""
    task = state.task
    if task is None or state.real_ident() not in state.carriers:
        return real_inst  # type: ignore[no-any-return]
    if task.process is state.kernel.home:  # type: ignore[union-attr]  # a task has a kernel
        # The test's own draws belong to pytest plugins and Hypothesis, which seed and restore them.
        return real_inst  # type: ignore[no-any-return]
    found = task.process.tables.get("random")
    if found is None:
        found = task.process.tables["random"] = random.Random(task.process.random.getrandbits(64))
    return found  # type: ignore[no-any-return]


def _dispatcher(name: str) -> Callable[..., Any]:
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        return getattr(generator(), name)(*args, **kwargs)

    dispatch.__name__ = dispatch.__qualname__ = name
    dispatch.__doc__ = f"Call `{name}` of the calling host's generator."
    return dispatch


DISPATCHERS = {name: _dispatcher(name) for name in METHODS if hasattr(random, name)}


def _entropy() -> random.Random | None:
    task = state.task
    if task is None or state.real_ident() not in state.carriers:
        return None
    return task.process.random


def urandom(size: int, /) -> bytes:
    """Return bytes of the host's stream; the replacement of `os.urandom`."""
    stream = _entropy()
    return real_urandom(size) if stream is None else stream.randbytes(size)


def rand_bytes(n: int, /) -> bytes:
    """Return bytes of the host's stream; the replacement of `ssl.RAND_bytes`."""
    stream = _entropy()
    return real_rand_bytes(n) if stream is None else stream.randbytes(n)


def init(self: random.Random, x: Any = None) -> None:
    """Seed a generator; without a seed, from the host's stream."""
    if x is None and type(self) is not random.SystemRandom:
        stream = _entropy()
        if stream is not None:
            x = stream.getrandbits(128)
    real_init(self, x)


def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
    """Seed a generator again; without a seed, from the host's stream."""
    if a is None:
        stream = _entropy()
        if stream is not None:
            a = stream.getrandbits(128)
    real_seed(self, a, version)


def getnode() -> int:
    """Return the host's own hardware address; the replacement of `uuid.getnode`."""
    task = state.task
    if task is None or state.real_ident() not in state.carriers:
        return real_getnode()
    return 0x02_00_00_00_00_00 + task.process.host.index


def candidate_names() -> Any:
    """Return the host's own sequence of names for temporary files; the replacement of tempfile's one sequence."""
    task = state.current()
    if task is None:
        return real_candidate_names()
    found = task.process.tables.get("temporary names")
    if found is None:
        found = task.process.tables["temporary names"] = tempfile._RandomNameSequence()  # type: ignore[attr-defined]  # noqa: SLF001
    return found


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    found = existing(os, {"urandom": urandom}, rebind=True)
    found += existing(random, {"_urandom": urandom})
    found += existing(random, dict(DISPATCHERS), rebind=True)
    found += existing(ssl, {"RAND_bytes": rand_bytes}, rebind=True)
    found += existing(uuid, {"getnode": getnode}, rebind=True)
    found += existing(tempfile, {"_get_candidate_names": candidate_names})
    return [*found, Patch(random.Random, "__init__", init), Patch(random.Random, "seed", seed)]
