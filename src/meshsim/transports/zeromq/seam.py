"""`zmq.Context`, `zmq.Socket` and their like: made by a task of a world, they are the mesh's.

The classes stay pyzmq's own, so that `isinstance`, subclasses, attribute access to options and everything that
is written in Python there (`zmq.asyncio`, `send_json`, monitors, devices) goes on as it is. Replaced are the
methods under which libzmq begins. An object of a world holds its simulated counterpart in `_mesh`.

The road not taken: other base classes in `Socket.__bases__`. One patch instead of twenty, but a class whose bases
change under it invalidates every cache of it, and `setsockopt = SocketBase.set` would still need its own.
"""

from __future__ import annotations

import sys
import weakref
from types import MethodType
from typing import TYPE_CHECKING, Any

import zmq
import zmq.backend
import zmq.sugar.poll as sugar_poll
from zmq.constants import Event, SocketOption, SocketType, _OptType
from zmq.error import ZMQError

from meshsim.errors import FenceError
from meshsim.kernel.patches.patch import MISSING, Patch
from meshsim.kernel.state import current
from meshsim.transports.zeromq import green, poller, proxy
from meshsim.transports.zeromq.context import MeshContext, room
from meshsim.transports.zeromq.errors import EINVAL, ENOTSOCK, failure
from meshsim.transports.zeromq.frames import to_bytes
from meshsim.transports.zeromq.instances import OrderedWeakSet, instance_of
from meshsim.transports.zeromq.monitor import watch
from meshsim.transports.zeromq.socket import MeshSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["device_patches", "patches"]

Context, Socket, Frame = zmq.Context, zmq.Socket, zmq.Frame
_real: dict[str, Any] = {
    name: getattr(Socket, name)
    for name in (
        "__init__ close closed underlying set get bind connect unbind disconnect monitor send recv recv_into "
        "send_multipart recv_multipart join leave"
    ).split()
}
_real_context: dict[str, Any] = {
    name: getattr(Context, name) for name in "__init__ __del__ term set get closed underlying instance".split()
}
_real_frame_init = Frame.__init__
_real_frame_get = Frame.get
_real_poll = zmq.backend.zmq_poll
_real_select = zmq.select
_real_proxy = zmq.backend.proxy
_real_steerable = zmq.backend.proxy_steerable
# Every wrapper of a world: when it ends, they let go of it.
_alive: weakref.WeakSet[Any] = weakref.WeakSet()


def _keep(wrapper: Any, mesh: Any) -> None:
    wrapper.__dict__["_mesh"] = mesh
    _alive.add(wrapper)


def _outside(socket: Any, name: str) -> Any:
    """Return the real method of a socket that is not the mesh's; a task has no business with it."""
    if current() is not None:
        raise FenceError(
            f"{socket!r} was made before the world or outside of it, and its {name}() would leave the simulation. "
            "Make sockets inside the service: contexts made before are taken over, sockets are not"
        )
    return _real[name]


# -- contexts -------------------------------------------------------------------------------------------


def context_init(self: Any, io_threads: Any = 1, shadow: Any = 0) -> None:
    """Stand in for `Context.__init__`."""
    if current() is None:
        _real_context["__init__"](self, io_threads, shadow)
        return
    if isinstance(io_threads, Context):
        shadow, io_threads = io_threads, 1
    self._shadow = bool(shadow)
    if shadow:
        self._shadow_obj = shadow
        mesh = _mesh_context(shadow) if isinstance(shadow, Context) else room().contexts.get(shadow)
        if mesh is None:
            raise failure(EINVAL)
    else:
        mesh = MeshContext(io_threads)
    _keep(self, mesh)
    self.sockopts = {}
    self._sockets = OrderedWeakSet()


def _mesh_context(context: Any) -> MeshContext:
    """Return the simulated counterpart of a context; one that was made before the world gets its own a process."""
    mesh: MeshContext | None = context._mesh  # noqa: SLF001 - ours
    if mesh is not None:
        return mesh
    task = current()
    if task is None:
        raise failure(EINVAL)
    adopted = task.process.tables.setdefault("zeromq.contexts", weakref.WeakKeyDictionary())
    mesh = adopted.get(context)
    if mesh is None:
        mesh = adopted[context] = MeshContext(1)
    return mesh


def _of_context(self: Any) -> MeshContext | None:
    """Return the counterpart of a context that is used now, or None for the real one."""
    if self._mesh is None and current() is None:
        return None
    return _mesh_context(self)


def context_del(self: Any) -> None:
    """Stand in for `Context.__del__`: close what is left, and wait for nothing, because a finalizer must not."""
    mesh = self._mesh
    if mesh is None:
        _real_context["__del__"](self)
    elif not self._shadow and not context_closed(self):
        for socket in list(mesh.sockets):
            socket.close()
        mesh.term(waits=False)


def context_closed(self: Any) -> bool:
    """Stand in for `Context.closed`."""
    mesh = self._mesh
    if mesh is None:
        return bool(_real_context["closed"].__get__(self))
    return mesh.closed or mesh.process.dead


def _mark_closed(self: Any, value: bool) -> None:  # noqa: FBT001 - a property's setter
    _real_context["closed"].__set__(self, value)


def context_underlying(self: Any) -> int:
    """Stand in for `Context.underlying`."""
    mesh = _of_context(self)
    return int(_real_context["underlying"].__get__(self)) if mesh is None else mesh.handle


def context_term(self: Any) -> None:
    """Stand in for `Context.term`."""
    mesh = _of_context(self)
    if mesh is None:
        _real_context["term"](self)
    else:
        mesh.term()


def context_set(self: Any, option: int, optval: int) -> None:
    """Stand in for `Context.set`."""
    mesh = _of_context(self)
    if mesh is None:
        _real_context["set"](self, option, optval)
        return
    if mesh.closed:
        msg = "Context has been destroyed"
        raise RuntimeError(msg)
    if not isinstance(optval, int):
        msg = f"expected int, got: {optval!r}"
        raise TypeError(msg)
    mesh.set(option, optval)


def context_get(self: Any, option: int) -> int:
    """Stand in for `Context.get`."""
    mesh = _of_context(self)
    if mesh is None:
        return int(_real_context["get"](self, option))
    if mesh.closed:
        msg = "Context has been destroyed"
        raise RuntimeError(msg)
    return mesh.get(option)


def context_instance(cls: Any, io_threads: int = 1) -> Any:
    """Stand in for `Context.instance`: one for each process."""
    task = current()
    if task is None:
        return _real_context["instance"].__func__(cls, io_threads)
    return instance_of(task.process, cls, io_threads)


# -- sockets --------------------------------------------------------------------------------------------


def socket_init(
    self: Any,
    ctx_or_socket: Any = None,
    socket_type: int = 0,
    *,
    shadow: Any = 0,
    copy_threshold: int | None = None,
) -> None:
    """Stand in for `Socket.__init__`."""
    if current() is None:
        _real["__init__"](self, ctx_or_socket, socket_type, shadow=shadow, copy_threshold=copy_threshold)
        return
    if isinstance(ctx_or_socket, Socket):
        shadow, ctx_or_socket = ctx_or_socket, None
    self.copy_threshold = zmq.COPY_THRESHOLD if copy_threshold is None else copy_threshold
    self._shadow = bool(shadow)
    if shadow:
        self._shadow_obj = shadow
        mesh = _shadowed(shadow)
        if isinstance(shadow, Socket):
            self.context = shadow.context
    else:
        if ctx_or_socket is None:
            msg = "context must be specified"
            raise TypeError(msg)
        if socket_type < 0:
            msg = "socket_type must be specified"
            raise TypeError(msg)
        self.context = ctx_or_socket
        mesh = MeshSocket(_mesh_context(ctx_or_socket), socket_type)
    _keep(self, mesh)
    kind = SocketType(mesh.kind)
    self.__dict__["type"] = kind
    self._type_name = kind.name


def _shadowed(shadow: Any) -> MeshSocket:
    if not isinstance(shadow, int):
        shadow = getattr(shadow, "underlying", shadow)
    mesh = room().sockets.get(shadow)
    if mesh is None:
        raise failure(ENOTSOCK)
    return mesh


def socket_close(self: Any, linger: int | None = None) -> None:
    """Stand in for `Socket.close`."""
    mesh = self._mesh
    if mesh is None:
        _real["close"](self, linger)
        return
    if self.context is not None:
        self.context._rm_socket(self)  # noqa: SLF001 - as pyzmq's own close does
    if not mesh.closed:
        if linger is not None and not mesh.fault:
            mesh.set(SocketOption.LINGER, linger)
        mesh.close()
    self._closed = True


def socket_closed(self: Any) -> bool:
    """Stand in for `Socket.closed`."""
    mesh = self._mesh
    if mesh is None:
        return bool(_real["closed"].__get__(self))
    if mesh.closed:
        self._closed = True
    return bool(self._closed)


def socket_underlying(self: Any) -> int:
    """Stand in for `Socket.underlying`."""
    mesh = self._mesh
    return int(_real["underlying"].__get__(self)) if mesh is None else mesh.handle


def _kind_of(option: int) -> Any:
    try:
        return SocketOption(option)._opt_type  # noqa: SLF001 - how pyzmq notes it
    except ValueError:
        return _OptType.int


def socket_set(self: Any, option: int, optval: Any) -> None:
    """Stand in for `Socket.set` and `setsockopt`."""
    mesh = self._mesh
    if mesh is None:
        _outside(self, "set")(self, option, optval)
        return
    if isinstance(optval, str):
        msg = "unicode not allowed, use setsockopt_string"
        raise TypeError(msg)
    if mesh.fault == ENOTSOCK:
        raise failure(ENOTSOCK)
    if _kind_of(option) == _OptType.bytes:
        if not isinstance(optval, bytes):
            msg = f"expected bytes, got: {optval!r}"
            raise TypeError(msg)
    elif not isinstance(optval, int):
        msg = f"expected int, got: {optval!r}"
        raise TypeError(msg)
    mesh.set(option, optval if isinstance(optval, bytes) else int(optval))


def socket_get(self: Any, option: int) -> Any:
    """Stand in for `Socket.get` and `getsockopt`."""
    mesh = self._mesh
    if mesh is None:
        return _outside(self, "get")(self, option)
    return mesh.get(option)


def _text(addr: Any) -> str:
    if isinstance(addr, bytes):
        return addr.decode()
    if not isinstance(addr, str):
        msg = f"Expected addr to be str, got addr={addr!r}"
        raise TypeError(msg)
    return addr


def socket_bind(self: Any, addr: Any) -> Any:
    """Stand in for `Socket.bind`."""
    mesh = self._mesh
    if mesh is None:
        return _outside(self, "bind")(self, addr)
    try:
        mesh.bind(_text(addr))
    except ZMQError as error:
        error.strerror += f" (addr={addr!r})"
        raise
    return self._bind_cm(addr)


def socket_connect(self: Any, addr: Any) -> Any:
    """Stand in for `Socket.connect`."""
    mesh = self._mesh
    if mesh is None:
        return _outside(self, "connect")(self, addr)
    try:
        mesh.connect(_text(addr))
    except ZMQError as error:
        error.strerror += f" (addr={addr!r})"
        raise
    return self._connect_cm(addr)


def socket_unbind(self: Any, addr: Any) -> None:
    """Stand in for `Socket.unbind`."""
    mesh = self._mesh
    if mesh is None:
        _outside(self, "unbind")(self, addr)
    else:
        mesh.unbind(_text(addr))


def socket_disconnect(self: Any, addr: Any) -> None:
    """Stand in for `Socket.disconnect`."""
    mesh = self._mesh
    if mesh is None:
        _outside(self, "disconnect")(self, addr)
    else:
        mesh.disconnect(_text(addr))


def socket_monitor(self: Any, addr: Any, events: int = Event.ALL) -> None:
    """Stand in for `Socket.monitor`."""
    mesh = self._mesh
    if mesh is None:
        _outside(self, "monitor")(self, addr, events)
    elif mesh.fault:
        raise failure(mesh.fault)
    else:
        watch(mesh, None if addr is None else _text(addr), events)


# -- messages -------------------------------------------------------------------------------------------


def socket_send(
    self: Any,
    data: Any,
    flags: int = 0,
    copy: bool = True,  # noqa: FBT001, FBT002 - pyzmq's signature
    track: bool = False,  # noqa: FBT001, FBT002 - as above
    routing_id: int | None = None,
    group: str | None = None,
) -> Any:
    """Stand in for `Socket.send`."""
    mesh = self._mesh
    if mesh is None:
        return _outside(self, "send")(self, data, flags, copy, track, routing_id, group)
    if type(data) is bytes and copy:
        mesh.send(data, flags)
        return None
    if mesh.fault == ENOTSOCK:
        raise failure(ENOTSOCK)
    if isinstance(data, Frame):
        if track and not data.tracker:
            msg = "Not a tracked message"
            raise ValueError(msg)
        mesh.send(data.bytes, flags)
        return data.tracker
    mesh.send(to_bytes(data), flags)
    return None if copy else zmq._FINISHED_TRACKER  # type: ignore[attr-defined]  # noqa: SLF001 - all is copied


def socket_send_multipart(
    self: Any,
    msg_parts: Any,
    flags: int = 0,
    copy: bool = True,  # noqa: FBT001, FBT002 - pyzmq's signature
    track: bool = False,  # noqa: FBT001, FBT002 - as above
    **kwargs: Any,
) -> Any:
    """Stand in for `Socket.send_multipart`, in one step where nobody has overridden `send`."""
    mesh = self._mesh
    if mesh is not None and copy and not flags & zmq.SNDMORE and type(self).send is socket_send and len(msg_parts):
        frames = tuple(msg_parts)
        if not any([type(frame) is not bytes for frame in frames]):
            mesh.send_message(frames, flags)
            return None
    if mesh is None:
        _outside(self, "send_multipart")
    return _real["send_multipart"](self, msg_parts, flags, copy, track, **kwargs)


def _frame(mesh: MeshSocket, data: bytes, *, track: bool) -> Any:
    frame = Frame(data, track=track)
    frame.more = bool(mesh.rest)
    sender = mesh.pattern.sender()
    if sender is not None:
        frame.__dict__["_mesh_properties"] = sender.properties
    return frame


def socket_recv(
    self: Any,
    flags: int = 0,
    copy: bool = True,  # noqa: FBT001, FBT002 - pyzmq's signature
    track: bool = False,  # noqa: FBT001, FBT002 - as above
) -> Any:
    """Stand in for `Socket.recv`."""
    mesh = self._mesh
    if mesh is None:
        return _outside(self, "recv")(self, flags, copy, track)
    data = mesh.receive(flags)
    return data if copy else _frame(mesh, data, track=track)


def socket_recv_multipart(
    self: Any,
    flags: int = 0,
    copy: bool = True,  # noqa: FBT001, FBT002 - pyzmq's signature
    track: bool = False,  # noqa: FBT001, FBT002 - as above
) -> Any:
    """Stand in for `Socket.recv_multipart`, in one step where nobody has overridden `recv`."""
    mesh = self._mesh
    if mesh is not None and copy and type(self).recv is socket_recv:
        return mesh.receive_message(flags)
    if mesh is None:
        _outside(self, "recv_multipart")
    return _real["recv_multipart"](self, flags, copy, track)


def socket_recv_into(self: Any, buffer: Any, /, *, nbytes: int = 0, flags: int = 0) -> int:
    """Stand in for `Socket.recv_into`."""
    mesh = self._mesh
    if mesh is None:
        return int(_outside(self, "recv_into")(self, buffer, nbytes=nbytes, flags=flags))
    if mesh.fault == ENOTSOCK:
        raise failure(ENOTSOCK)
    view = memoryview(buffer)
    if view.readonly:
        msg = "Object is not writable."
        raise BufferError(msg)
    view = view.cast("B")
    if nbytes < 0:
        msg = f"{nbytes=} must be non-negative"
        raise ValueError(msg)
    if nbytes > len(view):
        msg = f"{nbytes=} too big for memoryview of {len(view)}B"
        raise ValueError(msg)
    data = mesh.receive(flags)
    room_bytes = min(nbytes or len(view), len(data))
    view[:room_bytes] = data[:room_bytes]
    return len(data)


# -- frames, polling, proxies ---------------------------------------------------------------------------


def frame_init(
    self: Any,
    data: Any = None,
    track: bool = False,  # noqa: FBT001, FBT002 - pyzmq's signature
    copy: Any = None,
    copy_threshold: Any = None,
    **kwargs: Any,
) -> None:
    """Stand in for `Frame.__init__`: sharing memory with libzmq needs its thread, so all is copied."""
    if current() is not None and copy is not True:
        copy = True
    _real_frame_init(self, data, track=track, copy=copy, copy_threshold=copy_threshold, **kwargs)


def frame_get(self: Any, option: Any) -> Any:
    """Stand in for `Frame.get`."""
    properties = self.__dict__.get("_mesh_properties")
    if properties is None or not isinstance(option, str) or option in ("routing_id", "group"):
        return _real_frame_get(self, option)
    if option not in properties:
        raise failure(EINVAL)
    return properties[option]


def _items(sockets: Any) -> Iterator[poller.Item]:
    for thing, flags in sockets:
        mesh = thing._mesh if isinstance(thing, Socket) else None  # noqa: SLF001 - ours
        if mesh is not None:
            yield thing, mesh, flags
        elif isinstance(thing, Socket):
            _outside(thing, "get")
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
    return tuple([thing for thing, events in ready if events & flag] for flag in (zmq.POLLIN, zmq.POLLOUT, zmq.POLLERR))


def _counterpart(socket: Any) -> MeshSocket:
    mesh: MeshSocket | None = socket._mesh  # noqa: SLF001 - ours
    if mesh is None:
        _outside(socket, "send")
        raise failure(ENOTSOCK)
    return mesh


def _optional(socket: Any) -> MeshSocket | None:
    return _counterpart(socket) if isinstance(socket, Socket) else None


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


_real_queue: list[Callable[..., Any]] = []


def monitored_queue(
    in_socket: Any, out_socket: Any, mon_socket: Any, in_prefix: bytes = b"in", out_prefix: bytes = b"out"
) -> Any:
    """Stand in for `zmq.devices.monitored_queue`."""
    if current() is None:
        return _real_queue[0](in_socket, out_socket, mon_socket, in_prefix, out_prefix)
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


_backend_context = _fenced("Context", zmq.backend.Context)
_backend_socket = _fenced("Socket", zmq.backend.Socket)


# -- applying -------------------------------------------------------------------------------------------


class _Ending(Patch):
    """The mark that classes carry inside a world; taking it back ends what the world's objects were."""

    def undo(self) -> None:
        """Have every object let go of the world: to the real methods they are closed."""
        for wrapper in list(_alive):
            if wrapper.__dict__.pop("_mesh", None) is not None and isinstance(wrapper, Context):
                _mark_closed(wrapper, True)  # noqa: FBT003 - a property's setter
        _alive.clear()
        super().undo()


def patches() -> list[Patch]:
    """Return the patches of pyzmq."""
    made: list[Patch] = [_Ending(Context, "_mesh", None), _Ending(Socket, "_mesh", None)]
    made += [Patch(Context, name, new) for name, new in _CONTEXT.items()]
    made += [Patch(Socket, name, new) for name, new in _SOCKET.items()]
    made += [Patch(Frame, "__init__", frame_init), Patch(Frame, "get", frame_get)]
    for name, new in _FUNCTIONS.items():
        for owner in (zmq, zmq.backend, zmq.sugar, sugar_poll):
            if vars(owner).get(name, MISSING) is not MISSING:
                made.append(Patch(owner, name, new, rebind=True))
    made += [Patch(zmq.backend, "Context", _backend_context), Patch(zmq.backend, "Socket", _backend_socket)]
    return made + green.patches()


def device_patches() -> list[Patch]:
    """Return the patches of `zmq.devices`."""
    module, base = sys.modules["zmq.devices.monitoredqueue"], sys.modules["zmq.devices.basedevice"]
    if not _real_queue:
        _real_queue.append(vars(module)["monitored_queue"])
    # A bound method of the real class method, taken when the module was imported.
    factory = MethodType(context_instance, Context)
    return [
        Patch(module, "monitored_queue", monitored_queue, rebind=True),
        Patch(vars(base)["Device"], "context_factory", factory),
    ]


_CONTEXT = {
    "__init__": context_init,
    "__del__": context_del,
    "closed": property(context_closed, _mark_closed),
    "underlying": property(context_underlying),
    "term": context_term,
    "set": context_set,
    "get": context_get,
    "instance": classmethod(context_instance),
}
_SOCKET = {
    "__init__": socket_init,
    "close": socket_close,
    "closed": property(socket_closed),
    "underlying": property(socket_underlying),
    "set": socket_set,
    "get": socket_get,
    "setsockopt": socket_set,
    "getsockopt": socket_get,
    "bind": socket_bind,
    "connect": socket_connect,
    "unbind": socket_unbind,
    "disconnect": socket_disconnect,
    "monitor": socket_monitor,
    "send": socket_send,
    "recv": socket_recv,
    "recv_into": socket_recv_into,
    "send_multipart": socket_send_multipart,
    "recv_multipart": socket_recv_multipart,
}
_FUNCTIONS = {
    "zmq_poll": zmq_poll,
    "select": zmq_select,
    "proxy": zmq_proxy,
    "proxy_steerable": zmq_proxy_steerable,
}
