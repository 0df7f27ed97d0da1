"""Faults at calls, for the http room: its servers ask before they admit a request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from meshsim.faults.interception import ErrorReply, Interceptions
    from meshsim.kernel.scheduler import Kernel
    from meshsim.transports.http.codec import ResponseHead
    from meshsim.transports.http.server import Exchange, Interception

__all__ = ["answer_by"]

TABLE: Final = "faults.http"


def answer_by(kernel: Kernel, interceptions: Interceptions) -> None:
    """Have the http servers of a world ask; once a world."""
    tables: dict[str, Any] = kernel.home.tables
    if TABLE in tables:
        return
    from meshsim.transports.http import server  # noqa: PLC0415 - only a world with such a fault needs it

    def ask(exchange: Exchange) -> Interception | None:
        head, process = exchange.head, exchange.server.process
        caller = exchange.connection.peer.process.host.name
        operation = f"{head.method} {head.target.partition('?')[0]}"
        found = interceptions.for_call(caller, process.host.name, operation)
        if found is None:
            return None
        reply = None if found.error is None else _reply(found.error)
        return server.Interception(reply, found.delay_ns, found.drop)

    tables[TABLE] = ask
    server.interceptors().append(ask)


def _reply(error: ErrorReply) -> ResponseHead:
    from meshsim.transports.http.codec import ResponseHead  # noqa: PLC0415 - as above

    if error.json is not None:
        kind, body = "application/json", json.dumps(error.json).encode()
    else:
        kind, body = "text/plain; charset=utf-8", (error.text or "").encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    status = error.status if isinstance(error.status, int) else 500
    return ResponseHead(status, headers, body)
