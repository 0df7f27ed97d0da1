"""Worlds with PySOA in a row: a closed one leaves nothing behind."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import worlds

from meshsim.kernel.scheduler import Kernel

if TYPE_CHECKING:
    import pytest


def live_and_die(backend: str) -> None:
    """Open a world with workers, a stub, a job that is held up and a job that nobody answers; then close it."""
    with worlds.world(backend, services={"depot": worlds.service(backend, args=["--fork", "2"])}) as mesh:
        mesh.stub("depot host", side_effect=lambda body: {"host": 1})
        mesh.fault(delay={"to": "depot echo", "by": "20s"})
        client = mesh.client("depot")
        client.call_action("depot", "host")
        client.send_request("depot", [{"action": "echo", "body": {}}])
        mesh.run_for("1s")


def kernels(caplog: pytest.LogCaptureFixture) -> int:
    """Count the kernels that are alive; what pytest keeps of the log, with its tracebacks, does not count."""
    caplog.clear()
    for _ in range(3):
        # What a finalizer lets go of is found by the next collection.
        gc.collect()
    return sum(type(thing) is Kernel for thing in gc.get_objects())


def test_worlds_in_a_row_leave_no_kernel_and_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    """After twelve worlds over both backends no more kernels and threads are alive than after four."""
    for _ in range(2):
        for backend in worlds.BACKENDS:
            live_and_die(backend)
    before = kernels(caplog), threading.active_count()
    for _ in range(4):
        for backend in worlds.BACKENDS:
            live_and_die(backend)
    assert (kernels(caplog), threading.active_count()) == before
