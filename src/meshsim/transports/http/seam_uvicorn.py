"""`uvicorn.run()` and `uvicorn.Server(config).serve()`: the real server over the mesh.

What is replaced is `startup` and `shutdown` of `uvicorn.Server`, where it opens and closes its sockets. The
lifespan, the main loop that looks for `should_exit`, and the signal handlers stay uvicorn's own.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

from uvicorn.server import Server

from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.transports.http import wire
from meshsim.transports.http.asgi import AsgiGateway
from meshsim.transports.http.seam_servers import free_port
from meshsim.transports.http.server import HttpServer

logger = logging.getLogger("uvicorn.error")
original_startup = Server.startup
original_shutdown = Server.shutdown
# uvicorn's own pause between looks at what is still being answered.
POLL_S = 0.1
STARTUP_FAILURE = 3


async def startup(self: Any, sockets: Any = None) -> None:
    """Run the lifespan's startup and listen on the mesh; the replacement of `Server.startup`."""
    task = current()
    if task is None:
        await original_startup(self, sockets=sockets)
        return
    await self.lifespan.startup()
    if self.lifespan.should_exit:
        sys.exit(STARTUP_FAILURE)
    config = self.config
    gateway = AsgiGateway(config.loaded_app, root_path=config.root_path, state=self.lifespan.state)
    port = config.port or free_port(task)
    limit = config.limit_concurrency
    self.mesh_server = HttpServer(
        wire.fabric(),
        task.process,
        port,
        gateway.start,
        concurrency=limit,
        queue=None if limit is None else 0,
        refuses=False,
    )
    self.mesh_gateway = gateway
    self.servers = []
    logger.info("Uvicorn running on http://%s:%d (Press CTRL+C to quit)", config.host, port)
    self.started = True


async def shutdown(self: Any, sockets: Any = None) -> None:
    """Let what is being answered end, then shut the lifespan; the replacement of `Server.shutdown`."""
    server: HttpServer | None = self.__dict__.get("mesh_server")
    if server is None:
        await original_shutdown(self, sockets=sockets)
        return
    logger.info("Shutting down")
    server.shut()
    try:
        async with asyncio.timeout(self.config.timeout_graceful_shutdown):
            while server.active and not self.force_exit:  # noqa: ASYNC110 - as uvicorn itself waits; the server knows no loop
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        logger.error("Cancel %s running task(s), timeout graceful shutdown exceeded", server.active)  # noqa: TRY400 - as uvicorn: the timeout's trace says nothing
        for cycle in list(self.mesh_gateway.tasks):
            cycle.cancel(msg="Task cancelled, timeout graceful shutdown exceeded")
    if not self.force_exit:
        await self.lifespan.shutdown()


def patches() -> list[Patch]:
    """Return the patches of uvicorn."""
    return [Patch(Server, "startup", startup), Patch(Server, "shutdown", shutdown)]
