"""Programs that start a blocking HTTP server of their own: `app.run()`, `make_server()`, `runserver`.

What is replaced is where they touch sockets: the constructor and the loop of the server class, of Werkzeug
and of `wsgiref`, on which Django's development server stands. What is above (command lines, threads that call
`shutdown()`, signal handlers, log messages) is their own code. `uvicorn` is in `seam_uvicorn`.
"""

from __future__ import annotations

import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from meshsim.errors import UnsupportedOperation
from meshsim.kernel import api
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.transports.http import wire
from meshsim.transports.http.server import HttpServer
from meshsim.transports.http.wsgi import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.task import Task

FIRST_EPHEMERAL_PORT = 49152
# What the replaced names were, by class and name: a thread that carries no task gets them inside a world too.
_originals: dict[tuple[str, str], Callable[..., Any]] = {}


class NoSocket:
    """What stands in a server's `socket` attribute: nothing that could be listened on."""

    def fileno(self) -> int:
        """Return the number of a closed socket."""
        return -1

    def set_inheritable(self, _inheritable: bool) -> None:  # noqa: FBT001 - the socket's own signature
        """Accept and ignore."""

    def getsockname(self) -> tuple[str, int]:
        """Return no address."""
        return ("", 0)

    def close(self) -> None:
        """Accept and ignore."""


class Bound:
    """A blocking server's port on the mesh, and the task that waits in `serve_forever`.

    Args:
        task: the calling task, whose process is to listen.
        port: 0 takes a free one.
        application: the WSGI application.
        concurrency: how many requests it answers at once.
        keep_alive: whether connections outlive a response.
    """

    def __init__(
        self,
        task: Task,
        port: int,
        application: Callable[..., Any],
        concurrency: int | None,
        *,
        keep_alive: bool,
    ) -> None:
        process = task.process
        self.port = port or free_port(task)
        self._stopped = False
        self._lot = api.ParkingLot()
        gateway = Gateway(process, application, keep_alive=keep_alive)
        self._server = HttpServer(wire.fabric(), process, self.port, gateway.start, concurrency=concurrency)

    def serve(self) -> None:
        """Park until `stop`."""
        while not self._stopped:
            self._lot.park(None, f"requests on port {self.port}")

    def stop(self) -> None:
        """End `serve`."""
        self._stopped = True
        self._lot.unpark()

    def close(self) -> None:
        """Free the port."""
        self._server.shut()


def free_port(task: Task) -> int:
    """Return a port that nothing on the task's host listens on; the same in every run."""
    listeners = task.process.host.listeners
    port = FIRST_EPHEMERAL_PORT
    while port in listeners:
        port += 1
    return port


def _bound(server: Any) -> Bound | None:
    found: Bound | None = server.__dict__.get("mesh_bound")
    return found


def _replace(owner: Any, replacements: dict[str, Callable[..., Any]]) -> list[Patch]:
    for name in replacements:
        _originals.setdefault((owner.__name__, name), getattr(owner, name))
    return [Patch(owner, name, replacement) for name, replacement in replacements.items()]


def _serve(bound: Bound) -> None:
    try:
        bound.serve()
    finally:
        bound.close()


# -- Werkzeug -------------------------------------------------------------------------------------------


def werkzeug_patches() -> list[Patch]:
    """Return the patches of Werkzeug's development server, which `flask run` and `app.run()` start."""
    from werkzeug import _reloader, serving  # noqa: PLC0415 - only where the user has it

    return [
        *_replace(
            serving.BaseWSGIServer,
            {
                "__init__": _werkzeug_init,
                "serve_forever": _werkzeug_serve_forever,
                "shutdown": _werkzeug_shutdown,
                "server_close": _werkzeug_server_close,
                "log_startup": _werkzeug_log_startup,
            },
        ),
        *_replace(_reloader, {"run_with_reloader": _run_with_reloader}),
    ]


def _werkzeug(name: str) -> Callable[..., Any]:
    return _originals["BaseWSGIServer", name]


def _werkzeug_init(  # noqa: PLR0917 - Werkzeug's own signature
    self: Any,
    host: str,
    port: int,
    app: Callable[..., Any],
    handler: Any = None,
    passthrough_errors: bool = False,  # noqa: FBT001, FBT002 - Werkzeug's own signature
    ssl_context: Any = None,
    fd: int | None = None,
) -> None:
    task = current()
    if task is None:
        _werkzeug("__init__")(self, host, port, app, handler, passthrough_errors, ssl_context, fd)
        return
    concurrency = None if self.multithread or self.multiprocess else 1

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        return self.app(environ, start)

    self.mesh_bound = Bound(task, port, application, concurrency, keep_alive=False)
    self.host, self.port, self.app = host, self.mesh_bound.port, app
    self.passthrough_errors, self.ssl_context = passthrough_errors, ssl_context
    self.address_family, self.server_address = socket.AF_INET, (host, self.port)
    self.socket, self.RequestHandlerClass = NoSocket(), handler


def _werkzeug_serve_forever(self: Any, poll_interval: float = 0.5) -> None:
    bound = _bound(self)
    if bound is None:
        _werkzeug("serve_forever")(self, poll_interval)
        return
    try:
        _serve(bound)
    except KeyboardInterrupt:
        # As Werkzeug's own: Ctrl-C ends the server, not the program.
        return


def _werkzeug_shutdown(self: Any) -> None:
    bound = _bound(self)
    if bound is None:
        _werkzeug("shutdown")(self)
    else:
        bound.stop()


def _werkzeug_server_close(self: Any) -> None:
    bound = _bound(self)
    if bound is None:
        _werkzeug("server_close")(self)
    else:
        bound.close()


def _werkzeug_log_startup(self: Any) -> None:
    if _bound(self) is None:
        _werkzeug("log_startup")(self)
    else:
        # The real one opens a socket to find out its own address.
        self.log("info", f" * Running on http://{self.host}:{self.port}")


def _run_with_reloader(main_func: Callable[[], None], *args: Any, **kwargs: Any) -> None:
    """Run the server itself: a simulated host's sources do not change, and it has no second process."""
    if current() is None:
        _originals["werkzeug._reloader", "run_with_reloader"](main_func, *args, **kwargs)
        return
    # As the real one, so that a termination ends with code 0.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main_func()


# -- wsgiref, and Django's runserver over it ------------------------------------------------------------


def wsgiref_patches() -> list[Patch]:
    """Return the patches of the standard library's WSGI server."""
    from wsgiref.simple_server import WSGIServer  # noqa: PLC0415 - only where the user has it

    return _replace(
        WSGIServer,
        {
            "__init__": _wsgiref_init,
            "serve_forever": _wsgiref_serve_forever,
            "handle_request": _wsgiref_handle_request,
            "shutdown": _wsgiref_shutdown,
            "server_close": _wsgiref_server_close,
        },
    )


def _wsgiref(name: str) -> Callable[..., Any]:
    return _originals["WSGIServer", name]


def _wsgiref_init(self: Any, server_address: tuple[str, int], *args: Any, **kwargs: Any) -> None:
    task = current()
    if task is None:
        _wsgiref("__init__")(self, server_address, *args, **kwargs)
        return
    concurrency = None if hasattr(self, "process_request_thread") else 1

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        return self.get_app()(environ, start)

    self.mesh_bound = Bound(task, server_address[1], application, concurrency, keep_alive=False)
    self.server_address = (server_address[0], self.mesh_bound.port)
    self.server_name, self.server_port = self.server_address
    self.socket, self.RequestHandlerClass = NoSocket(), args[0] if args else None


def _wsgiref_serve_forever(self: Any, poll_interval: float = 0.5) -> None:
    bound = _bound(self)
    if bound is None:
        _wsgiref("serve_forever")(self, poll_interval)
    else:
        _serve(bound)


def _wsgiref_handle_request(self: Any) -> None:
    if _bound(self) is None:
        _wsgiref("handle_request")(self)
        return
    msg = "WSGIServer.handle_request() is not simulated; serve_forever() is"
    raise UnsupportedOperation(msg)


def _wsgiref_shutdown(self: Any) -> None:
    bound = _bound(self)
    if bound is None:
        _wsgiref("shutdown")(self)
    else:
        bound.stop()


def _wsgiref_server_close(self: Any) -> None:
    bound = _bound(self)
    if bound is None:
        _wsgiref("server_close")(self)
    else:
        bound.close()
