"""The path from a seam to where a task parks: a switch costs by what lies on the stack below it."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import meshsim
from meshsim.kernel import state
from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

OURS = str(Path(meshsim.__file__).parent)


def hello(environ: Any, start: Any) -> list[bytes]:
    """Answer any request."""
    start("200 OK", [])
    return [b"hello"]


def deepest_park(function: Callable[[], object]) -> list[str]:
    """Run a function as a task of the test; return the frames of ours under its deepest park, from the seam on."""
    deepest: list[str] = []

    def frames(frame: FrameType | None) -> list[str]:
        found = []
        while frame is not None and frame.f_code is not function.__code__:
            if frame.f_code.co_filename.startswith(OURS):
                found.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}")
            frame = frame.f_back
        return found[::-1]

    with World(1).service("a", wsgi=hello).platform("cache", redis={}) as mesh:
        kernel = mesh.kernel
        real = kernel.park
        handle = mesh.start(function)

        def park(deadline_ns: int | None = None) -> bool:
            nonlocal deepest
            task = state.task
            if task is not None and task.name.startswith("started"):
                deepest = max(deepest, [*frames(sys._getframe(1)), "scheduler.py:park"], key=len)
            return real(deadline_ns)

        kernel.park = park  # type: ignore[method-assign]
        handle.result()
    return deepest


def waits_for_a_lock() -> None:
    """Want a lock that another thread holds."""
    lock = threading.Lock()
    lock.acquire()
    threading.Timer(1, lock.release).start()
    lock.acquire()


def waits_for_a_queue() -> None:
    """Want an item that never comes."""
    with pytest.raises(queue.Empty):
        queue.Queue[int]().get(timeout=1)


def waits_for_a_thread() -> None:
    """Join a thread that sleeps."""
    thread = threading.Thread(target=time.sleep, args=(1,))
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "function",
    [
        lambda: time.sleep(1),
        waits_for_a_lock,
        waits_for_a_queue,
        waits_for_a_thread,
        lambda: threading.Event().wait(1),
        lambda: asyncio.run(asyncio.sleep(1)),
    ],
    ids=["sleep", "lock", "queue", "thread", "event", "loop"],
)
def test_a_wait_of_the_standard_library_parks_within_three_frames(function: Callable[[], object]) -> None:
    """From the name that a service calls to the switch there are at most three frames of ours, and no C call."""
    found = deepest_park(function)
    assert 1 <= len(found) <= 3, found


@pytest.mark.parametrize("library", ["requests", "httpx", "redis"])
def test_a_request_parks_within_eight_frames(library: str) -> None:
    """From the client library's seam to the switch there are at most eight frames of ours."""
    module = pytest.importorskip(library)

    def ask() -> None:
        if library == "redis":
            assert module.Redis("cache").ping()
        else:
            assert module.get("http://a/").text == "hello"

    found = deepest_park(ask)
    assert 1 <= len(found) <= 8, found
