"""Entropy: a service's unseeded randomness comes from its host's own stream."""

from __future__ import annotations

import os
import random
import ssl
import tempfile
import uuid
from importlib import _bootstrap_external  # where modules' bodies are run
from typing import TYPE_CHECKING, Any

from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch, existing

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.task import Task

real_urandom = os.urandom
real_inst = random._inst
real_init = random.Random.__init__
real_seed = random.Random.seed
real_getnode = uuid.getnode
real_rand_bytes = ssl.RAND_bytes
_source_loader: Any = _bootstrap_external._LoaderBasics  # type: ignore[attr-defined]  # what all loaders of source share
real_exec_module: Any = _source_loader.exec_module
real_candidate_names = tempfile._get_candidate_names  # type: ignore[attr-defined]
real_temporary_folder: Any = tempfile._gettempdir  # type: ignore[attr-defined]

# What the bodies of shared modules draw while they are imported, by the task that imports.
importing: dict[Task, random.Random] = {}

# The functions of the `random` module that are methods of one hidden generator.
METHODS = [
    "seed",
    "random",
    "uniform",
    "triangular",
    "randint",
    "choice",
    "randrange",
    "sample",
    "shuffle",
    "choices",
    "normalvariate",
    "lognormvariate",
    "expovariate",
    "vonmisesvariate",
    "gammavariate",
    "gauss",
    "betavariate",
    "binomialvariate",
    "paretovariate",
    "weibullvariate",
    "getstate",
    "setstate",
    "getrandbits",
    "randbytes",
]


def generator() -> random.Random:
    """Return the generator of the calling task's process, or the real module's."""
    task = state.task
    if task is None or state.real_ident() not in state.carriers:
        return real_inst
    if task.process is state.kernel.home and not task.killed:  # type: ignore[union-attr]  # a task has a kernel
        # The test's own draws belong to pytest plugins and Hypothesis, which seed and restore them; finalizers,
        # which the hub runs in a dead flow of the test's process, are not the test's.
        return real_inst
    if importing and task in importing:
        return importing[task]
    found = task.process.tables.get("random")
    if found is None:
        found = task.process.tables["random"] = random.Random(task.process.random.getrandbits(64))
    return found


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
    if importing and task in importing:
        return importing[task]
    return task.process.random


def exec_module(loader: Any, module: Any) -> None:
    """Run the body of a module; the replacement of what every loader of source does.

    A module that all hosts share is imported by whichever of them is first, in the first world of an
    interpreter and never again. Did its body draw from the stream of that host (multiprocessing does), the
    host would draw otherwise afterwards than in the next world, or than where it had been imported before.
    So it draws from its own name.
    """
    task = state.task
    if task is None or state.real_ident() not in state.carriers:
        real_exec_module(loader, module)
        return
    before = importing.pop(task, None)
    # A private module has its host's builtins by now, and is imported in every world.
    if "__builtins__" not in vars(module):
        importing[task] = _quiet(module.__name__)
    try:
        real_exec_module(loader, module)
    finally:
        importing.pop(task, None)
        if before is not None:
            importing[task] = before


def _quiet(name: str) -> random.Random:
    made = random.Random.__new__(random.Random)
    real_init(made, name)
    return made


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
        found = task.process.tables["temporary names"] = tempfile._RandomNameSequence()  # type: ignore[attr-defined]
    return found


def temporary_folder() -> Any:
    """Return the host's own folder for temporary files, by its environment; the replacement of tempfile's one.

    The real one is looked for once an interpreter, by trying drawn names: only the first world's first host would
    have drawn them.
    """
    task = state.current()
    if task is None or task.process is state.kernel.home or tempfile.tempdir is not _runners_folder:  # type: ignore[union-attr]
        return real_temporary_folder()
    found = task.process.tables.get("temporary folder")
    if found is None:
        before, importing[task] = importing.get(task), _quiet("tempfile")
        try:
            found = tempfile._get_default_tempdir()  # type: ignore[attr-defined]
        finally:
            del importing[task]
            if before is not None:
                importing[task] = before
        task.process.tables["temporary folder"] = found
    return found


# What `tempfile.tempdir` was when the world began: a service that sets it means it.
_runners_folder: Any = None


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    global _runners_folder  # noqa: PLW0603 - of the one current world
    _runners_folder = tempfile.tempdir
    found = existing(os, {"urandom": urandom}, rebind=True)
    found += existing(random, {"_urandom": urandom})
    found += existing(random, dict(DISPATCHERS), rebind=True)
    found += existing(ssl, {"RAND_bytes": rand_bytes}, rebind=True)
    found += existing(uuid, {"getnode": getnode}, rebind=True)
    found += existing(tempfile, {"_get_candidate_names": candidate_names, "_gettempdir": temporary_folder})
    found += existing(_source_loader, {"exec_module": exec_module})
    return [*found, Patch(random.Random, "__init__", init), Patch(random.Random, "seed", seed)]
