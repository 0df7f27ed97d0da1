"""A host on which a real PySOA server runs, over a transport without Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import memory
import pytest

from meshsim.core.streams import Streams
from meshsim.core.tape import Tape
from meshsim.kernel import api
from meshsim.kernel.patches import threading as main_thread
from meshsim.kernel.simulation import Simulation
from meshsim.scenario.references import Reference
from meshsim.trace import Recorder
from meshsim_pysoa import launcher, rooms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsim.kernel.process import Process

NS = 1_000_000_000


class EchoHost:
    """The host `echo/0`, its server started as `python -m` would."""

    def __init__(self, simulation: Simulation, recorder: Recorder) -> None:
        self.kernel = simulation.kernel
        self.recorder = recorder
        self.returned = False
        memory.MemoryTransport.requests = api.Mailbox()
        memory.MemoryTransport.responses = api.Mailbox()
        self.process: Process = self.kernel.boot(self.kernel.add_host("echo/0", "echo"))
        self.kernel.spawn(self.process, self._main, name="MainThread")

    def _main(self) -> None:
        main_thread.become_main_thread()
        launcher.launch(Reference("", value=memory.EchoServer), ["echo", "-s", "memory"], django=False)
        self.returned = True

    @property
    def now_s(self) -> float:
        """The virtual time."""
        return self.kernel.now / NS

    def send(self, number: int, **body: Any) -> None:
        """Queue a job for the server."""
        job = {
            "control": {"continue_on_error": False},
            "context": {"switches": [], "correlation_id": "c"},
            "actions": [{"action": "echo", "body": body}],
        }
        memory.MemoryTransport.requests.put((number, {"reply_to": "q!1", "client_version": [1, 4, 9]}, job))

    def answer(self, within_s: float = 60) -> dict[str, Any]:
        """Wait for the server's next answer."""
        _, _, body = memory.MemoryTransport.responses.get(self.kernel.now + round(within_s * NS))
        found: dict[str, Any] = body
        return found


@pytest.fixture(params=["greenlet", "thread"])
def echo(request: pytest.FixtureRequest) -> Iterator[EchoHost]:
    """A world with one PySOA server, on each carrier."""
    simulation = Simulation(Streams(1, Tape()), carrier_name=request.param)
    recorder = Recorder(lambda: simulation.kernel.now)
    simulation.kernel.recorder = recorder
    simulation.kernel.on_switch = recorder.switch
    simulation.enter(rooms.seams())
    try:
        yield EchoHost(simulation, recorder)
    finally:
        simulation.leave()
