"""The queue of a pool's places behaves as the one that it stands for."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING

import pytest

from meshsim.transports.http.places import Places

if TYPE_CHECKING:
    from tests.transports.http.small_world import SmallWorld


def test_places_come_back_last_first(world: SmallWorld) -> None:
    """The connection that was used last is used next, and no more come back than there are."""
    places = Places(2)
    assert [places.get(), places.get()] == [None, None]
    places.put("one")
    places.put("two")
    with pytest.raises(queue.Full):
        places.put("three", block=False)
    assert [places.get(), places.get(), places.qsize()] == ["two", "one", 0]
    with pytest.raises(queue.Empty):
        places.get(block=False)


def test_waiting_for_a_place_ends(world: SmallWorld) -> None:
    """Who waits gets a place when one comes back, or gives up in time."""
    places = Places(1)
    places.get()
    with pytest.raises(queue.Empty):
        places.get(timeout=2)
    assert round(world.now_s) == 2
    waiting = world.background("waiting", places.get)
    time.sleep(1)
    assert not waiting.done
    places.put("back")
    time.sleep(0.1)
    assert waiting.result_value == "back"
