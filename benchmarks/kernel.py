"""The kernel alone: sleeping, passing a token, heartbeats; and a world of many hosts and packets.

Each figure is compared with what stock asyncio takes for the same on this machine, in the same run.
"""

from __future__ import annotations

import asyncio
import queue
import resource
import sys
from typing import TYPE_CHECKING, Any

from meshsim.kernel import api
from meshsim.kernel.patches import time as clocks
from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

NANOSECONDS = 1_000_000_000
MILLISECOND = 1_000_000
ROUNDS = 5
SLEEPS = 30_000
RING = 100
LAPS = 300
BEATERS = 100
BEATS = 500
HOSTS = 1_000
PORT = 7
PACKET_BYTES = 100
PACKETS = 1_000_000
# Looked up inside the world, where they are others than here.
QUEUES: dict[str, Callable[[], Any]] = {
    "the rooms' Mailbox": api.Mailbox,
    "queue.SimpleQueue": lambda: queue.SimpleQueue(),  # noqa: PLW0108 - not the one of here
    "queue.Queue": lambda: queue.Queue(),  # noqa: PLW0108 - as above
}
SLEEP_LIMIT_US = 3.0
HOP_LIMIT_US = 4.0
HEARTBEAT_LIMIT = 8_000
# Linear time, but for noise.
LINEAR_LIMIT = 1.3
MEMORY_LIMIT_GIB = 1.0


def best(measure: Callable[[], float]) -> float:
    """Return the least of several measurements in seconds: what the machine's other work does not explain."""
    return min(measure() for _ in range(ROUNDS))


def timed(body: Callable[[], object]) -> float:
    """Return the seconds that a body takes."""
    begun = clocks.real_perf_counter()
    body()
    return clocks.real_perf_counter() - begun


def in_world(body: Callable[[], object]) -> float:
    """Return the seconds that a body takes in a world of its own, tracing on."""
    with World(seed=1).platform("idle", redis={}):
        return timed(body)


def sleeps() -> None:
    """Let two tasks sleep in turns, so that every wake is a switch."""

    def sleeper() -> None:
        for _ in range(SLEEPS // 2):
            api.sleep(MILLISECOND)

    _wait(_spawn(sleeper), _spawn(sleeper))


def ring(make: Callable[[], Any]) -> None:
    """Pass a token round tasks, from queue to queue."""
    queues = [make() for _ in range(RING)]

    def passer(number: int) -> None:
        mine, following = queues[number], queues[(number + 1) % RING]
        for _ in range(LAPS):
            following.put(mine.get() + 1)

    tasks = [_spawn(passer, number) for number in range(RING)]
    queues[0].put(0)
    _wait(*tasks)


async def asyncio_ring() -> None:
    """Pass a token round asyncio's tasks, from queue to queue."""
    queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(RING)]

    async def passer(number: int) -> None:
        for _ in range(LAPS):
            await queues[(number + 1) % RING].put(await queues[number].get() + 1)

    tasks = [asyncio.create_task(passer(number)) for number in range(RING)]
    await queues[0].put(0)
    await asyncio.gather(*tasks)


def heartbeats() -> None:
    """Let tasks beat once a second, as a service's heartbeat thread does."""

    def beater() -> None:
        for _ in range(BEATS):
            api.sleep(NANOSECONDS)

    _wait(*[_spawn(beater) for _ in range(BEATERS)])


def crowd(packets: int) -> float:
    """Return the seconds a packet that many hosts take, in pairs, to send each other so many packets."""
    with World(seed=1).platform("idle", redis={}) as mesh:
        kernel = mesh.kernel
        names = [f"host-{number}" for number in range(HOSTS)]
        hosts = [kernel.add_host(name, name) for name in names]
        for host in hosts:
            kernel.boot(host)
            kernel.fabric.names.add(host, PORT)
        rounds = packets // HOSTS
        return timed(lambda: _converse(kernel, hosts, rounds)) / packets


def _converse(kernel: Any, hosts: list[Any], rounds: int) -> None:
    def serve(connection: Any) -> None:
        connection.on_message(lambda message: connection.send(message, PACKET_BYTES))

    def ask(client: Any, server: Any) -> None:
        connection = kernel.fabric.connect(client, server.name, PORT, None)
        for number in range(rounds):
            connection.send(number, PACKET_BYTES)
            connection.receive()

    clients, servers = hosts[::2], hosts[1::2]
    for server in servers:
        kernel.fabric.listen(server, PORT, serve)
    pairs = zip(clients, servers, strict=True)
    _wait(*[kernel.spawn(client.process, ask, client, server) for client, server in pairs])


def _spawn(function: Callable[..., Any], *args: Any) -> Any:
    task = api.current_task()
    assert task is not None
    return api.spawn(task.process, function, *args)


def _wait(*tasks: Any) -> None:
    for task in tasks:
        while not task.done:
            api.sleep(NANOSECONDS)


def figure(text: str, value: float, limit: float, unit: str, *, at_least: bool = False) -> bool:
    """Print a figure with its limit; returns whether it holds."""
    holds = value >= limit if at_least else value <= limit
    bound = "at least" if at_least else "at most"
    print(f"{text}: {value:,.2f} {unit}, {bound} {limit:,g}{'' if holds else '  OVER'}")
    return holds


def main() -> int:
    """Print the figures; the exit code says whether they hold."""
    found = [
        figure("sleep and switch", best(lambda: in_world(sleeps)) / SLEEPS * 1e6, SLEEP_LIMIT_US, "us"),
    ]
    hops = RING * LAPS
    stock = best(lambda: timed(lambda: asyncio.run(asyncio_ring()))) / hops * 1e6
    print(f"a hop between tasks of stock asyncio: {stock:.2f} us")
    for name, make in QUEUES.items():
        hop = best(lambda make=make: in_world(lambda: ring(make))) / hops * 1e6  # type: ignore[misc]
        found.append(figure(f"a hop by {name}", hop, HOP_LIMIT_US, "us"))
    beats = BEATS / best(lambda: in_world(heartbeats))
    found.append(
        figure(f"{BEATERS} heartbeats", beats, HEARTBEAT_LIMIT, "virtual seconds a second", at_least=True)
    )
    few, many = crowd(PACKETS // 10), crowd(PACKETS)
    print(
        f"{HOSTS} hosts: {few * 1e6:.2f} us a packet of {PACKETS // 10:,}, {many * 1e6:.2f} us of {PACKETS:,}"
    )
    found.append(figure("so a packet of ten times as many costs", many / few, LINEAR_LIMIT, "times as much"))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    found.append(figure("memory at its height", resident, MEMORY_LIMIT_GIB, "GiB"))
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
