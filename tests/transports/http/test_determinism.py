"""The room's traffic is the same in every run, on either carrier."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import requests
from fastapi import FastAPI

from tests.transports.http.small_world import SmallWorld


def _hash(carrier: str, seed: int = 3) -> str:
    """Return the hash of a run in which every kind of client and server takes part."""

    def front(environ: dict[str, Any], start: Any) -> list[bytes]:
        body = requests.post("http://stock/", json={"n": environ["QUERY_STRING"]}, timeout=5).content
        start("200 OK", [])
        return [body]

    app = FastAPI()

    @app.post("/")
    def index(body: dict[str, str]) -> dict[str, str]:
        time.sleep(0.01)
        return body

    async def ask() -> None:
        async with httpx.AsyncClient() as client:
            await asyncio.gather(*[client.get(f"http://front/?{number}") for number in range(5)])

    with SmallWorld(carrier, seed) as world:
        world.serve("front", "wsgi", front, concurrency=3)
        world.serve("stock", "asgi", app, concurrency=2)
        asyncio.run(ask())
        tasks = [
            world.background(f"ask-{number}", httpx.get, f"http://front/?{number}") for number in range(5)
        ]
        time.sleep(5)
        assert all(task.done and task.error is None for task in tasks)
        return str(world.recorder.hash)


def test_a_run_has_one_hash() -> None:
    """Two runs on greenlets and one on threads give the same trace, another seed gives another."""
    hashes = [_hash("greenlet"), _hash("greenlet"), _hash("thread")]
    assert len(set(hashes)) == 1
    assert _hash("greenlet", seed=4) != hashes[0]
