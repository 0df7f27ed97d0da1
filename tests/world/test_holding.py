"""What a test holds of an open world: clients, time, hosts, faults."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from meshsim import ScenarioError, UnsupportedOperation, UsageError, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHOP = """
import logging
import os
import signal
import sys
import time

import requests
from flask import Flask

from limits import LIMIT

app = Flask(__name__)
log = logging.getLogger("shop")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
served = 0


@app.get("/")
def index():
    global served
    served += 1
    log.warning("served %d", served)
    return {"served": served, "limit": sys.modules["limits"].LIMIT, "pid": os.getpid()}


@app.get("/slow")
def slow():
    time.sleep(60)
    return "done"


@app.get("/ask")
def ask():
    try:
        return requests.get("http://stock/", timeout=1).json()
    except requests.RequestException:
        return "no stock", 503
"""


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[World]:
    """A shop, a stock of two replicas that is the same program, and a Redis."""
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "limits.py").write_text("LIMIT = 3\n")
    words: dict[str, Any] = {"wsgi": "shop:app", "path": str(tmp_path), "env": {"BUILD": "007"}}
    world = World(seed=1).service("shop", **words).service("stock", **words, replicas=2)
    with world.platform("cache", redis={}) as opened:
        yield opened


def test_every_client_reaches_its_service(mesh: World) -> None:
    """requests, httpx, redis-py and their asyncio halves are real clients with relative addresses."""
    assert mesh.http("shop").get("/").json()["served"] == 1
    assert mesh.http("shop").get("http://shop/").json()["served"] == 2
    with mesh.httpx("shop") as client:
        assert client.get("/").json()["served"] == 3
    assert mesh.client("shop").get("/").json()["served"] == 4
    assert mesh.http("stock/1").get("/").json()["served"] == 1
    mesh.redis("cache").set("a", "b")

    async def ask() -> tuple[Any, Any]:
        async with mesh.httpx_async("shop") as client:
            reply = await client.get("/")
        cache = mesh.redis_async("cache", decode_responses=True)
        value = await cache.get("a")
        await cache.aclose()
        return reply.json()["served"], value

    assert asyncio.run(ask()) == (5, "b")


def test_unknown_names_are_told_with_the_known_ones(mesh: World) -> None:
    """Clients, hosts, contexts, partitions and stubs that name nobody say who there is."""
    for ask in (mesh.http, mesh.httpx, mesh.httpx_async, mesh.client):
        with pytest.raises(UsageError, match=r"no service 'shopp'; the services are shop, stock"):
            ask("shopp")
    for ask_redis in (mesh.redis, mesh.redis_async):
        with pytest.raises(UsageError, match=r"no platform service 'cash'; there are cache"):
            ask_redis("cash")
    for ask_host in (mesh.host, mesh.on):
        with pytest.raises(UsageError, match=r"no host 'shopp'; the hosts are test, .*shop/0"):
            ask_host("shopp")
    with pytest.raises(UsageError, match=r"no host 'stock'; the hosts are .*stock/0, stock/1"):
        mesh.host("stock")
    with pytest.raises(UsageError, match="no service 'shopp'"):
        mesh.stub("shopp GET /", reply="x")


def test_time_passes_as_it_is_asked_to(mesh: World) -> None:
    """run_for takes texts and seconds, run_until ends with its predicate or with a TimeoutError."""
    mesh.run_for("1h")
    assert mesh.now == 3600
    mesh.run_for(0.5)
    assert mesh.now == 3600.5
    mesh.run_until(lambda: mesh.now > 3610)
    assert 3610 < mesh.now < 3610.1
    with pytest.raises(TimeoutError, match="never was not true within 5s of virtual time"):
        mesh.run_until(never, timeout="5s")
    assert 3615 < mesh.now < 3615.2


def never() -> bool:
    """Be false."""
    return False


def test_a_started_call_goes_on_beside_the_test(mesh: World) -> None:
    """The result waits on virtual time, gives up after its timeout, and raises what the call raised."""
    slow = mesh.start(mesh.http("shop").get, "/slow", timeout=None)
    assert not slow.done
    with pytest.raises(TimeoutError, match="did not end within 5s of virtual time"):
        slow.result(timeout="5s")
    assert 5 <= mesh.now < 5.1
    assert slow.result().text == "done"
    assert 60 <= mesh.now < 60.1
    assert slow.done
    assert slow.result(timeout=0).text == "done"
    with pytest.raises(ZeroDivisionError):
        mesh.start(lambda: 1 // 0).result()


def test_a_host_is_crashed_and_restarted(mesh: World) -> None:
    """A crash loses what the process knew and refuses calls; a restart is up when it returns."""
    host = mesh.host("shop")
    assert host.name == "shop/0"
    assert mesh.http("shop").get("/").json()["served"] == 1
    host.crash()
    assert not host.alive
    assert host.app is None
    assert host.env == {}
    with pytest.raises(requests.ConnectionError):
        mesh.http("shop").get("/", timeout=5)
    with pytest.raises(UsageError, match="shop/0 is down"):
        host.module("shop")
    with pytest.raises(UsageError, match="shop/0 is down"), mesh.on("shop"):
        pass
    host.crash()
    host.restart()
    assert host.alive
    assert mesh.http("shop").get("/").json()["served"] == 1
    host.restart()
    assert mesh.http("shop").get("/").json()["served"] == 1
    with pytest.raises(UnsupportedOperation, match="test cannot be restarted"):
        mesh.host("test").restart()


def test_a_platform_host_is_restarted(mesh: World) -> None:
    """A Redis that comes back has lost its data, and its clients connect again."""
    cache = mesh.redis("cache")
    cache.set("kept", "no")
    host = mesh.host("cache")
    before = host.machine.process
    host.restart()
    assert host.machine.process is not before
    assert cache.get("kept") is None
    host.crash()
    assert not host.alive
    host.restart()
    cache.set("kept", "yes")
    assert cache.get("kept") == b"yes"
    assert [event.kind for event in mesh.trace.events() if event.host == "cache"] == [
        "crash",
        "restart",
        "crash",
        "restart",
    ]


def test_a_host_is_paused_and_resumed(mesh: World) -> None:
    """A paused host answers nobody; what was sent meanwhile is answered after it goes on."""
    host = mesh.host("shop/0")
    host.pause()
    with pytest.raises(requests.Timeout):
        mesh.http("shop").get("/", timeout=5)
    waiting = mesh.start(mesh.http("shop").get, "/", timeout=None)
    mesh.run_for("10s")
    assert not waiting.done
    host.resume()
    assert waiting.result("1s").ok


def test_a_host_is_terminated_by_its_own_handler(mesh: World) -> None:
    """SIGTERM runs the service's handler, which leaves with 0: no error that nobody handled."""
    host = mesh.host("shop/0")
    host.terminate()
    mesh.run_for("1s")
    assert not host.alive
    assert not mesh.trace.events("unhandled")


def test_a_host_shows_its_logs_environment_modules_and_app(mesh: World) -> None:
    """Each is the host's own, not the test's and not its neighbour's."""
    mesh.http("stock/1").get("/")
    one, other = mesh.host("stock/1"), mesh.host("stock/0")
    assert [record.getMessage() for record in one.logs if record.name == "shop"] == ["served 1"]
    assert not [record for record in other.logs if record.name == "shop"]
    logging.getLogger("mine").warning("of the test")
    assert [record.getMessage() for host, record in mesh.logs if host == "test" and record.name == "mine"]
    assert one.env["BUILD"] == "007"
    assert "BUILD" not in os.environ
    assert one.module("shop").served == 1
    assert other.module("shop").served == 0
    assert one.module("shop") is not other.module("shop")
    assert one.app is one.module("shop").app


def test_a_patch_is_one_hosts(mesh: World) -> None:
    """A patched name is another one on that host alone, and comes back after the block or by undo."""
    one, other = mesh.host("stock/0"), mesh.host("stock/1")

    def limits() -> list[int]:
        return [mesh.http(name).get("/").json()["limit"] for name in ("stock/0", "stock/1")]

    with one.patch("limits.LIMIT", 1):
        assert limits() == [1, 3]
    assert limits() == [3, 3]
    patched = other.patch("limits.LIMIT", 9)
    assert limits() == [3, 9]
    patched.undo()
    assert limits() == [3, 3]
    with pytest.raises(UsageError, match=r"'LIMIT' is not module\.attribute"):
        one.patch("LIMIT", 1)
    with pytest.raises(UsageError, match="stock/0 has no module 'limitz'"):
        one.patch("limitz.LIMIT", 1)
    with pytest.raises(AttributeError):
        one.patch("limits.LIMITS", 1)


def test_the_test_may_be_a_host_for_a_while(mesh: World) -> None:
    """Inside the block environment and origin of calls are the host's; after it they are the test's."""
    with mesh.on("stock/1") as host:
        assert host.name == "stock/1"
        assert os.environ["BUILD"] == "007"
        assert requests.get("http://shop/", timeout=5).ok
    assert "BUILD" not in os.environ
    assert requests.get("http://shop/", timeout=5).ok
    assert [call.caller for call in mesh.trace.requests("shop GET /")] == ["stock/1", "test"]


def test_a_partition_heals_after_its_time_or_its_block(mesh: World) -> None:
    """Both forms cut the two off and no one else, and say whether a packet met them."""
    with mesh.partition("shop", "stock") as outage:
        assert not outage.fired
        assert mesh.http("shop").get("/ask").status_code == 503
        assert outage.fired
        assert mesh.http("stock").get("/").ok
    assert mesh.http("shop").get("/ask").ok
    timed = mesh.partition("shop", "stock", for_="3s")
    assert mesh.http("shop").get("/ask").status_code == 503
    mesh.run_for("3s")
    assert mesh.http("shop").get("/ask").ok
    assert timed.fired
    lasting = mesh.fault(partition=["shop", "stock"])
    assert mesh.http("shop").get("/ask").status_code == 503
    lasting.heal()
    assert mesh.http("shop").get("/ask").ok
    mesh.partition("shop", "stock")
    mesh.settle("1s")
    assert mesh.http("shop").get("/ask").ok


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"partitoin": ["shop", "stock"]}, "partition"),
        ({"partition": ["shop", "stok"]}, "stock"),
        ({"partition": ["shop", "stock"], "for_": "3"}, "3s"),
        ({"crash": "shop", "nht": 3}, "nth"),
        ({}, "partition"),
    ],
)
def test_a_fault_of_wrong_words_is_refused(mesh: World, words: dict[str, Any], said: str) -> None:
    """The error says what would be right, and the mesh goes on unharmed."""
    with pytest.raises(ScenarioError, match=said):
        mesh.fault(**words)
    assert mesh.http("shop").get("/ask").ok


def test_a_stub_answers_instead(mesh: World) -> None:
    """The route counts its calls and keeps what was asked."""
    route = mesh.stub("stock GET /", reply=(503, "busy"))
    assert not route.called
    assert mesh.http("shop").get("/ask").status_code in {500, 503}
    assert route.call_count == 1
    assert time.time() == pytest.approx(route.calls[0].sent_at + 1767225600, abs=10)
