"""Worlds for the tests of faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.fault_world import FaultWorld

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["greenlet", "thread"])
def world(request: pytest.FixtureRequest) -> Iterator[FaultWorld]:
    """An open world, on each carrier."""
    with FaultWorld(carrier=request.param) as opened:
        yield opened
