"""Which names of grpcio are others inside a world.

Each entry is (module, patches): the patches are made, and the files that import the library are loaded, when
the library is there or as soon as a service imports it. A world that never speaks gRPC loads none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.patches.patch import Patch


def rooms() -> list[tuple[str, Callable[[], list[Patch]]]]:
    """Return what `Simulation.enter` wants to know of this room."""
    return [("google.protobuf.descriptor_pool", _pools), ("grpc", _grpc), ("grpc.aio", _grpc_aio)]


def _pools() -> list[Patch]:
    from meshsim.transports.grpc import seam_pools  # noqa: PLC0415 - the library is only there now

    return seam_pools.patches()


def _grpc() -> list[Patch]:
    from meshsim.transports.grpc import (  # noqa: PLC0415 - the library is only there now
        seam_channel,
        seam_server,
        seam_unary_client,
        seam_unary_server,
        seam_waiting,
    )

    return [
        *seam_channel.patches(),
        *seam_server.patches(),
        *seam_unary_client.patches(),
        *seam_unary_server.patches(),
        *seam_waiting.patches(),
    ]


def _grpc_aio() -> list[Patch]:
    from meshsim.transports.grpc import seam_aio_channel, seam_aio_server  # noqa: PLC0415 - the library is only there now

    return [*seam_aio_channel.patches(), *seam_aio_server.patches()]
