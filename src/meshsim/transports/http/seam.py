"""Which names of which libraries are others inside a world.

Each entry is (module, patches): the patches are made, and the file that imports the library is loaded, when
the library is there or as soon as a service imports it. A world that never speaks HTTP loads none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.patches.patch import Patch


def rooms() -> list[tuple[str, Callable[[], list[Patch]]]]:
    """Return what `Simulation.enter` wants to know of this room."""
    return [
        ("urllib3", _urllib3),
        ("httpcore", _httpcore),
        ("werkzeug.serving", _werkzeug),
        ("uvicorn.server", _uvicorn),
        ("wsgiref.simple_server", _wsgiref),
    ]


def _urllib3() -> list[Patch]:
    from meshsim.transports.http import seam_requests  # noqa: PLC0415 - the library is only there now

    return seam_requests.patches()


def _httpcore() -> list[Patch]:
    from meshsim.transports.http import seam_httpx, seam_httpx_async  # noqa: PLC0415 - the library is only there now

    return [*seam_httpx.patches(), *seam_httpx_async.patches()]


def _werkzeug() -> list[Patch]:
    from meshsim.transports.http import seam_servers  # noqa: PLC0415 - the library is only there now

    return seam_servers.werkzeug_patches()


def _uvicorn() -> list[Patch]:
    from meshsim.transports.http import seam_uvicorn  # noqa: PLC0415 - the library is only there now

    return seam_uvicorn.patches()


def _wsgiref() -> list[Patch]:
    from meshsim.transports.http import seam_servers  # noqa: PLC0415 - the library is only there now

    return seam_servers.wsgiref_patches()
