"""Two hundred worlds in a row leave no memory, no greenlet, no thread and no file behind."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import greenlet

if TYPE_CHECKING:
    from collections.abc import Callable

WORLDS = 200
LOCAL = threading.local()


class Payload:
    """What each task holds, to be counted."""

    alive = 0

    def __init__(self) -> None:
        Payload.alive += 1
        self.bytes = bytearray(20_000)

    def __del__(self) -> None:
        Payload.alive -= 1


def _flow() -> None:
    payload = LOCAL.payload = Payload()
    try:
        time.sleep(10**6)
    finally:
        payload.bytes.clear()


def _loops() -> None:
    payload = Payload()

    async def program() -> None:
        await asyncio.gather(*[asyncio.sleep(10**6) for _ in range(3)])

    asyncio.run(program())
    payload.bytes.clear()


def _main() -> None:
    threads = [threading.Thread(target=_flow) for _ in range(3)]
    threads += [threading.Thread(target=_loops)]
    for thread in threads:
        thread.start()
    payload = Payload()
    for thread in threads:
        thread.join()
    payload.bytes.clear()


def _one(lab: Callable[..., Any]) -> Any:
    with lab() as sim:
        for name in ("a/0", "b/0", "c/0", "d/0"):
            sim.start(sim.boot(name), _main)
        sim.kernel.sleep(10**9)
        sim.kernel.kill(sim.kernel.hosts["a/0"].process, -9)
        sim.kernel.sleep(10**9)
        return weakref.ref(sim.kernel)


def _counts() -> dict[str, int]:
    gc.collect()
    return {
        "threads": len(sys._current_frames()),
        "greenlets": sum(issubclass(type(thing), greenlet.greenlet) for thing in gc.get_objects()),
        "files": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0,
        "payloads": Payload.alive,
        "thread objects": len(threading.enumerate()),
        "finders": len(sys.meta_path),
    }


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_two_hundred_worlds_leave_nothing_behind(lab: Callable[..., Any]) -> None:
    """What is counted after the last world is what was counted after the first few."""
    if os.path.exists("/proc/self/statm"):
        _resident_bytes()  # imports a codec, and an import has the next world look at everything again
    for _ in range(5):
        kernel = _one(lab)
    before = _counts()
    objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
    memory = _resident_bytes() if os.path.exists("/proc/self/statm") else 0
    for _ in range(WORLDS):
        kernel = _one(lab)
    assert _counts() == before
    assert before["payloads"] == 0
    assert kernel() is None, "the last world is still held by somebody"  # type: ignore[possibly-undefined]
    assert len(gc.get_objects()) - objects < WORLDS
    assert sys.getallocatedblocks() - blocks < 5 * WORLDS
    if memory:
        # It grew by 68 MB before tasks were killed as they are; what the allocator keeps is a part of that.
        assert _resident_bytes() - memory < 34_000_000


def test_a_world_is_freed_as_soon_as_it_is_collected(lab: Callable[..., Any]) -> None:
    """Nothing global holds the last world."""
    kernel = _one(lab)
    gc.collect()
    assert kernel() is None


def test_a_zombie_keeps_its_own_stack_and_nothing_of_the_world(lab: Callable[..., Any]) -> None:
    """A task that will not die cannot be freed, but what hung on its kernel is."""

    class World:
        pass

    def survivor() -> None:
        while True:
            try:
                time.sleep(1)
            except BaseException:  # noqa: BLE001 - what the test is about
                continue

    with lab() as sim:
        world = sim.kernel.world = World()
        sim.start(sim.boot(), survivor)
        sim.kernel.sleep(10**9)
    assert len(sim.kernel.zombies) == 1
    found = weakref.ref(world)
    del sim, world
    gc.collect()
    assert found() is None
