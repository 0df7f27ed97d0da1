"""The adapter of WSGI applications: a server with threads, as gunicorn's `gthread` worker is one."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from meshsim.kernel import api
from meshsim.services import frameworks
from meshsim.services.loading import load_application
from meshsim.transports.http.server import HttpServer
from meshsim.transports.http.wsgi import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.errors import Mistake
    from meshsim.graph import ServiceSpec
    from meshsim.kernel.host import Host

# gunicorn's graceful_timeout.
PATIENCE_NS = 30_000_000_000


class WsgiAdapter:
    """Boots a WSGI application."""

    word = "wsgi"
    default_port = 80

    def validate(self, spec: ServiceSpec) -> list[Mistake]:  # noqa: ARG002 - it has no options of its own
        """Return no mistakes."""
        return []

    def boot(self, world: Any, host: Host, spec: ServiceSpec) -> None:
        """Serve until SIGTERM, then answer what has begun."""
        process = host.process
        if process is None:
            return
        application = load_application(spec)
        process.tables["app"] = application
        frameworks.watch(application, process)
        stopped = api.ParkingLot()
        asked: list[int] = []

        def stop(signum: int, _frame: object) -> None:
            asked.append(signum)
            stopped.unpark()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        server = HttpServer(
            world.fabric,
            process,
            spec.port or self.default_port,
            Gateway(process, application).start,
            concurrency=spec.concurrency,
            queue=spec.queue,
            processing=processing(world, host, spec),
        )
        while not asked:
            stopped.park(None, "requests, or SIGTERM")
        server.close(PATIENCE_NS)


def processing(world: Any, host: Host, spec: ServiceSpec) -> Callable[[], int] | None:
    """Return what draws the cost of a request on a host, or None where requests cost nothing."""
    latency = spec.processing
    if latency is None:
        return None
    stream = world.streams.get(f"processing:{host.name}")
    return lambda: latency.sample(stream)


ADAPTER = WsgiAdapter()
