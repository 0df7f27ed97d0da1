"""What of gRPC is here: what programs use, what of it is refused, and where it is not as on a real wire.

The documentation's table is made from this file.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DIFFERENCES", "MISSING", "OPERATIONS", "Difference", "Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that programs do.

    Attributes:
        side: `client` or `server`.
        name: what programs call.
        caught_at: the names that are replaced for it.
    """

    side: str
    name: str
    caught_at: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the mesh is not as a real wire: what, how, and why it is left so."""

    what: str
    how: str
    why: str


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "client",
        "grpc.insecure_channel(), grpc.secure_channel()",
        ("cygrpc.Channel", "_UnaryUnaryMultiCallable.__call__"),
    ),
    Operation(
        "client",
        "grpc.aio.insecure_channel(), grpc.aio.secure_channel()",
        ("cygrpc.AioChannel", "Channel._register_call"),
    ),
    Operation("client", "futures, streams, Event.wait", ("_common.wait",)),
    Operation(
        "server",
        "grpc.server()",
        (
            "cygrpc.Server",
            "cygrpc.CompletionQueue",
            "cygrpc.install_context_from_request_call_event",
            "cygrpc.uninstall_context",
            "cygrpc.auth_context",
            "cygrpc.peer_identities",
            "cygrpc.peer_identity_key",
            "_Server.__del__",
            "_server._start",
        ),
    ),
    Operation("both", "the default pool of protobuf, by process", ("descriptor_pool.Default",)),
    Operation("server", "grpc.aio.server()", ("cygrpc.AioServer", "cygrpc.schedule_coro_threadsafe")),
)

MISSING: dict[str, str] = {
    "unix:, vsock:, xds: targets": "a channel leads to a host and a port of the mesh",
    "hedging": "core does it only under an experimental option; a hedgingPolicy is passed over",
    "load balancing policies": "a channel has one connection, as pick_first; a name of the mesh balances by itself",
    "TLS": "credentials are accepted and prove nothing: no handshake, no peer identity",
}

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "flow control",
        "a sender waits when half a window of 64 KiB is unread; core's window grows with the link",
        "what is measured is that it waits, not after how many bytes",
    ),
    Difference("compression", "is accepted and announced, and messages keep their size", "it would cost CPU"),
    Difference(
        "a forgotten server",
        "stops when it is dropped, not up to a second later",
        "looking each second would keep a world from coming to rest",
    ),
    Difference(
        "an unknown name",
        "is a FenceError that says what the scenario lacks, where core says UNAVAILABLE",
        "a name that nobody has is a mistake of the scenario",
    ),
)
