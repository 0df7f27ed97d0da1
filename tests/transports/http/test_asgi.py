"""ASGI on the mesh: scope, streaming both ways, disconnects, background work, errors, lifespan."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import StreamingResponse

from meshsim.kernel.patches import signals

if TYPE_CHECKING:
    from tests.transports.http.small_world import SmallWorld

Send = Callable[[dict[str, Any]], Any]


def test_the_scope_is_what_asgi_demands(world: SmallWorld) -> None:
    """The scope of a request has every key of the specification, from the request."""
    seen: dict[str, Any] = {}

    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("no lifespan here")
        seen.update(scope)
        await receive()
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    world.serve("shop", "asgi", app)
    assert requests.get("http://shop/caf%C3%A9?q=%20", headers={"X-A": "b"}).status_code == 204
    headers = dict(seen.pop("headers"))
    assert headers[b"host"] == b"shop"
    assert headers[b"x-a"] == b"b"
    assert seen == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("shop", 80),
        "client": (world.fabric.names.address(world.kernel.hosts["test"]), 40000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": "/café",
        "raw_path": b"/caf%C3%A9",
        "query_string": b"q=%20",
        "state": {},
    }


def test_a_response_is_streamed(world: SmallWorld) -> None:
    """Each part of a streaming response arrives when it was sent."""
    app = FastAPI()

    @app.get("/")
    async def index() -> StreamingResponse:
        async def count() -> AsyncIterator[bytes]:
            for number in range(3):
                await asyncio.sleep(1)
                yield b"%d\n" % number

        return StreamingResponse(count())

    world.serve("shop", "asgi", app)
    begun = world.now_s
    with httpx.stream("GET", "http://shop/") as reply:
        arrivals = [(line, round(world.now_s - begun)) for line in reply.iter_lines()]
    assert arrivals == [("0", 1), ("1", 2), ("2", 3)]


def test_the_head_does_not_wait_for_the_body(world: SmallWorld) -> None:
    """A head that is sent a second before its body arrives a second before it."""

    async def app(_scope: Any, _receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await asyncio.sleep(1)
        await send({"type": "http.response.body", "body": b"ok"})

    world.serve("shop", "asgi", app)
    begun = world.now_s
    with requests.get("http://shop/", stream=True) as reply:
        head_s = round(world.now_s - begun)
        assert (head_s, reply.text, round(world.now_s - begun)) == (0, "ok", 1)


def test_a_request_is_read_as_it_comes(world: SmallWorld) -> None:
    """A handler receives the parts of a request while the client still sends."""
    arrivals = []
    app = FastAPI()

    @app.post("/")
    async def index(request: Request) -> str:
        arrivals.extend([(part, round(world.now_s - begun)) async for part in request.stream() if part])
        return "ok"

    async def parts() -> AsyncIterator[bytes]:
        for part in (b"ab", b"cd"):
            yield part
            await asyncio.sleep(1)

    async def ask() -> str:
        async with httpx.AsyncClient() as client:
            reply = await client.post("http://shop/", content=parts())
            return str(reply.json())

    world.serve("shop", "asgi", app)
    begun = world.now_s
    assert asyncio.run(ask()) == "ok"
    assert arrivals == [(b"ab", 0), (b"cd", 1)]


def test_a_client_that_leaves_is_told_of(world: SmallWorld) -> None:
    """`receive` gives `http.disconnect` when the client closes before its response."""
    events = []

    async def app(scope: Any, receive: Any, _send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        events.append((await receive())["type"])
        events.append((await receive())["type"])

    world.serve("shop", "asgi", app)
    with pytest.raises(requests.ReadTimeout):
        requests.get("http://shop/", timeout=0.5)
    time.sleep(1)
    assert events == ["http.request", "http.disconnect"]


def test_the_response_goes_out_before_background_work(world: SmallWorld) -> None:
    """A background task neither delays its response nor the next request on the connection."""
    done = []
    app = FastAPI()

    @app.get("/")
    async def index(tasks: BackgroundTasks) -> str:
        async def work() -> None:
            await asyncio.sleep(5)
            done.append(round(world.now_s - begun))

        tasks.add_task(work)
        return "ok"

    world.serve("shop", "asgi", app)
    begun = world.now_s
    with requests.Session() as session:
        assert [session.get("http://shop/").json() for _ in range(2)] == ["ok", "ok"]
    assert round(world.now_s - begun) == 0
    time.sleep(6)
    assert done == [5, 5]


def test_sync_handlers_run_in_threads(world: SmallWorld) -> None:
    """Blocking handlers of FastAPI run beside each other, and may call other services."""
    app = FastAPI()

    @app.get("/")
    def index() -> str:
        time.sleep(1)
        return "ok"

    world.serve("shop", "asgi", app)
    begun = world.now_s
    asked = [world.background(f"ask-{number}", requests.get, "http://shop/") for number in range(3)]
    time.sleep(1.5)
    assert [task.result_value.json() for task in asked] == ["ok"] * 3
    assert world.now_s - begun < 2


def test_an_exception_is_a_500(world: SmallWorld) -> None:
    """What a handler raises is answered 500 and reported."""
    app = FastAPI()

    @app.get("/boom")
    async def boom() -> None:
        raise KeyError("missing")

    world.serve("shop", "asgi", app)
    assert requests.get("http://shop/boom").status_code == 500
    assert [(host, what) for host, what, _ in world.unhandled] == [("shop", "GET /boom")]


def test_an_exception_within_the_body_breaks_the_connection(world: SmallWorld) -> None:
    """After the head has gone the client finds out by a broken body."""

    async def app(_scope: Any, _receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("middle")

    world.serve("shop", "asgi", app)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="Response ended prematurely"):
        requests.get("http://shop/")


@pytest.mark.parametrize(("length", "text"), [(9, "shorter"), (1, "longer")])
def test_a_wrong_length_is_the_applications_error(world: SmallWorld, length: int, text: str) -> None:
    """A body that is not as long as announced raises in the application, as in uvicorn."""

    async def app(_scope: Any, _receive: Any, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % length)]}
        )
        await send({"type": "http.response.body", "body": b"body"})

    world.serve("shop", "asgi", app)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="0 bytes read"):
        requests.get("http://shop/")
    assert text in str(world.unhandled[0][2])


def test_the_lifespan_runs_around_the_requests(world: SmallWorld) -> None:
    """Startup comes first, its state reaches the requests, shutdown comes after SIGTERM."""
    steps = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, str]]:
        await asyncio.sleep(1)
        steps.append("up")
        yield {"name": "state"}
        await asyncio.sleep(1)
        steps.append("down")

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def index(request: Request) -> str:
        steps.append("request")
        return str(request.state.name)

    process = world.serve("shop", "asgi", app)
    assert requests.get("http://shop/").json() == "state"
    signals.deliver(process, 15)
    time.sleep(3)
    assert steps == ["up", "request", "down"]
    assert process.main is not None
    assert process.main.done
    assert process.main.error is None


def test_a_failed_startup_ends_the_process(world: SmallWorld) -> None:
    """An exception in the startup is the reason why the service does not come up."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    process = world.process("shop")
    from types import SimpleNamespace

    from meshsim.services.asgi import ADAPTER

    target = SimpleNamespace(value=FastAPI(lifespan=lifespan))
    task = world.main(process, ADAPTER.boot, world, process.host, SimpleNamespace(name="shop", target=target))
    time.sleep(1)
    assert task.done
    assert task.error is not None
    assert isinstance(task.error.__cause__, ValueError)


def test_concurrency_counts_requests_of_a_loop(world: SmallWorld) -> None:
    """A loop answers no more requests at once than its concurrency."""
    app = FastAPI()

    @app.get("/")
    async def index() -> str:
        await asyncio.sleep(1)
        return "ok"

    async def ask() -> None:
        async with httpx.AsyncClient() as client:
            await asyncio.gather(*[client.get("http://shop/") for _ in range(4)])

    world.serve("shop", "asgi", app, concurrency=2)
    begun = world.now_s
    asyncio.run(ask())
    assert round(world.now_s - begun) == 2
