"""What must not reach a run: what was imported before it, and where objects lie in memory."""

from __future__ import annotations

import importlib
import os
import random
import sys
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.core.streams import Streams
from meshsim.kernel.simulation import Simulation
from meshsim.trace import Recorder
from meshsim.trace.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIBRARY = """
import os, random, uuid
KEY = os.urandom(32)
NAME = uuid.uuid4()
DRAWN = random.random()
GENERATOR = random.Random()
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A library that draws while it is imported, and that nobody has imported yet."""
    (tmp_path / "draws_at_import.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "draws_at_import", raising=False)
    return "draws_at_import"


def on_a_host(carrier: str, function: Callable[[], Any]) -> Any:
    """Run a function as the program of one host."""
    simulation = Simulation(Streams(7), carrier_name=carrier)
    simulation.enter()
    try:
        kernel = simulation.kernel
        task = kernel.spawn(kernel.boot(kernel.add_host("a/0", "a")), function)
        kernel.sleep(1_000_000_000)
        assert task.error is None
        return task.result_value
    finally:
        simulation.leave()


@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
def test_a_host_draws_the_same_whoever_imported_a_library_first(carrier: str, library: str) -> None:
    """A host that imports a shared library and one that finds it imported draw the same afterwards."""

    def program() -> tuple[bytes, float, float]:
        importlib.import_module(library)
        return os.urandom(16), random.random(), random.Random().random()

    assert library not in sys.modules
    first = on_a_host(carrier, program)
    assert library in sys.modules
    assert on_a_host(carrier, program) == first


def test_what_a_shared_library_drew_at_import_is_the_same_in_every_process(library: str) -> None:
    """Its generators are seeded by its name, so that another process replays what they draw."""

    def program() -> tuple[bytes, float]:
        module = importlib.import_module(library)
        return module.KEY, module.GENERATOR.random()

    first = on_a_host("greenlet", program)
    del sys.modules[library]
    assert on_a_host("greenlet", program) == first


def test_an_address_in_a_body_or_a_command_is_not_in_the_hash() -> None:
    """Two runs whose messages differ in the address of an object alone have one hash, another text another."""

    def hash_of(text: str) -> str:
        recorder = Recorder(lambda: 0)
        call = recorder.call_sent("http", "a/0", "b", "GET /", request=Message(body={"error": text}))
        recorder.call_replied(call, 503, Message(body=text.encode()))
        recorder.command("a/0", "cache", f"SET error {text}")
        return recorder.hash

    assert hash_of("<Session at 0x7f92ae97550a>") == hash_of("<Session at 0x7f709c661090>")
    assert hash_of("<Session at 0x7f92ae97550a>") != hash_of("<Connection at 0x7f92ae97550a>")
