"""Worlds for the tests of adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transports.http.small_world import SmallWorld

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world() -> Iterator[SmallWorld]:
    """An open world."""
    with SmallWorld() as opened:
        yield opened
