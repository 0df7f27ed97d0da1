"""What a client of Redis sees of the network's outcomes.

redis-py stands on sockets and asyncio streams, and turns their `OSError`s into exceptions of its own, with texts
that name the phase. The same `OSError`s raised at the same places therefore give exactly what users know, on
every version of the library:

    phase      outcome             OSError                        redis.exceptions
    resolve    a name unknown      none: FenceError               FenceError (asyncio: ConnectionError from it)
    connect    ConnectRefused      ConnectionRefusedError(111)    ConnectionError: Error 111 connecting to ...
    connect    ConnectTimeout      TimeoutError                   TimeoutError: Timeout connecting to server
    request    SendTimeout         TimeoutError                   TimeoutError: Timeout writing to socket
    request    ConnectionReset     BrokenPipeError(32)            ConnectionError: Error 32 while writing to socket. ...
    response   ReceiveTimeout      TimeoutError                   TimeoutError: Timeout reading from socket
    response   ConnectionReset     ConnectionResetError(104)      ConnectionError: Error while reading ...
    response   orderly close       none: an empty read            ConnectionError: Connection closed by server.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from meshsim.network import outcome as network

if TYPE_CHECKING:
    from meshsim.network.outcome import Outcome

__all__ = ["refused_by_loop", "socket_error"]


def socket_error(outcome: Outcome, *, endless: bool = False) -> OSError:
    """Return what a real socket would have raised.

    Args:
        outcome: what the network says.
        endless: whether the caller had set no timeout, so that it was the operating system that gave up.
    """
    if isinstance(outcome, network.ConnectRefused):
        return ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    if isinstance(outcome, network.ConnectionReset):
        return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
    if endless:
        return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
    return TimeoutError("timed out")


def refused_by_loop(error: OSError, address: tuple[str, int]) -> OSError:
    """Return what an event loop makes of a refused connection: the same error, with the address in its text."""
    return type(error)(error.errno, f"Connect call failed {address!r}") if error.errno else error
