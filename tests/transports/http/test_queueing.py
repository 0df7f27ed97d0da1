"""How many requests a server takes at once, and what becomes of the others."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from flask import Flask

from meshsim.kernel.patches import signals

if TYPE_CHECKING:
    from tests.transports.http.small_world import SmallWorld


def slow_app(cost_s: float = 1.0) -> Flask:
    """Return an application whose requests take a while."""
    app = Flask("slow")

    @app.get("/")
    def index() -> str:
        time.sleep(cost_s)
        return "done"

    return app


def ask_all(world: SmallWorld, count: int) -> list[Any]:
    """Ask `count` times at once, each on a connection of its own, and return (seconds, status or error)."""
    results: list[Any] = []

    def ask() -> None:
        begun = world.now_s
        try:
            what: Any = requests.get("http://slow/", timeout=60).status_code
        except requests.ConnectionError as error:
            what = (
                type(error.args[0].reason).__name__
                if hasattr(error.args[0], "reason")
                else type(error.args[0]).__name__
            )
        results.append((round(world.now_s - begun), what))

    tasks = [world.background(f"ask-{number}", ask) for number in range(count)]
    while not all(task.done for task in tasks):
        time.sleep(1)
    return sorted(results, key=str)


def test_concurrency_makes_the_others_wait(world: SmallWorld) -> None:
    """With a concurrency of two, six requests of a second each take three seconds."""
    world.serve("slow", "wsgi", slow_app(), concurrency=2)
    assert ask_all(world, 6) == [(1, 200), (1, 200), (2, 200), (2, 200), (3, 200), (3, 200)]


def test_without_a_limit_nobody_waits(world: SmallWorld) -> None:
    """Without a concurrency every request is answered at once."""
    world.serve("slow", "wsgi", slow_app())
    assert ask_all(world, 6) == [(1, 200)] * 6


def test_a_full_queue_turns_requests_away(world: SmallWorld) -> None:
    """Where no more may wait the port refuses connections, until somebody more may."""
    world.serve("slow", "wsgi", slow_app(), concurrency=1, queue=1)
    busy = [world.background(f"busy-{number}", requests.get, "http://slow/") for number in range(2)]
    time.sleep(0.1)
    with pytest.raises(requests.ConnectionError, match="Connection refused"):
        requests.get("http://slow/", timeout=5)
    assert ask_all(world, 1) == [(0, "NewConnectionError")]
    time.sleep(5)
    assert [task.result_value.status_code for task in busy] == [200, 200]
    assert ask_all(world, 1) == [(1, 200)]


def test_a_request_on_an_open_connection_gets_503(world: SmallWorld) -> None:
    """Connections that stood before the queue was full are answered, not broken."""
    world.serve("slow", "wsgi", slow_app(), concurrency=1, queue=0)
    assert sorted(ask_all(world, 3), key=str) == [(0, 503), (0, 503), (1, 200)]


def test_processing_costs_virtual_time(world: SmallWorld) -> None:
    """What `processing` draws is spent before the handler begins, and holds a place."""
    latency = SimpleNamespace(sample=lambda _stream: 2_000_000_000)
    world.serve("slow", "wsgi", slow_app(0), concurrency=1, processing=latency)
    assert ask_all(world, 2) == [(2, 200), (4, 200)]


def test_a_termination_lets_requests_end(world: SmallWorld) -> None:
    """After SIGTERM the port refuses, what has begun is answered, and the process ends."""
    process = world.serve("slow", "wsgi", slow_app(3))
    begun = world.background("begun", requests.get, "http://slow/")
    time.sleep(1)
    signals.deliver(process, 15)
    time.sleep(0.5)
    with pytest.raises(requests.ConnectionError, match="Connection refused"):
        requests.get("http://slow/", timeout=1)
    assert process.main is not None
    assert not process.main.done
    time.sleep(3)
    assert begun.result_value.text == "done"
    assert process.main.done


def test_a_client_that_leaves_the_queue_is_not_served(world: SmallWorld) -> None:
    """A request whose client has given up before its turn is never begun."""
    served = []
    app = slow_app(2)
    app.before_request(lambda: served.append(1))
    world.serve("slow", "wsgi", app, concurrency=1)
    first = world.background("first", requests.get, "http://slow/")
    time.sleep(0.1)
    with pytest.raises(requests.ReadTimeout):
        requests.get("http://slow/", timeout=0.5)
    time.sleep(10)
    assert first.done
    assert len(served) == 1
