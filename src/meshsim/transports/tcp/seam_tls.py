"""`ssl` on simulated sockets: the place where a context takes a socket's descriptor into C."""

from __future__ import annotations

import ssl

from meshsim.kernel.patches.patch import Patch
from meshsim.transports.tcp.tls import wrap_socket


def patches() -> list[Patch]:
    """Return the patches of ssl."""
    return [Patch(ssl.SSLContext, "_wrap_socket", wrap_socket)]
