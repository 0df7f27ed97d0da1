"""Which patch goes with which of PySOA's modules; each is applied when its module is, or was, imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim_pysoa import draws, own

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.patches.patch import Patch


def _logging() -> list[Patch]:
    from meshsim_pysoa import syslog  # noqa: PLC0415 - it imports PySOA, which is not there before

    return [*own.log_patches(), *syslog.patches()]


def _transport() -> list[Patch]:
    from meshsim_pysoa import seam_transport  # noqa: PLC0415

    return [*seam_transport.patches(), *own.backend_patches(), *draws.core_patches()]


def _server() -> list[Patch]:
    from meshsim_pysoa import seam_server  # noqa: PLC0415

    return seam_server.patches()


def _local() -> list[Patch]:
    from meshsim_pysoa import seam_local  # noqa: PLC0415

    return seam_local.patches()


def seams() -> list[tuple[str, Callable[[], list[Patch]]]]:
    """Return the modules that are patched and what makes their patches; the room's entry point."""
    return [
        ("conformity.fields.meta", own.path_patches),
        ("pysoa.utils", own.utils_patches),
        ("pysoa.common.logging", _logging),
        ("pysoa.client.client", draws.client_patches),
        ("pysoa.common.transport.redis_gateway.core", _transport),
        ("pysoa.common.transport.local", _local),
        ("pysoa.server.server", _server),
    ]
