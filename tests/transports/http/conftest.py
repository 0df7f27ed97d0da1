"""Worlds for the tests of the http room."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_world import SmallWorld


@pytest.fixture(params=["greenlet", "thread"])
def world(request: pytest.FixtureRequest) -> Iterator[SmallWorld]:
    """An open world, on each carrier."""
    with SmallWorld(request.param) as opened:
        yield opened
