"""What takes several sockets: polling, `select`, proxies and queues. And libzmq's own classes, fenced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zmq
import zmq.backend

from meshsim.errors import FenceError
from meshsim.kernel.state import current
from meshsim.transports.zeromq import poller, proxy
from meshsim.transports.zeromq.errors import ENOTSOCK, failure
from meshsim.transports.zeromq.seam_originals import outside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["FENCED", "FUNCTIONS", "monitored_queue", "real_queue"]

_real_poll = zmq.backend.zmq_poll
_real_select = zmq.select
_real_proxy = zmq.backend.proxy
_real_steerable = zmq.backend.proxy_steerable
# The real monitored queue, once a service has imported its module.
real_queue: list[Callable[..., Any]] = []


def _items(sockets: Any) -> Iterator[poller.Item]:
    for thing, flags in sockets:
        if isinstance(thing, zmq.Socket):
            yield thing, _counterpart(thing), flags
        elif isinstance(thing, int):
            yield poller.resolve(thing, thing, flags)
        elif hasattr(thing, "fileno"):
            try:
                number = int(thing.fileno())
            except Exception as error:
                msg = "fileno() must return a valid integer fd"
                raise ValueError(msg) from error
            yield poller.resolve(thing, number, flags)
        else:
            msg = f"Socket must be a 0MQ socket, an integer fd or have a fileno() method: {thing!r}"
            raise TypeError(msg)


def zmq_poll(sockets: Any, timeout: int = -1) -> list[tuple[Any, int]]:
    """Stand in for `zmq.zmq_poll`, which `Poller.poll` and `zmq.select` call."""
    if current() is None:
        return list(_real_poll(sockets, timeout))
    items = list(_items(sockets))
    return poller.poll(items, timeout) if items else []


def zmq_select(rlist: list[Any], wlist: list[Any], xlist: list[Any], timeout: float | None = None) -> Any:
    """Stand in for `zmq.select`, which looks in the order of a set of addresses."""
    if current() is None:
        return _real_select(rlist, wlist, xlist, timeout)
    flags: dict[Any, int] = {}
    for things, flag in ((rlist, zmq.POLLIN), (wlist, zmq.POLLOUT), (xlist, zmq.POLLERR)):
        for thing in things:
            flags[thing] = flags.get(thing, 0) | flag
    ready = zmq_poll(list(flags.items()), -1 if timeout is None or timeout < 0 else int(timeout * 1000.0))
    return tuple(
        [thing for thing, events in ready if events & flag] for flag in (zmq.POLLIN, zmq.POLLOUT, zmq.POLLERR)
    )


def _counterpart(socket: Any) -> MeshSocket:
    mesh: MeshSocket | None = vars(socket).get("_mesh")
    if mesh is None:
        outside(socket, "send")
        raise failure(ENOTSOCK)
    return mesh


def _optional(socket: Any) -> MeshSocket | None:
    return _counterpart(socket) if isinstance(socket, zmq.Socket) else None


def zmq_proxy(frontend: Any, backend: Any, capture: Any = None) -> int:
    """Stand in for `zmq.proxy`."""
    if current() is None:
        return int(_real_proxy(frontend, backend, capture))
    return proxy.run(_counterpart(frontend), _counterpart(backend), _optional(capture))


def zmq_proxy_steerable(frontend: Any, backend: Any, capture: Any = None, control: Any = None) -> int:
    """Stand in for `zmq.proxy_steerable`."""
    if current() is None:
        return int(_real_steerable(frontend, backend, capture, control))
    return proxy.run(_counterpart(frontend), _counterpart(backend), _optional(capture), _optional(control))


def monitored_queue(
    in_socket: Any, out_socket: Any, mon_socket: Any, in_prefix: bytes = b"in", out_prefix: bytes = b"out"
) -> Any:
    """Stand in for `zmq.devices.monitored_queue`."""
    if current() is None:
        return real_queue[0](in_socket, out_socket, mon_socket, in_prefix, out_prefix)
    proxy.monitored_queue(
        _counterpart(in_socket), _counterpart(out_socket), _counterpart(mon_socket), in_prefix, out_prefix
    )
    return None


def _fenced(name: str, real: Any) -> Callable[..., Any]:
    def make(*args: Any, **kwargs: Any) -> Any:
        if current() is not None:
            raise FenceError(
                f"zmq.backend.{name} starts libzmq's threads, which would leave the simulation. "
                f"Use zmq.{name}: inside a world that is the mesh's"
            )
        return real(*args, **kwargs)

    return make


FUNCTIONS = {
    "zmq_poll": zmq_poll,
    "select": zmq_select,
    "proxy": zmq_proxy,
    "proxy_steerable": zmq_proxy_steerable,
}
FENCED = {name: _fenced(name, getattr(zmq.backend, name)) for name in ("Context", "Socket")}
