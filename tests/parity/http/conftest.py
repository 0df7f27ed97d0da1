"""Runs one test body in two places and compares what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.parity.http.peer import MeshPeer, RealPeer, Script, describe
from tests.transports.http.small_world import SmallWorld

Body = Callable[[str], Any]


def _outcome(body: Body, peer: Any) -> Any:
    host, port = peer.address
    try:
        result = body(f"http://{host}:{port}")
    except Exception as error:  # noqa: BLE001 - the exception is what is compared
        return [*describe(error, peer.address), f"{peer.connections} connections"]
    return [result, f"{peer.connections} connections"]


@pytest.fixture
def both() -> Callable[[Body, Script], tuple[Any, Any]]:
    """Return a function that runs a body against a script on the mesh and on the loopback."""

    def run(body: Body, script: Script) -> tuple[Any, Any]:
        real_peer = RealPeer(script)
        try:
            real = _outcome(body, real_peer)
        finally:
            real_peer.close()
        with SmallWorld() as world:
            fake = _outcome(body, MeshPeer(world, script))
        return fake, real

    return run
