"""Runs one body in two places and returns what came of it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.parity.grpc.arms import run_mesh, run_real


@pytest.fixture(autouse=True, scope="module")
def _collected() -> Iterator[None]:
    """Collect what the real arm leaves while its threads live: its finalizers join them, for ever in a fork."""
    yield
    gc.collect()


Both = Callable[..., tuple[Any, Any]]


@pytest.fixture
def both() -> Both:
    """Return a function that runs a body on the mesh and on the loopback."""

    def run(body: Any, handlers: Any, **options: Any) -> tuple[Any, Any]:
        return run_mesh(body, handlers, **options), run_real(body, handlers, **options)

    return run
