"""Worlds for the tests of the http room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transports.http.small_world import SmallWorld

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["greenlet", "thread"])
def world(request: pytest.FixtureRequest) -> Iterator[SmallWorld]:
    """An open world, on each carrier."""
    with SmallWorld(request.param) as opened:
        yield opened
