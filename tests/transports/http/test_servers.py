"""Programs that start their own server: `app.run()`, `make_server()`, `uvicorn.run()`."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any
from wsgiref import simple_server

import httpx
import pytest
import requests
import uvicorn
from fastapi import FastAPI
from flask import Flask
from werkzeug import serving

from meshsim.kernel.patches import signals

if TYPE_CHECKING:
    from meshsim.kernel.process import Process
    from meshsim.kernel.task import Task
    from tests.transports.http.small_world import SmallWorld


def flask_app() -> Flask:
    """Return an application with one page."""
    app = Flask("own")
    app.get("/")(lambda: "hello")
    return app


def started(world: SmallWorld, program: Any, name: str = "shop") -> tuple[Process, Task]:
    """Run a program on a host until it listens."""
    process = world.process(name, 5000)
    task = world.main(process, program)
    for _ in range(1000):
        if process.host.listeners or task.done:
            break
        time.sleep(0.01)
    assert task.error is None, task.error
    return process, task


@pytest.mark.parametrize("options", [{}, {"host": "0.0.0.0"}, {"debug": True}, {"threaded": False}])
def test_flasks_run_binds_to_the_mesh(world: SmallWorld, options: dict[str, Any]) -> None:
    """`app.run()` serves on the host's port until the process ends."""
    process, task = started(world, lambda: flask_app().run(port=5000, **options))
    assert sorted(process.host.listeners) == [5000]
    assert requests.get("http://shop:5000/").text == "hello"
    assert requests.get("http://shop/").headers["Connection"] == "close"
    assert not task.done
    signals.deliver(process, 15)
    time.sleep(0.1)
    assert process.dead or task.done


def test_make_server_can_be_shut_down(world: SmallWorld) -> None:
    """A server in a thread serves until another thread calls `shutdown()`."""
    steps = []

    def program() -> None:
        server = serving.make_server("127.0.0.1", 5000, flask_app(), threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        time.sleep(5)
        server.shutdown()
        thread.join()
        steps.append("stopped")

    process, _ = started(world, program)
    assert requests.get("http://shop/").text == "hello"
    time.sleep(6)
    assert steps == ["stopped"]
    assert process.host.listeners == {}


def test_port_zero_is_a_free_port(world: SmallWorld) -> None:
    """A server that asks for any port is told which one it got."""
    process, _ = started(world, lambda: serving.make_server("127.0.0.1", 0, flask_app()).serve_forever())
    (port,) = process.host.listeners
    assert port >= 49152
    assert requests.get(f"http://shop:{port}/").text == "hello"


def test_a_taken_port_is_refused(world: SmallWorld) -> None:
    """A second server on a port fails as a real bind does."""
    errors = []

    def program() -> None:
        serving.make_server("127.0.0.1", 5000, flask_app())
        try:
            serving.make_server("127.0.0.1", 5000, flask_app())
        except OSError as error:
            errors.append(error.errno)
        time.sleep(1)

    started(world, program)
    time.sleep(1)
    assert errors == [98]


def test_wsgiref_serves_on_the_mesh(world: SmallWorld) -> None:
    """The standard library's server binds to the mesh."""
    app = flask_app()
    started(world, lambda: simple_server.make_server("", 5000, app).serve_forever())
    assert httpx.get("http://shop/").text == "hello"


# uvicorn ends by sending itself the signal again, which kills the process with its loop half closed.
@pytest.mark.filterwarnings("ignore:.*was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_uvicorn_runs_on_the_mesh(world: SmallWorld) -> None:
    """`uvicorn.run()` runs the lifespan, serves, and ends after SIGTERM when all is answered."""
    steps: list[str] = []
    app = FastAPI(on_startup=[lambda: steps.append("up")], on_shutdown=[lambda: steps.append("down")])

    @app.get("/")
    def index() -> str:
        time.sleep(2)
        return "hello"

    process, task = started(world, lambda: uvicorn.run(app, port=5000, log_config=None))
    asked = world.background("asked", requests.get, "http://shop/")
    time.sleep(1)
    signals.deliver(process, 15)
    time.sleep(3)
    assert asked.result_value.json() == "hello"
    assert steps == ["up", "down"]
    assert process.dead or task.done


def test_uvicorns_limit_is_a_503(world: SmallWorld) -> None:
    """Above `limit_concurrency` uvicorn answers 503 itself."""
    app = FastAPI()

    @app.get("/")
    def index() -> str:
        time.sleep(2)
        return "hello"

    started(world, lambda: uvicorn.run(app, port=5000, log_config=None, limit_concurrency=1))
    asked = world.background("asked", requests.get, "http://shop/")
    time.sleep(1)
    assert requests.get("http://shop/").status_code == 503
    time.sleep(2)
    assert asked.result_value.status_code == 200


def test_a_uvicorn_that_cannot_start_exits(world: SmallWorld) -> None:
    """A failed lifespan ends the program with uvicorn's own exit code."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    process = world.process("shop", 5000)
    task = world.main(process, lambda: uvicorn.run(app, port=5000, log_config=None))
    time.sleep(1)
    assert isinstance(task.error, SystemExit)
    assert task.error.code == 3


def test_django_runs_on_the_mesh(world: SmallWorld) -> None:
    """Django's development server, which stands on `wsgiref`, binds to the mesh."""

    def program() -> None:
        from django.core.servers.basehttp import run

        run("127.0.0.1", 5000, flask_app(), threading=True)

    sys.modules.pop("django.core.servers.basehttp", None)
    started(world, program)
    assert requests.get("http://shop/").text == "hello"
