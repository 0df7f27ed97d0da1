"""The adapter of ASGI applications: an event loop in the host's main task, as uvicorn has one."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

from meshsim.services import frameworks
from meshsim.services.loading import load_application
from meshsim.services.wsgi import processing
from meshsim.transports.http.asgi import AsgiGateway
from meshsim.transports.http.lifespan import Lifespan
from meshsim.transports.http.server import HttpServer

if TYPE_CHECKING:
    from meshsim.errors import Mistake
    from meshsim.graph import ServiceSpec
    from meshsim.kernel.host import Host

PATIENCE_S = 30.0
# uvicorn's own pause between looks at what is still being answered.
POLL_S = 0.1


class AsgiAdapter:
    """Boots an ASGI application."""

    word = "asgi"
    default_port = 80

    def validate(self, spec: ServiceSpec) -> list[Mistake]:  # noqa: ARG002 - it has no options of its own
        """Return no mistakes."""
        return []

    def boot(self, world: Any, host: Host, spec: ServiceSpec) -> None:
        """Serve until SIGTERM, then answer what has begun and run the lifespan's shutdown."""
        application = load_application(spec)
        if host.process is not None:
            host.process.tables["app"] = application
            frameworks.watch(application, host.process)
        asyncio.run(_serve(world, host, spec, application))


async def _serve(world: Any, host: Host, spec: ServiceSpec, application: Any) -> None:
    process = host.process
    if process is None:
        return
    lifespan = Lifespan(application)
    await lifespan.startup()
    gateway = AsgiGateway(application, state=lifespan.state)
    server = HttpServer(
        world.fabric,
        process,
        spec.port or AsgiAdapter.default_port,
        gateway.start,
        concurrency=spec.concurrency,
        queue=spec.queue,
        processing=processing(world, host, spec),
    )
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    await stop.wait()
    server.shut()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while server.active:  # noqa: ASYNC110 - as uvicorn itself waits; the server knows no loop
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        for task in list(gateway.tasks):
            task.cancel("the server is shutting down")
    await lifespan.shutdown()


ADAPTER = AsgiAdapter()
