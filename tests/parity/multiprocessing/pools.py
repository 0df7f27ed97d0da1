"""Pools, executors and contexts."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children
from typing import Any

from tests.parity.multiprocessing.errors import error_of


def _square(number: int) -> int:
    return number * number


def _fail(number: int) -> int:
    msg = f"no {number}"
    raise KeyError(msg)


def _remember(value: int) -> None:
    global remembered  # noqa: PLW0603 - the state of a worker, as initializers keep it
    remembered = value


remembered = 0


def _remembered(number: int) -> int:
    return remembered + number


def pool(ctx: Any) -> Any:
    """A Pool maps, applies, tells errors and runs its initializer."""
    with ctx.Pool(2, _remember, (100,)) as workers:
        found: list[Any] = [
            workers.map(_square, range(6)),
            workers.apply(_square, (7,)),
            workers.apply_async(_square, (8,)).get(),
            list(workers.imap(_square, range(3))),
            sorted(workers.imap_unordered(_square, range(3))),
            workers.starmap(pow, [(2, 3), (3, 2)]),
            error_of(lambda: workers.apply(_fail, (1,))),
            workers.map(_remembered, [1, 2]),
            remembered,
        ]
        workers.close()
        workers.join()
    return [*found, active_children()]


def _die(_: int) -> None:
    os._exit(1)


def executor(ctx: Any) -> Any:
    """A ProcessPoolExecutor computes, tells errors, and is broken by a worker's death."""
    with ProcessPoolExecutor(2, mp_context=ctx) as workers:
        found: list[Any] = [
            list(workers.map(_square, range(4))),
            workers.submit(_square, 9).result(),
            error_of(workers.submit(_fail, 2).result),
        ]
    with ProcessPoolExecutor(1, mp_context=ctx) as workers:
        broken = workers.submit(_die, 0)
        found.append(type(broken.exception()).__name__)
        try:
            workers.submit(_square, 1)
        except BrokenProcessPool as error:
            found.append(str(error))
    return found


def contexts(ctx: Any) -> Any:
    """A context knows its name, refuses unknown ones and cannot be changed."""
    return [
        ctx.get_start_method(),
        multiprocessing.get_all_start_methods(),
        error_of(lambda: multiprocessing.get_context("thread")),
        error_of(lambda: ctx.set_start_method("spawn")),
        ctx.cpu_count() >= 1,
    ]
