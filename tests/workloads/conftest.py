"""Worlds for the tests of workloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.workloads.load_world import LoadWorld, app

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["greenlet", "thread"])
def world(request: pytest.FixtureRequest) -> Iterator[LoadWorld]:
    """An open world in which the shop is up, on each carrier."""
    with LoadWorld(request.param) as opened:
        opened.serve("shop", "wsgi", app)
        yield opened
