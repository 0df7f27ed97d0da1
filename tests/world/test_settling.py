"""`mesh.settle`: a mesh that polls is quiet, one that still works on something is not."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import requests

from meshsim import UnsettledError, World
from meshsim.trace.call import Call
from meshsim.trace.flight import in_flight

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECOND = 1_000_000_000
SHOP = """
import time

import requests
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return "ok"


@app.get("/slow")
def slow():
    time.sleep(60)
    return "done"


@app.get("/ask")
def ask():
    return requests.get("http://stock/slow", timeout=None).text
"""
IDLE = """
import threading
import time

import redis
import requests


def heartbeat():
    while True:
        requests.get("http://shop/", timeout=5)
        time.sleep(0.05)


def main():
    threading.Thread(target=heartbeat, daemon=True).start()
    queue = redis.Redis("cache", socket_timeout=None)
    while True:
        queue.blpop("jobs", 3)
"""
WORKER = """
import redis
import requests


def main():
    queue = redis.Redis("cache", socket_timeout=None)
    while True:
        _, path = queue.blpop("jobs")
        requests.get("http://stock" + path.decode(), timeout=None)
"""


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[World]:
    """Two shops, somebody who polls and beats without end, a worker of a queue, and their Redis."""
    for name, text in (("shop", SHOP), ("idle", IDLE), ("worker", WORKER)):
        (tmp_path / f"{name}.py").write_text(text)
    path = str(tmp_path)
    world = World(seed=1).service("shop", wsgi="shop:app", path=path)
    world = world.service("stock", wsgi="shop:app", path=path).service("idle", python="idle:main", path=path)
    world = world.service("worker", python="worker:main", path=path).platform("cache", redis={})
    with world as opened:
        yield opened


def test_polls_and_heartbeats_are_quiet(mesh: World) -> None:
    """A loop of BLPOP and a heartbeat that is always nearly in flight do not count, whenever one looks."""
    assert mesh.http("shop").get("/ask", timeout=None).ok
    for number in range(20):
        mesh.settle(1 + number / 1000)


def test_settling_heals_and_takes_its_time(mesh: World) -> None:
    """What a fault held up is over in the end: the partition is gone and its victim answered."""
    mesh.partition("shop", "stock")
    waiting = mesh.start(mesh.http("shop").get, "/ask", timeout=None)
    mesh.run_for("5s")
    before = mesh.now
    mesh.settle("120s")
    assert mesh.now == before + 120
    assert waiting.result(timeout=0).text == "done"


def test_what_is_in_flight_is_named(mesh: World) -> None:
    """Each call that is not over is told with its hosts, its age and the line that its handler stands in."""
    mesh.start(mesh.http("shop").get, "/ask", timeout=None)
    with pytest.raises(UnsettledError) as failure:
        mesh.settle("2s")
    text = str(failure.value)
    assert text.startswith("the mesh is not quiet after 2s of virtual time:\n")
    assert "  test -> shop/0 GET /ask: sent 2.0" in text
    assert "  shop/0 -> stock/0 GET /slow: sent 1.9" in text
    assert "being handled" in text
    assert "shop.py:17 in slow: time.sleep(60)" in text
    assert "a call that the test started has not ended:\n  test started-1" in text
    assert "idle" not in text
    mesh.settle("60s")


def test_a_handler_that_runs_on_is_not_quiet(mesh: World) -> None:
    """Its caller gave up; the handler works on until it is done, or its process dies."""
    with pytest.raises(requests.Timeout):
        mesh.http("stock").get("/slow", timeout=1)
    with pytest.raises(UnsettledError, match="its caller gave up, its handler runs on"):
        mesh.settle("1s")
    mesh.host("stock").crash()
    mesh.host("stock").restart()
    mesh.settle("1s")


def test_a_worker_that_hangs_is_no_poll(mesh: World) -> None:
    """A background call that takes much longer than those before it is work, although nobody waits for it."""
    queue = mesh.redis("cache")
    for _ in range(3):
        queue.rpush("jobs", "/")
    mesh.settle("1s")
    queue.rpush("jobs", "/slow")
    with pytest.raises(UnsettledError, match=r"worker/0 -> stock/0 GET /slow: sent 5\.0"):
        mesh.settle("5s")
    mesh.settle("60s")


def test_a_host_that_boots_is_not_quiet(mesh: World) -> None:
    """A host that lives and does not listen yet is named."""
    host = mesh.host("stock")
    host.pause()
    mesh.kernel.kill(host.machine.process, -9)  # type: ignore[arg-type]  # it lives
    mesh.services["stock"].start(host.machine)
    with pytest.raises(UnsettledError, match="stock/0 is not up yet"):
        mesh.settle("1s")
    host.resume()
    mesh.settle("1s")


NUMBERS = itertools.count(1)


def call(caller: str = "a", sent: float = 0, ended: float | None = None, **more: Any) -> Call:
    """Make a call of seconds."""
    made = Call(next(NUMBERS), "http", caller, "b", more.pop("operation", "GET /"), int(sent * SECOND))
    made.replied_ns = None if ended is None else int(ended * SECOND)
    for name, value in more.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("last", "is_work"),
    [
        (call(sent=99), False),
        (call(sent=98), False),
        (call(sent=97.9), True),
        (call(sent=99, operation="GET /other"), True),
        (call(caller="test", sent=99), True),
        (call(sent=99, parent=7), True),
        (call(caller="gone", sent=99), False),
        (call(sent=10, operation="ReceiveMessage jobs"), False),
        (call(sent=10, ended=20), False),
        (call(sent=10, failed_ns=20 * SECOND, received_ns=15 * SECOND, target_host="b/0"), True),
        (call(sent=10, failed_ns=20 * SECOND, received_ns=15 * SECOND, target_host="gone"), False),
        (call(sent=10, failed_ns=20 * SECOND, received_ns=15 * SECOND, handled_ns=30 * SECOND), False),
    ],
)
def test_what_is_a_poll_and_what_is_work(last: Call, is_work: bool) -> None:
    """A poll was answered before, is nobody's part, and takes at most twice as long as ever, or as a second."""
    calls = [call(sent=1, ended=1.1), call(caller="test", sent=1, ended=1.1), last]
    found = in_flight(calls, 100 * SECOND, lambda host, _: host != "gone")
    assert [item for item, _ in found] == ([last] if is_work else [])
