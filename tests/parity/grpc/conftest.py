"""Runs one body in two places and returns what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.parity.grpc.arms import run_mesh, run_real

Both = Callable[..., tuple[Any, Any]]


@pytest.fixture
def both() -> Both:
    """Return a function that runs a body on the mesh and on the loopback."""

    def run(body: Any, handlers: Any, **options: Any) -> tuple[Any, Any]:
        return run_mesh(body, handlers, **options), run_real(body, handlers, **options)

    return run
