"""`zmq.Context`: made by a task of a world, it is the mesh's."""

from __future__ import annotations

import weakref
from typing import Any

import zmq

from meshsim.kernel.state import current
from meshsim.transports.zeromq.context import MeshContext, room
from meshsim.transports.zeromq.errors import EINVAL, failure
from meshsim.transports.zeromq.instances import OrderedWeakSet, instance_of
from meshsim.transports.zeromq.seam_originals import REAL_CONTEXT, keep, mark_closed

__all__ = ["REPLACED", "context_instance", "counterpart_of"]


def context_init(self: Any, io_threads: Any = 1, shadow: Any = 0) -> None:
    """Stand in for `Context.__init__`."""
    if current() is None:
        REAL_CONTEXT["__init__"](self, io_threads, shadow)
        return
    if isinstance(io_threads, zmq.Context):
        shadow, io_threads = io_threads, 1
    self._shadow = bool(shadow)
    if shadow:
        self._shadow_obj = shadow
        mesh = counterpart_of(shadow) if isinstance(shadow, zmq.Context) else room().contexts.get(shadow)
        if mesh is None:
            raise failure(EINVAL)
    else:
        mesh = MeshContext(io_threads)
    keep(self, mesh)
    self.sockopts = {}
    self._sockets = OrderedWeakSet()


def counterpart_of(context: Any) -> MeshContext:
    """Return the simulated counterpart of a context; one that was made before the world gets its own a process."""
    mesh: MeshContext | None = context._mesh
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
    return counterpart_of(self)


def context_del(self: Any) -> None:
    """Stand in for `Context.__del__`: close what is left, and wait for nothing, because a finalizer must not."""
    mesh = self._mesh
    if mesh is None:
        REAL_CONTEXT["__del__"](self)
    elif not self._shadow and not context_closed(self):
        for socket in list(mesh.sockets):
            socket.close()
        mesh.term(waits=False)


def context_closed(self: Any) -> bool:
    """Stand in for `Context.closed`."""
    mesh = self._mesh
    if mesh is None:
        return bool(REAL_CONTEXT["closed"].__get__(self))
    return bool(mesh.closed or mesh.process.dead)


def context_underlying(self: Any) -> int:
    """Stand in for `Context.underlying`."""
    mesh = _of_context(self)
    return int(REAL_CONTEXT["underlying"].__get__(self)) if mesh is None else mesh.handle


def context_term(self: Any) -> None:
    """Stand in for `Context.term`."""
    mesh = _of_context(self)
    if mesh is None:
        REAL_CONTEXT["term"](self)
    else:
        mesh.term()


def context_set(self: Any, option: int, optval: int) -> None:
    """Stand in for `Context.set`."""
    mesh = _of_context(self)
    if mesh is None:
        REAL_CONTEXT["set"](self, option, optval)
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
        return int(REAL_CONTEXT["get"](self, option))
    if mesh.closed:
        msg = "Context has been destroyed"
        raise RuntimeError(msg)
    return mesh.get(option)


def context_instance(cls: Any, io_threads: int = 1) -> Any:
    """Stand in for `Context.instance`: one for each process."""
    task = current()
    if task is None:
        return REAL_CONTEXT["instance"].__func__(cls, io_threads)
    return instance_of(task.process, cls, io_threads)


REPLACED = {
    "__init__": context_init,
    "__del__": context_del,
    "closed": property(context_closed, mark_closed),
    "underlying": property(context_underlying),
    "term": context_term,
    "set": context_set,
    "get": context_get,
    "instance": classmethod(context_instance),
}
