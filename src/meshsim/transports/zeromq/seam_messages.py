"""Messages through `zmq.Socket`, and `zmq.Frame`, which holds one frame of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zmq

from meshsim.kernel.state import current
from meshsim.transports.zeromq.errors import EINVAL, ENOTSOCK, failure
from meshsim.transports.zeromq.frames import to_bytes
from meshsim.transports.zeromq.seam_originals import REAL_SOCKET, outside

if TYPE_CHECKING:
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["FRAME", "REPLACED"]

_real_frame_init = zmq.Frame.__init__
_real_frame_get = zmq.Frame.get
_BYTES = {bytes}
_SEQUENCES = (list, tuple)


def socket_send(  # noqa: PLR0917 - pyzmq's signature
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
        return outside(self, "send")(self, data, flags, copy, track, routing_id, group)
    if routing_id is not None:
        # Refuses as the real one does: that is for drafts, which libzmq's wheels have not.
        zmq.Frame(to_bytes(data)).routing_id = routing_id
    if group is not None:
        zmq.Frame(to_bytes(data)).group = group
    if type(data) is bytes and copy:
        mesh.send(data, flags)
        return None
    if mesh.fault == ENOTSOCK:
        raise failure(ENOTSOCK)
    if isinstance(data, zmq.Frame):
        if track and not data.tracker:
            msg = "Not a tracked message"
            raise ValueError(msg)
        mesh.send(data.bytes, flags)
        return data.tracker
    mesh.send(to_bytes(data), flags)
    return None if copy else zmq._FINISHED_TRACKER  # all is copied


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
    if (
        mesh is not None
        and copy
        and not flags & zmq.SNDMORE
        and type(self).send is socket_send
        and type(msg_parts) in _SEQUENCES
        and msg_parts
    ):
        frames = tuple(msg_parts)
        if _BYTES.issuperset(map(type, frames)):
            mesh.send_message(frames, flags)
            return None
    if mesh is None:
        outside(self, "send_multipart")
    return REAL_SOCKET["send_multipart"](self, msg_parts, flags, copy, track, **kwargs)


def _frame(mesh: MeshSocket, data: bytes, *, track: bool) -> Any:
    frame = zmq.Frame(data, track=track)
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
        return outside(self, "recv")(self, flags, copy, track)
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
        outside(self, "recv_multipart")
    return REAL_SOCKET["recv_multipart"](self, flags, copy, track)


def socket_recv_into(self: Any, buffer: Any, /, *, nbytes: int = 0, flags: int = 0) -> int:
    """Stand in for `Socket.recv_into`."""
    mesh = self._mesh
    if mesh is None:
        return int(outside(self, "recv_into")(self, buffer, nbytes=nbytes, flags=flags))
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


REPLACED = {
    "send": socket_send,
    "recv": socket_recv,
    "recv_into": socket_recv_into,
    "send_multipart": socket_send_multipart,
    "recv_multipart": socket_recv_multipart,
}
FRAME = {"__init__": frame_init, "get": frame_get}
