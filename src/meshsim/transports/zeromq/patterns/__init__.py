"""The socket types, one class each.

pattern        the shape that all of them have
queues         fair queuing and round robin
subscriptions  who wants which topics
pipeline       PUSH, PULL, PAIR
routing        DEALER, ROUTER
request        REQ, REP
publish        PUB, XPUB, SUB, XSUB
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshsim.errors import UnsupportedOperation
from meshsim.transports.zeromq.errors import EINVAL, failure
from meshsim.transports.zeromq.numbers import SocketType
from meshsim.transports.zeromq.patterns.pipeline import Pair, Pull, Push
from meshsim.transports.zeromq.patterns.publish import Pub, Sub, XPub, XSub
from meshsim.transports.zeromq.patterns.request import Rep, Req
from meshsim.transports.zeromq.patterns.routing import Dealer, Router

if TYPE_CHECKING:
    from meshsim.transports.zeromq.patterns.pattern import Pattern

__all__ = ["PATTERNS", "pattern_of"]

PATTERNS: Final[dict[int, type[Pattern]]] = {
    SocketType.PAIR: Pair,
    SocketType.PUB: Pub,
    SocketType.SUB: Sub,
    SocketType.REQ: Req,
    SocketType.REP: Rep,
    SocketType.DEALER: Dealer,
    SocketType.ROUTER: Router,
    SocketType.PULL: Pull,
    SocketType.PUSH: Push,
    SocketType.XPUB: XPub,
    SocketType.XSUB: XSub,
}


def pattern_of(kind: int) -> type[Pattern]:
    """Return what a socket type does.

    Raises:
        ZMQError: EINVAL, there is no such type.
        UnsupportedOperation: there is, and it is not simulated.
    """
    made = PATTERNS.get(kind)
    if made is not None:
        return made
    try:
        name = SocketType(kind).name
    except ValueError:
        raise failure(EINVAL) from None
    known = ", ".join(SocketType(number).name for number in PATTERNS)
    msg = f"zmq: socket type {name} is not simulated; the table of meshsim.transports.zeromq.supported has {known}"
    raise UnsupportedOperation(msg)
