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

from zmq.constants import SocketType

from meshsim.transports.zeromq.patterns.pipeline import Pair, Pull, Push
from meshsim.transports.zeromq.patterns.publish import Pub, Sub, XPub, XSub
from meshsim.transports.zeromq.patterns.request import Rep, Req
from meshsim.transports.zeromq.patterns.routing import Dealer, Router

if TYPE_CHECKING:
    from meshsim.transports.zeromq.patterns.pattern import Pattern

__all__ = ["PATTERNS"]

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
