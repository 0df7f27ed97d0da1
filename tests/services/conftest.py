"""Worlds for the tests of adapters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


from tests.transports.http.small_world import SmallWorld


@pytest.fixture
def world() -> Iterator[SmallWorld]:
    """An open world."""
    with SmallWorld() as opened:
        yield opened
