"""Small worlds, each about one boundary of the operating system, whose services note what they see in the trace.

`python -m tests.determinism.small_worlds` prints the hash of each on each carrier, and each twice.
"""

from __future__ import annotations

import asyncio
import os
import queue
import random
import secrets
import signal
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import redis

from meshsim.kernel import state
from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CARRIERS = ("greenlet", "thread")


def note(*values: object) -> None:
    """Put what a service sees into the trace, and so into its hash."""
    kernel, task = state.kernel, state.task
    assert kernel is not None
    assert task is not None
    kernel.recorder.event("note", task.host, " ".join(map(str, values)))


# -- threads --------------------------------------------------------------------------------------------


def threads() -> None:
    """Producers, consumers, a pool, a condition and a timer, racing for queues and locks."""
    items: queue.Queue[str] = queue.Queue(2)
    ready = threading.Condition()

    def produce(number: int) -> None:
        for count in range(5):
            items.put(f"{number}.{count}")
            if count == 2:
                with ready:
                    ready.notify_all()

    def consume() -> None:
        with ready:
            ready.wait(5)
        while True:
            item = items.get()
            note(threading.current_thread().name, threading.get_ident(), item)
            time.sleep(random.random() / 100)

    for _ in range(3):
        threading.Thread(target=consume, daemon=True).start()
    with ThreadPoolExecutor(4) as pool:
        for done in as_completed([pool.submit(produce, number) for number in range(6)]):
            note(done.result(), items.qsize())
    threading.Timer(0.5, note, ["timer", threading.active_count()]).start()
    threading.Event().wait()


# -- asyncio --------------------------------------------------------------------------------------------


async def _step(number: int) -> int:
    try:
        await asyncio.sleep(0.01 * (number % 3))
    except asyncio.CancelledError:
        note("cancelled", number)
        raise
    return number


async def _loop() -> None:
    note(*await asyncio.gather(*[_step(number) for number in range(8)]))
    tasks = [asyncio.create_task(_step(number)) for number in range(9)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    note(*[task.result() for task in done], "|", *[task.get_name() for task in pending])
    for task in pending:
        task.cancel()
    note(*await asyncio.gather(*pending, return_exceptions=True))
    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(_step(number))
    for completed in asyncio.as_completed([_step(number) for number in range(6)]):
        note(await completed)
    note(*[await asyncio.to_thread(threading.get_ident) for _ in range(2)])
    # What asyncio.run finds still running it cancels in the order of a set.
    rest = {asyncio.create_task(_step(30 + number)) for number in range(12)}
    await asyncio.sleep(0)
    note(*[task.get_name() for task in rest], *[task.get_name() for task in asyncio.all_tasks()])


async def _count(number: int) -> AsyncIterator[int]:
    try:
        while True:
            yield number
    finally:
        note("closed", number)


async def _scopes() -> None:
    async def child(number: int) -> None:
        with anyio.CancelScope():
            try:
                await anyio.sleep(100)
            finally:
                note("cancelled", number)

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(child, number)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    # Generators that nobody closes: their loop does, in the order of a set.
    left_open.extend(_count(number) for number in range(8))
    for generator in left_open:
        note(await anext(generator))


left_open: list[AsyncIterator[int]] = []


def scopes() -> None:
    """Leave nested cancel scopes of anyio to one that is cancelled, and generators to the end of their loop."""
    asyncio.run(_scopes())
    left_open.clear()


def loops() -> None:
    """Two loops side by side: wait, gather, cancel, groups, threads, and tasks that are left when a loop ends."""
    other = threading.Thread(target=asyncio.run, args=(_loop(),))
    other.start()
    asyncio.run(_loop())
    other.join()


# -- Redis ----------------------------------------------------------------------------------------------


def subscriber() -> None:
    """Note each message of two channels and a pattern."""
    listener = redis.Redis("cache").pubsub(ignore_subscribe_messages=True)
    listener.subscribe("orders", "stock")
    listener.psubscribe("o*")
    for message in listener.listen():
        note(message["type"], message["channel"], message["data"])


def publisher() -> None:
    """Publish, and read sets and hashes back, whose order is the server's."""
    client = redis.Redis("cache", decode_responses=True)
    for number in range(10):
        note(client.publish(("orders", "stock")[number % 2], number))
        client.sadd("all", *[f"member-{number}-{name}" for name in "abcdef"])
        client.hset("table", mapping={f"field-{number}-{name}": number for name in "xyz"})
        time.sleep(random.random() / 10)
    note(
        client.smembers("all") == set(client.sscan_iter("all")),
        client.srandmember("all", 3),
        client.spop("all"),
    )
    note(*client.hkeys("table"), client.randomkey())
    # A pool closes what is in use in the order of a set.
    pool = redis.ConnectionPool.from_url("redis://cache")
    listeners = [redis.Redis(connection_pool=pool).pubsub() for _ in range(6)]
    for listener in listeners:
        listener.subscribe("nothing")
    time.sleep(0.1)
    pool.disconnect(inuse_connections=True)
    threading.Event().wait()


# -- HTTP -----------------------------------------------------------------------------------------------


def application(environ: Any, start: Any) -> list[bytes]:
    """Answer after a drawn moment."""
    time.sleep(random.random() / 50)
    start("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['PATH_INFO']} by {os.getpid()}".encode()]


async def _ask() -> None:
    limits = httpx.Limits(max_connections=3, max_keepalive_connections=2)
    async with httpx.AsyncClient(limits=limits, timeout=1) as client:

        async def get(number: int) -> None:
            try:
                note(number, (await client.get(f"http://shop/{number}")).text)
            except httpx.HTTPError as error:
                note(number, type(error).__name__)

        for turn in range(3):
            await asyncio.gather(*[get(10 * turn + number) for number in range(8)])


def buyer() -> None:
    """Ask two replicas over a pool that is too small, on a link that loses packets."""
    asyncio.run(_ask())
    threading.Event().wait()


# -- entropy --------------------------------------------------------------------------------------------


def entropy() -> None:
    """Note everything that is drawn, numbered or named."""
    note(uuid.uuid4(), uuid.uuid1(), secrets.token_hex(8), os.urandom(8).hex())
    note(
        random.random(), random.Random().random(), random.SystemRandom().random(), random.sample(range(99), 5)
    )
    with tempfile.NamedTemporaryFile() as one, tempfile.TemporaryDirectory() as folder:
        note(Path(one.name).name, Path(folder).name)
    note(os.getpid(), os.getppid(), threading.get_ident(), threading.get_native_id(), sys.argv)
    note(time.time_ns(), time.monotonic_ns(), time.perf_counter_ns(), time.process_time_ns())
    signal.signal(signal.SIGALRM, lambda *_: note("alarm", time.monotonic()))
    signal.setitimer(signal.ITIMER_REAL, 0.25)
    threading.Event().wait()


# -- garbage --------------------------------------------------------------------------------------------


class Cyclic:
    """An object that only the collector frees, and that says so in the trace."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.me = self

    def __del__(self) -> None:
        note("freed", self.number)


def garbage() -> None:
    """Leave cycles behind over enough steps for the collector to come by."""
    kept: list[list[int]] = []
    for number in range(17_000):
        if number % 1000 == 0:
            Cyclic(number)
        # What a service keeps: the interpreter's own counter would run over at another step in each process.
        kept.append([])
        time.sleep(0.001)
    note("kept", len(kept))
    threading.Event().wait()


WORLDS: dict[str, Callable[[World], World]] = {
    "threads": lambda world: world.service("a", python=threads, replicas=2),
    "loops": lambda world: world.service("a", python=loops),
    "scopes": lambda world: world.service("a", python=scopes),
    "redis": lambda world: (
        world.platform("cache", redis={})
        .service("a", python=subscriber, replicas=2)
        .service("b", python=publisher)
        .link("*", "cache", latency="exponential(mean=2ms)")
    ),
    "http": lambda world: (
        world.service("shop", wsgi=application, replicas=2, concurrency=2)
        .service("b", python=buyer)
        .link("b", "shop", latency="lognormal(median=2ms p99=40ms)", loss="2%")
    ),
    "entropy": lambda world: world.service("a", python=entropy, replicas=2),
    "garbage": lambda world: world.service("a", python=garbage),
}


def hash_of(name: str, carrier: str, seed: int = 7, policy: str = "random") -> str:
    """Run a world for 20 virtual seconds; return its hash.

    Raises:
        AssertionError: a service ended in an error, or noted nothing.
    """
    with WORLDS[name](World(seed, carrier=carrier, policy=policy)) as mesh:
        mesh.run_for("20s")
        assert [event.text for event in mesh.trace.events("unhandled")] == []
        assert mesh.trace.events("note"), f"nothing was noted in {name}"
        return str(mesh.hash)


def main() -> None:
    """Print a line `NAME CARRIER HASH` for each run."""
    for _ in range(2):
        for name in WORLDS:
            for carrier in CARRIERS:
                sys.stdout.write(f"{name} {carrier} {hash_of(name, carrier)}\n")


if __name__ == "__main__":
    main()
