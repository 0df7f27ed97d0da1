"""`zmq.green` inside a world: the same names, and no gevent.

The real module makes calls yield to gevent's hub. In a world every blocking call yields already, so its names are
those of `zmq` in classes of their own; they are there whether gevent is installed or not.
"""

from __future__ import annotations

import sys
import warnings
from types import ModuleType
from typing import Any

import zmq

from meshsim.kernel.patches.patch import Patch

__all__ = ["patches"]

_TIMEOUTS = (zmq.RCVTIMEO, zmq.SNDTIMEO)


class Socket(zmq.Socket[bytes]):
    """A socket whose calls yield; timeouts have no effect, as in the real one."""

    _repr_cls = "zmq.green.Socket"

    def set(self, option: int, optval: Any) -> None:
        """Set an option, but no timeout."""
        if option in _TIMEOUTS:
            warnings.warn("TIMEO socket options have no effect in zmq.green", UserWarning, stacklevel=2)
            return
        super().set(option, optval)

    setsockopt = set  # noqa: A003 - the method above, which pyzmq calls so


class Context(zmq.Context[Socket]):
    """A context that makes such sockets."""

    _socket_class = Socket
    _repr_cls = "zmq.green.Context"
    _instance = None


class Poller(zmq.Poller):
    """A poller; it yields already."""


Socket._poller_class = Poller


def _module() -> ModuleType:
    made = ModuleType("zmq.green", zmq.__doc__)
    vars(made).update({name: getattr(zmq, name) for name in zmq.__all__ if hasattr(zmq, name)})
    vars(made).update(Context=Context, Socket=Socket, Poller=Poller, __all__=list(zmq.__all__), __path__=[])
    return made


class _Module(Patch):
    """An entry of `sys.modules` that is another one inside a world."""

    def __init__(self, name: str) -> None:
        super().__init__(zmq, name, None)
        self._former: ModuleType | None = None

    def apply(self) -> None:
        """Put our module in place."""
        full = f"zmq.{self.name}"
        self._former = sys.modules.get(full)
        self.replacement = sys.modules[full] = _module()
        super().apply()

    def undo(self) -> None:
        """Put the real one back, or none."""
        full = f"zmq.{self.name}"
        if self._former is None:
            sys.modules.pop(full, None)
        else:
            sys.modules[full] = self._former
        super().undo()


def patches() -> list[Patch]:
    """Return the patch that puts the module in place."""
    return [_Module("green")]
