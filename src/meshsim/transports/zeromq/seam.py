"""`zmq.Context`, `zmq.Socket` and their like: made by a task of a world, they are the mesh's.

The classes stay pyzmq's own, so that `isinstance`, subclasses, attribute access to options and everything that
is written in Python there (`zmq.asyncio`, `send_json`, monitors, devices) goes on as it is. Replaced are the
methods under which libzmq begins. An object of a world holds its simulated counterpart in `_mesh`.

The road not taken: other base classes in `Socket.__bases__`. One patch instead of twenty, but a class whose bases
change under it invalidates every cache of it, and `setsockopt = SocketBase.set` would still need its own.
"""

from __future__ import annotations

import sys
from types import MethodType

import zmq
import zmq.backend
import zmq.sugar.poll as sugar_poll

from meshsim.kernel.patches.patch import MISSING, Patch
from meshsim.transports.zeromq import (
    seam_context,
    seam_green,
    seam_messages,
    seam_originals,
    seam_polling,
    seam_socket,
)

__all__ = ["device_patches", "patches"]


class _Ending(Patch):
    """The mark that classes carry inside a world; taking it back ends what the world's objects were."""

    def undo(self) -> None:
        """Have every object let go of the world."""
        seam_originals.let_go()
        super().undo()


def patches() -> list[Patch]:
    """Return the patches of pyzmq."""
    made: list[Patch] = [_Ending(zmq.Context, "_mesh", None), _Ending(zmq.Socket, "_mesh", None)]
    made += [Patch(zmq.Context, name, new) for name, new in seam_context.REPLACED.items()]
    methods = seam_socket.REPLACED | seam_messages.REPLACED
    made += [Patch(zmq.Socket, name, new) for name, new in methods.items()]
    made += [Patch(zmq.Frame, name, new) for name, new in seam_messages.FRAME.items()]
    for name, function in seam_polling.FUNCTIONS.items():
        made += [
            Patch(owner, name, function, rebind=True)
            for owner in (zmq, zmq.backend, zmq.sugar, sugar_poll)
            if vars(owner).get(name, MISSING) is not MISSING
        ]
    made += [Patch(zmq.backend, name, new) for name, new in seam_polling.FENCED.items()]
    return made + seam_green.patches()


def device_patches() -> list[Patch]:
    """Return the patches of `zmq.devices`."""
    module, base = sys.modules["zmq.devices.monitoredqueue"], sys.modules["zmq.devices.basedevice"]
    if not seam_polling.real_queue:
        seam_polling.real_queue.append(vars(module)["monitored_queue"])
    # A bound method of the real class method, taken when the module was imported.
    factory = MethodType(seam_context.context_instance, zmq.Context)
    return [
        Patch(module, "monitored_queue", seam_polling.monitored_queue, rebind=True),
        Patch(vars(base)["Device"], "context_factory", factory),
    ]
