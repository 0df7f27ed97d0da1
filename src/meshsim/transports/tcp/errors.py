"""What a program on sockets sees of the network's outcomes: the numbers that Linux gives.

phase      outcome                      errno               exception
resolve    unknown name                 none                FenceError, with the lines that would fake it
connect    ConnectRefused               ECONNREFUSED (111)  ConnectionRefusedError
connect    ConnectTimeout, by itself    ETIMEDOUT (110)     TimeoutError
connect    a timeout of the caller's    none                TimeoutError("timed out")
connect    not blocking                 EINPROGRESS (115)   BlockingIOError, and SO_ERROR later
any        ConnectionReset              ECONNRESET (104)    ConnectionResetError, once; then EOF and EPIPE
send       peer or side is shut         EPIPE (32)          BrokenPipeError
receive    orderly close                none                an empty read
any        would wait, not blocking     EAGAIN (11)         BlockingIOError
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from meshsim.network import outcome as network

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBERS: Mapping[type[Exception], int] = {
    network.ConnectRefused: errno.ECONNREFUSED,
    network.ConnectTimeout: errno.ETIMEDOUT,
    network.SendTimeout: errno.ETIMEDOUT,
    network.ReceiveTimeout: errno.ETIMEDOUT,
    network.ConnectionReset: errno.ECONNRESET,
    network.NameUnknown: errno.EHOSTUNREACH,
}


def system_error(number: int) -> OSError:
    """Return the exception of an error number, as a system call raises it."""
    return OSError(number, os.strerror(number))


def number_of(outcome: Exception) -> int:
    """Return the error number of what the network says."""
    return NUMBERS.get(type(outcome), errno.ECONNRESET)
