"""What `test_versions.py` runs with several releases of redis-py: a little of everything, printed."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import Any

import redis
import redis.asyncio
import redis.sentinel

from meshsim.world import World


def say(*words: object) -> None:
    """Write a line."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def blocking(client: Any) -> None:
    """Use what a connection of a thread can."""
    client.set("a", 1)
    with client.pipeline() as pipeline:
        say("transaction", pipeline.incr("a").incr("a").execute())
    begun = time.monotonic()
    assert client.blpop("none", timeout=2) is None
    say("nothing came for", round(time.monotonic() - begun, 1), "s")
    say("script", client.register_script("return redis.call('GET', KEYS[1])")(keys=["a"]))
    listener = client.pubsub()
    listener.subscribe("news")
    client.publish("news", "x")
    say("heard", *(message["type"] for message in iter(lambda: listener.get_message(timeout=1), None)))
    say("url", redis.from_url("redis://cache:6379/0").ping())


async def on_a_loop() -> tuple[Any, Any]:
    """Use asyncio's client."""
    client: Any = redis.asyncio.Redis(host="cache", decode_responses=True)
    try:
        return await client.get("a"), await client.incr("n")
    finally:
        await (client.aclose() if hasattr(client, "aclose") else client.close())


def main() -> None:
    """Run it all in one world."""
    world = World(1).platform("cache", redis={})
    world.platform("watch", redis_sentinel={"master": "cache", "replicas": 1})
    with world as mesh, mesh.on("test"):
        blocking(redis.Redis(host="cache", decode_responses=True))
        say("asyncio", *asyncio.run(on_a_loop()))
        sentinel: Any = redis.sentinel.Sentinel([("watch", 26379)], decode_responses=True)
        say(
            "sentinel",
            sentinel.discover_master("cache")[1],
            sentinel.master_for("cache", decode_responses=True).get("a"),
        )
        with contextlib.suppress(redis.TimeoutError):
            try:
                redis.Redis(host="cache", port=1).ping()
            except redis.ConnectionError as error:
                say("refused", type(error).__name__)


if __name__ == "__main__":
    say("redis-py", redis.__version__)
    main()
