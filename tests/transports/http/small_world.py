"""A world without scenario, platform and pytest: the kernel, the network, the recorder and the http room."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

from meshsim.core.streams import Streams
from meshsim.core.tape import Tape
from meshsim.kernel.patches import threading as main_thread
from meshsim.kernel.simulation import Simulation
from meshsim.network.fabric import Fabric
from meshsim.services.asgi import ADAPTER as ASGI
from meshsim.services.wsgi import ADAPTER as WSGI
from meshsim.trace import Recorder
from meshsim.transports.http import seam

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.process import Process
    from meshsim.kernel.task import Task

SECOND = 1_000_000_000


class SmallWorld:
    """Hosts on a network, with what adapters ask of a world."""

    def __init__(self, carrier: str = "greenlet", seed: int = 1) -> None:
        self.streams = Streams(seed, Tape())
        self.simulation = Simulation(self.streams, carrier_name=carrier)
        self.kernel: Any = self.simulation.kernel
        self.fabric = self.kernel.fabric = Fabric(self.kernel, self.streams)
        self.recorder = self.kernel.recorder = Recorder(lambda: self.kernel.now)
        self.kernel.on_switch = self.recorder.switch
        self.fabric.on_packet = self.recorder.packet
        self.unhandled: list[tuple[str, str, BaseException | None]] = []
        self.kernel.on_unhandled = lambda process, what, error: self.unhandled.append(
            (process.host.name, what, error)
        )

    def __enter__(self) -> Self:
        self.fabric.names.add(self.kernel.hosts["test"], None)
        self.simulation.enter(seam.rooms())
        return self

    def __exit__(self, *_: object) -> None:
        self.simulation.leave()

    @property
    def now_s(self) -> float:
        """The virtual time in seconds."""
        return float(self.kernel.now / SECOND)

    @property
    def calls(self) -> list[Any]:
        """What the trace knows of requests."""
        return self.recorder.calls

    def process(self, name: str, port: int | None = 80, service: str | None = None) -> Process:
        """Add a host with a process that does nothing yet."""
        host = self.kernel.add_host(name, service or name)
        self.fabric.names.add(host, port)
        process: Process = self.kernel.boot(host)
        return process

    def main(self, process: Process, function: Callable[..., Any], *args: Any) -> Task:
        """Run a function as the main program of a process."""

        def body() -> Any:
            main_thread.become_main_thread()
            return function(*args)

        task: Task = self.kernel.spawn(process, body, name="MainThread")
        return task

    def serve(
        self, name: str, kind: str, application: Any, service: str | None = None, **options: Any
    ) -> Process:
        """Boot an application on a new host by its adapter, and wait until it listens."""
        process = self.process(name, options.get("port") or 80, service)
        spec = SimpleNamespace(
            name=name,
            adapter=kind,
            target=SimpleNamespace(value=application, module=None, attribute=None, script=None),
            port=options.get("port"),
            concurrency=options.get("concurrency"),
            queue=options.get("queue"),
            processing=options.get("processing"),
        )
        adapter = WSGI if kind == "wsgi" else ASGI
        self.main(process, adapter.boot, self, process.host, spec)
        for _ in range(10_000):
            if process.host.listeners:
                break
            self.kernel.sleep(1_000_000)
        assert process.host.listeners, f"{name} did not come up"
        return process

    def background(self, name: str, function: Callable[..., Any], *args: Any) -> Task:
        """Run a function in a task of its own on the host `test`."""
        task: Task = self.kernel.spawn(self.kernel.driver.process, function, *args, name=name)
        return task
