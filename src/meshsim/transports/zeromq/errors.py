"""What goes wrong in this room, as pyzmq's own exceptions with libzmq's own numbers.

The network never shows itself to a ZeroMQ socket: a refused connection, a partition or a reset is tried again in
the background, and what a caller sees is a queue that stays empty or full. So outcomes of a phase become waiting:

    phase      outcome             what the caller sees
    resolve    a name unknown      FenceError from connect(): nothing of this world has that name
    connect    ConnectRefused      nothing; tried again after RECONNECT_IVL (monitor: CLOSED, CONNECT_RETRIED)
    connect    ConnectTimeout      nothing; the same
    handshake  no READY in time    nothing; the same after HANDSHAKE_IVL
    handshake  types do not fit    nothing; the connecting end gives the endpoint up (DISCONNECTED)
    established ConnectionReset    nothing; connected again, what was queued and not yet sent is kept
    send       the queue is full   zmq.Again after SNDTIMEO or with DONTWAIT; PUB and ROUTER drop instead
    receive    nothing came        zmq.Again after RCVTIMEO or with DONTWAIT
    any        the context ended   zmq.ContextTerminated
"""

from __future__ import annotations

import errno
from typing import Final

from zmq.error import Again, ContextTerminated, ZMQError

__all__ = [
    "EADDRINUSE",
    "EADDRNOTAVAIL",
    "EAGAIN",
    "EFSM",
    "EHOSTUNREACH",
    "EINVAL",
    "ENAMETOOLONG",
    "ENOCOMPATPROTO",
    "ENODEV",
    "ENOENT",
    "ENOTSOCK",
    "ENOTSUP",
    "EPROTONOSUPPORT",
    "ETERM",
    "failure",
]

# libzmq counts its own numbers from a base that no operating system uses.
_BASE: Final = 156_384_712

EADDRINUSE: Final = errno.EADDRINUSE
EADDRNOTAVAIL: Final = errno.EADDRNOTAVAIL
EAGAIN: Final = errno.EAGAIN
EHOSTUNREACH: Final = errno.EHOSTUNREACH
EINVAL: Final = errno.EINVAL
EMFILE: Final = errno.EMFILE
ENAMETOOLONG: Final = errno.ENAMETOOLONG
ENODEV: Final = errno.ENODEV
ENOENT: Final = errno.ENOENT
ENOTSOCK: Final = errno.ENOTSOCK
ENOTSUP: Final = errno.ENOTSUP
EPROTONOSUPPORT: Final = errno.EPROTONOSUPPORT
EFSM: Final = _BASE + 51
ENOCOMPATPROTO: Final = _BASE + 52
ETERM: Final = _BASE + 53


def failure(number: int, text: str | None = None) -> ZMQError:
    """Return the exception that pyzmq raises for a number of libzmq's.

    Args:
        number: errno's, or one of libzmq's own.
        text: instead of libzmq's words for the number, where pyzmq has its own.
    """
    if number == EAGAIN:
        return Again(number)
    if number == ETERM:
        return ContextTerminated(number)
    return ZMQError(number, text)
