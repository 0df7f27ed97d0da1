"""Libraries whose sockets are C's own: fenced where no room serves them, and a room's where one does."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from meshsim.core.streams import Streams
from meshsim.errors import FenceError
from meshsim.kernel.patches.cores import CORES, fences
from meshsim.kernel.simulation import Simulation
from meshsim.transports import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GRPC = """
def insecure_channel(target, options=None): return "real"
def secure_channel(target, credentials): return "real"
def server(thread_pool): return "real"
"""


@pytest.fixture
def fenced() -> Iterator[None]:
    """A simulation with fences and no room at all."""
    simulation = Simulation(Streams(1))
    simulation.enter(fences([]))
    yield
    simulation.leave()


def test_a_real_context_of_zeromq_is_refused(fenced: None) -> None:
    """The error names the call, what would simulate it, and how to replace it; outside a world it is real."""
    for make in (zmq.Context, zmq.Context.instance):
        with pytest.raises(FenceError) as failure:
            make()
        text = str(failure.value)
        assert text.startswith("test calls zmq.Context()")
        assert "pip install 'meshsim[zeromq]'" in text
        assert 'mesh.host("HOST").patch("package.module.zmq.Context", fake)' in text


def test_real_channels_and_servers_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fenced: None
) -> None:
    """A library imported inside the world is fenced as one that was there: each constructor by its own name."""
    for package in ("grpc", "grpc/aio"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(GRPC)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("grpc", "grpc.aio"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("grpc", "grpc.aio"):
        library: Any = importlib.import_module(name)
        with pytest.raises(FenceError, match=rf"test calls {name}\.insecure_channel\('orders:50051'\)"):
            library.insecure_channel("orders:50051")
        with pytest.raises(FenceError, match=rf"test calls {name}\.secure_channel"):
            library.secure_channel("orders:50051", None)
        with pytest.raises(FenceError, match=rf"(?s)test calls {name}\.server\(\).*meshsim\[grpc\]"):
            library.server(None)
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_room_replaces_the_fence() -> None:
    """Whoever wants a module of a library serves it; the others stay fenced."""
    assert {module for module, _ in fences([])} == set(CORES)
    assert {module for module, _ in fences([("zmq.devices", list)])} == {"grpc", "grpc.aio"}
    assert {module for module, _ in fences([("grpc._channel", list)])} == {"zmq.sugar.context"}


def test_the_zeromq_room_is_no_fence() -> None:
    """With the rooms that are installed, a context is made inside a world."""
    served = {module.partition(".")[0] for module, _ in registry.seams()}
    assert {"zmq", "grpc"} <= served
    simulation = Simulation(Streams(1))
    simulation.enter(registry.seams())
    try:
        zmq.Context().term()
    finally:
        simulation.leave()
