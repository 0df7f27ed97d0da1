"""Worlds for the tests of adapters."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "transports" / "http"))

from small_world import SmallWorld


@pytest.fixture
def world() -> Iterator[SmallWorld]:
    """An open world."""
    with SmallWorld() as opened:
        yield opened
