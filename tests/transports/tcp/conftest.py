"""Worlds for the tests of the tcp room: bare hosts with simulated sockets and the http room beside them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "http"))
sys.path.insert(0, str(Path(__file__).parent))

from socket_world import SocketWorld

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["greenlet", "thread"])
def world(request: pytest.FixtureRequest) -> Iterator[SocketWorld]:
    """An open world, on each carrier."""
    with SocketWorld(request.param) as opened:
        yield opened
