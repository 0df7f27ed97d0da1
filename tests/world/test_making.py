"""Worlds made in code and from files, opened and closed."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import flask
import pytest
import requests

from meshsim import BootError, FenceError, ScenarioError, UsageError, World

if TYPE_CHECKING:
    from pathlib import Path

STOCK = """
import os, time
from flask import Flask
app = Flask(__name__)
LIMIT = 3

@app.get("/limit")
def limit():
    return {"limit": LIMIT, "build": os.environ.get("BUILD")}
"""


def shop() -> flask.Flask:
    """Return a shop that asks a stock."""
    app = flask.Flask("shop")

    @app.get("/ask")
    def ask() -> Any:
        return requests.get("http://stock/left", timeout=1).text

    return app


def stock() -> flask.Flask:
    """Return a stock."""
    app = flask.Flask("stock")

    @app.get("/left")
    def left() -> Any:
        return "5"

    return app


def in_code(**options: Any) -> World:
    """Return a shop and its stock."""
    world = World(seed=1, **options).service("shop", wsgi=shop()).service("stock", wsgi=stock())
    return world.link("shop", "stock", latency="200ms")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a service and its scenario."""
    (tmp_path / "stock.py").write_text(STOCK)
    (tmp_path / "stock.mesh.yaml").write_text(
        "scenario: stock\nseed: 7\nservices:\n  stock: {wsgi: 'stock:app', path: ., env: {BUILD: 007}}\n"
        "cases:\n  other: {services: {stock: {env: {BUILD: 1.50}}}}\n"
    )
    return tmp_path


def test_a_world_in_code_has_services_platform_and_links() -> None:
    """What the builder was given is what the test meets: two services, a Redis, a link of a second."""
    with in_code(policy="fifo").platform("cache", redis={}) as mesh:
        assert mesh.seed == 1
        assert mesh.now == 0
        assert mesh.http("stock").get("/left").text == "5"
        assert mesh.now < 0.1
        assert mesh.http("shop").get("/ask").text == "5"
        assert mesh.now > 0.4
        assert mesh.redis("cache").set("a", 1)
        assert mesh.redis("cache").get("a") == b"1"


def test_a_world_from_a_file_takes_case_seed_and_overrides(folder: Path) -> None:
    """The file's own seed and values hold unless something else is said; a case lies over them."""
    file = folder / "stock.mesh.yaml"
    with World.from_file(file) as mesh:
        assert mesh.seed == 7
        assert mesh.http("stock").get("/limit").json() == {"limit": 3, "build": "007"}
    with World.from_file(file, case="other", seed=9) as mesh:
        assert mesh.seed == 9
        assert mesh.http("stock").get("/limit").json()["build"] == "1.50"
    with World.from_file(file, overrides=["services.stock.replicas=2"]) as mesh:
        assert [host for host in mesh.kernel.hosts if host.startswith("stock")] == ["stock/0", "stock/1"]
    with pytest.raises(ScenarioError, match="othr"):
        World.from_file(file, case="othr")
    with pytest.raises(UsageError, match="add them there"):
        World.from_file(file).service("more", wsgi=stock())


def test_two_worlds_at_once_are_refused() -> None:
    """The second is told to wait for the first, which goes on; after it closed, another one opens."""
    second = in_code()
    with in_code() as mesh:
        with pytest.raises(UsageError, match="a world is open already"):
            second.open()
        assert mesh.http("stock").get("/left").text == "5"
    with in_code() as mesh:
        assert mesh.http("stock").get("/left").text == "5"


def test_a_world_closes_once_and_gives_everything_back() -> None:
    """Closing twice is one closing; an exception in the block restores every name and passes through."""
    names = [(time, "time"), (time, "sleep"), (threading, "Thread"), (socket, "socket"), (requests, "get")]
    before = [getattr(owner, name) for owner, name in names]
    mesh = in_code()
    inside: list[Any] = []

    def fail() -> None:
        inside.extend(getattr(owner, name) for owner, name in names)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), mesh:
        fail()
    assert inside != before
    assert [getattr(owner, name) for owner, name in names] == before
    mesh.close()
    assert not mesh.opened
    began = time.monotonic()
    time.sleep(0.01)
    assert time.monotonic() - began >= 0.01


def test_a_world_may_be_opened_again() -> None:
    """A second opening begins anew, and is the same run as one of a world made anew."""
    again = in_code()
    hashes = []
    for world in (again, again, in_code()):
        with world as mesh:
            assert mesh.now == 0
            assert mesh.http("shop").get("/ask").text == "5"
        hashes.append(mesh.hash)
    assert len(set(hashes)) == 1


def test_mistakes_in_code_are_all_told() -> None:
    """Every wrong word of a world in code is in one ScenarioError, before anything boots."""
    world = World().service("a", wsgi=stock(), replicaz=2).service("b", wsgi=stock(), processing="10")
    with pytest.raises(ScenarioError) as failure:
        world.open()
    text = str(failure.value)
    assert "replicaz" in text
    assert "replicas" in text
    assert "10s" in text


def test_a_service_that_does_not_boot_is_named(tmp_path: Path) -> None:
    """The error names service and host and has the service's own traceback; the world is closed again."""
    (tmp_path / "broken.py").write_text("def inner():\n    return {}['no such key']\n\ninner()\n")
    slept = time.sleep
    with (
        pytest.raises(BootError) as failure,
        World().service("legacy", wsgi="broken:app", path=str(tmp_path)),
    ):
        pass
    text = str(failure.value)
    assert "legacy" in text
    assert "legacy/0" in text
    assert "broken.py" in text
    assert "in inner" in text
    assert "KeyError: 'no such key'" in text
    assert time.sleep is slept
    with in_code() as mesh:
        assert mesh.now == 0


@pytest.mark.parametrize(
    "leave",
    [
        "import socket; socket.create_connection(('203.0.113.7', 5432), 1)",
        "import subprocess; subprocess.run(['true'])",
        "import requests; requests.get('http://api.nowhere.example/x', timeout=1)",
    ],
    ids=["socket", "process", "http"],
)
def test_a_service_that_leaves_the_simulation_is_fenced(tmp_path: Path, leave: str) -> None:
    """The call raises FenceError inside the service, which a handler can see and the trace keeps."""
    (tmp_path / "leaver.py").write_text(
        "from flask import Flask\napp = Flask(__name__)\n\n@app.get('/leave')\ndef leave():\n"
        f"    try:\n        {leave}\n"
        "    except Exception as error:\n        return type(error).__name__ + ' ' + str(error)\n"
        "    return 'left'\n"
    )
    with World().service("leaver", wsgi="leaver:app", path=str(tmp_path)) as mesh:
        answer = mesh.http("leaver").get("/leave").text
    assert answer.startswith("FenceError "), answer
    assert "leaver/0" in answer


def test_the_test_itself_is_fenced() -> None:
    """On the host `test`, too, an unknown host is no way out."""
    with in_code(), pytest.raises(FenceError, match=r"api\.nowhere\.example"):
        requests.get("http://api.nowhere.example/x", timeout=1)
