"""`zmq.Socket`: how one is made, set, bound and closed. Its messages are in `seam_messages`."""

from __future__ import annotations

from typing import Any

import zmq
from zmq.constants import Event, SocketOption, SocketType, _OptType
from zmq.error import ZMQError
from zmq.utils.interop import cast_int_addr

from meshsim.kernel.state import current
from meshsim.transports.zeromq.context import room
from meshsim.transports.zeromq.errors import ENOTSOCK, failure
from meshsim.transports.zeromq.monitor import watch
from meshsim.transports.zeromq.seam_context import counterpart_of
from meshsim.transports.zeromq.seam_originals import REAL_SOCKET, keep, outside
from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["REPLACED"]


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
        REAL_SOCKET["__init__"](
            self, ctx_or_socket, socket_type, shadow=shadow, copy_threshold=copy_threshold
        )
        return
    if isinstance(ctx_or_socket, zmq.Socket):
        shadow, ctx_or_socket = ctx_or_socket, None
    self.copy_threshold = zmq.COPY_THRESHOLD if copy_threshold is None else copy_threshold
    self._shadow = bool(shadow)
    if shadow:
        self._shadow_obj = shadow
        mesh = _shadowed(shadow)
        if isinstance(shadow, zmq.Socket):
            self.context = shadow.context
    else:
        if ctx_or_socket is None:
            msg = "context must be specified"
            raise TypeError(msg)
        if socket_type < 0:
            msg = "socket_type must be specified"
            raise TypeError(msg)
        self.context = ctx_or_socket
        mesh = MeshSocket(counterpart_of(ctx_or_socket), socket_type)
    keep(self, mesh)
    kind = SocketType(mesh.kind)
    self.__dict__["type"] = kind
    self._type_name = kind.name


def _shadowed(shadow: Any) -> MeshSocket:
    if not isinstance(shadow, int):
        shadow = cast_int_addr(getattr(shadow, "underlying", shadow))
    mesh = room().sockets.get(shadow)
    if mesh is None:
        raise failure(ENOTSOCK)
    return mesh


def socket_close(self: Any, linger: int | None = None) -> None:
    """Stand in for `Socket.close`."""
    mesh = self._mesh
    if mesh is None:
        REAL_SOCKET["close"](self, linger)
        return
    if self.context is not None:
        self.context._rm_socket(self)
    if not mesh.closed:
        if linger is not None and not mesh.fault:
            mesh.set(SocketOption.LINGER, linger)
        mesh.close()
    self._closed = True


def socket_closed(self: Any) -> bool:
    """Stand in for `Socket.closed`."""
    mesh = self._mesh
    if mesh is None:
        return bool(REAL_SOCKET["closed"].__get__(self))
    if mesh.closed:
        self._closed = True
    return bool(self._closed)


def socket_underlying(self: Any) -> int:
    """Stand in for `Socket.underlying`."""
    mesh = self._mesh
    return int(REAL_SOCKET["underlying"].__get__(self)) if mesh is None else mesh.handle


def _kind_of(option: int) -> Any:
    try:
        return SocketOption(option)._opt_type
    except ValueError:
        return _OptType.int


def socket_set(self: Any, option: int, optval: Any) -> None:
    """Stand in for `Socket.set` and `setsockopt`."""
    mesh = self._mesh
    if mesh is None:
        outside(self, "set")(self, option, optval)
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
        return outside(self, "get")(self, option)
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
        return outside(self, "bind")(self, addr)
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
        return outside(self, "connect")(self, addr)
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
        outside(self, "unbind")(self, addr)
    else:
        mesh.unbind(_text(addr))


def socket_disconnect(self: Any, addr: Any) -> None:
    """Stand in for `Socket.disconnect`."""
    mesh = self._mesh
    if mesh is None:
        outside(self, "disconnect")(self, addr)
    else:
        mesh.disconnect(_text(addr))


def socket_monitor(self: Any, addr: Any, events: int = Event.ALL) -> None:
    """Stand in for `Socket.monitor`."""
    mesh = self._mesh
    if mesh is None:
        outside(self, "monitor")(self, addr, events)
    elif mesh.fault:
        raise failure(mesh.fault)
    else:
        watch(mesh, None if addr is None else _text(addr), events)


REPLACED = {
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
}
