"""Worlds for the tests of the http room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


from tests.transports.http.small_world import SmallWorld


@pytest.fixture(params=["greenlet", "thread"])
def world(request: pytest.FixtureRequest) -> Iterator[SmallWorld]:
    """An open world, on each carrier."""
    with SmallWorld(request.param) as opened:
        yield opened
