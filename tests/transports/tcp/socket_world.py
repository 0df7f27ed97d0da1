"""A world of bare hosts whose sockets are simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from small_world import SmallWorld

from meshsim.transports.http import seam as http
from meshsim.transports.tcp.rooms import rooms

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.process import Process

MS = 1_000_000


class SocketWorld(SmallWorld):
    """Hosts with the tcp and the http room."""

    def __enter__(self) -> Self:
        self.fabric.names.add(self.kernel.hosts["test"], None)
        self.simulation.enter([*http.rooms(), *(room for room in rooms())])
        return self

    def run(self, name: str, program: Callable[..., Any], *args: Any) -> Process:
        """Run a program on a new host, and let it come up."""
        process = self.process(name, None)
        self.main(process, program, *args)
        self.kernel.sleep(MS)
        return process
