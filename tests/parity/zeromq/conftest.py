"""Two arms for one body: the mesh, and libzmq over the loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import zmq

from meshsim.transports import registry
from meshsim.transports.zeromq.rooms import rooms
from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

# Long enough for a busy machine; nothing waits for it when all is well.
PATIENCE_MS = 5000


def nothing() -> None:
    """Be the service that every world has."""


def install_room() -> None:
    """Have the room in every world of this process, whether or not its entry point is installed."""
    seams = registry.seams()
    if not any(module == "zmq" for module, _ in seams):
        seams.extend(rooms())


@pytest.fixture(params=["mesh", "libzmq"])
def arm(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test's body on simulated sockets, and once more on real ones."""
    if request.param == "libzmq":
        yield request.param
        return
    install_room()
    with World(seed=7).service("idle", python=nothing):
        yield request.param


class KeepingContext(zmq.Context[zmq.Socket[bytes]]):
    """Holds on to its sockets, so that none is closed by the collector before the test is over."""

    kept: ClassVar[list[zmq.Socket[bytes]]] = []

    def socket(self, *args: Any, **kwargs: Any) -> zmq.Socket[bytes]:
        """Make a socket and keep it."""
        made = super().socket(*args, **kwargs)
        self.kept.append(made)
        return made


@pytest.fixture
def ctx(arm: str) -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    """Give a context whose sockets are patient, and close them without waiting."""
    context = KeepingContext()
    context.setsockopt(zmq.RCVTIMEO, PATIENCE_MS)
    context.setsockopt(zmq.SNDTIMEO, PATIENCE_MS)
    yield context
    context.destroy(linger=0)
    context.kept.clear()
