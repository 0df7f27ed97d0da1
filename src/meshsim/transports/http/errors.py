"""What a client of HTTP sees of the network's outcomes.

Both client stacks stand on sockets: `socket.create_connection` and `recv` raise `OSError`s, and urllib3 and
httpcore wrap those in errors of their own. The same `OSError`s raised at the same places therefore give
exactly the chains that users know, made by the real libraries' own code:

    phase     outcome          OSError                      requests                        httpx
    resolve   NameUnknown      gaierror(-2)                 ConnectionError(NameResolution) ConnectError
    connect   ConnectRefused   ConnectionRefusedError(111)  ConnectionError(NewConnection)  ConnectError
    connect   ConnectTimeout   TimeoutError                 ConnectTimeout                  ConnectTimeout
    request   SendTimeout      TimeoutError                 ConnectionError(Aborted)        WriteTimeout
    response  ReceiveTimeout   TimeoutError                 ReadTimeout                     ReadTimeout
    any       ConnectionReset  ConnectionResetError(104)    ConnectionError(Aborted)        ReadError
    response  orderly close    none: an empty read          ConnectionError(Disconnected) RemoteProtocolError
"""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from meshsim.network import outcome as network

if TYPE_CHECKING:
    from meshsim.network.outcome import Outcome


def socket_error(outcome: Outcome, *, endless: bool = False) -> OSError:
    """Return what a real socket would have raised.

    Args:
        outcome: what the network says.
        endless: whether the caller had set no timeout, so that it was the operating system that gave up.
    """
    if isinstance(outcome, network.NameUnknown):
        return socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if isinstance(outcome, network.ConnectRefused):
        return ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    if isinstance(outcome, network.ConnectionReset):
        return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
    if endless:
        return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
    return TimeoutError("timed out")
