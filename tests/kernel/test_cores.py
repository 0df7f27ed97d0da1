"""Libraries whose sockets are C's own: fenced where no room serves them, and a room's where one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
import zmq

from meshsim.core.streams import Streams
from meshsim.errors import FenceError
from meshsim.kernel.patches.cores import CORES, fences
from meshsim.kernel.simulation import Simulation
from meshsim.transports import registry

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@pytest.mark.parametrize(("name", "library"), [("grpc", grpc), ("grpc.aio", grpc.aio)])
def test_real_channels_and_servers_are_refused(name: str, library: Any, fenced: None) -> None:
    """Each constructor is refused by its own name, of the blocking library and of the asyncio one."""
    with pytest.raises(FenceError, match=rf"test calls {name}\.insecure_channel\('orders:50051'\)"):
        library.insecure_channel("orders:50051")
    with pytest.raises(FenceError, match=rf"test calls {name}\.secure_channel"):
        library.secure_channel("orders:50051", None)
    with pytest.raises(FenceError, match=rf"(?s)test calls {name}\.server\(\).*meshsim\[grpc\]"):
        library.server(None)


def test_a_room_replaces_the_fence() -> None:
    """Whoever wants a module of a library serves it; the others stay fenced."""
    assert {module for module, _ in fences([])} == set(CORES)
    assert {module for module, _ in fences([("zmq.devices", list)])} == {"grpc", "grpc.aio"}
    assert {module for module, _ in fences([("grpc._channel", list)])} == {"zmq.sugar.context"}


def test_the_rooms_that_are_installed_are_no_fences() -> None:
    """They want modules of both libraries, and with them a context is made inside a world."""
    served = {module.partition(".")[0] for module, _ in registry.seams()}
    assert {"zmq", "grpc"} <= served
    simulation = Simulation(Streams(1))
    simulation.enter(registry.seams())
    try:
        zmq.Context().term()
    finally:
        simulation.leave()
