"""Arms for one body: the mesh, on both carriers, and libzmq over the loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import zmq

from meshsim.world import World
from tests.parity.zeromq.sockets import PATIENCE_MS

if TYPE_CHECKING:
    from collections.abc import Iterator


def nothing() -> None:
    """Be the service that every world has."""


@pytest.fixture(params=["greenlet", "thread", "libzmq"])
def arm(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test's body on simulated sockets, on both carriers, and once more on real ones."""
    if request.param == "libzmq":
        yield request.param
        return
    with World(seed=7, carrier=request.param).service("idle", python=nothing):
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
