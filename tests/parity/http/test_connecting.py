"""What each client raises when it cannot connect."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.network.rules import Partition
from tests.parity.http.peer import describe
from tests.parity.http.test_faults import CLIENTS, Client
from tests.transports.http.small_world import SmallWorld

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 8081


def _failure(client: Client, host: str, port: int) -> list[str]:
    try:
        client(f"http://{host}:{port}")
    except Exception as error:  # noqa: BLE001 - the exception is what is compared
        return describe(error, (host, port))
    return ["no exception"]


@pytest.fixture
def closed_port() -> int:
    """A port of the loopback that refuses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port of the loopback whose queue of new connections is full, so that it drops what asks for one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_refused_connection_is_the_same(client: Client, closed_port: int) -> None:
    """A closed port gives the exception of the real stack, with its causes."""
    real = _failure(client, "127.0.0.1", closed_port)
    with SmallWorld() as world:
        world.process("misbehaving", PORT)
        fake = _failure(client, "misbehaving", PORT)
    assert _unnumbered(fake) == _unnumbered(real)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_silent_connection_is_the_same(client: Client, silent_port: int) -> None:
    """A peer that does not answer the attempt to connect gives the real stack's connect timeout."""
    real = _failure(client, "127.0.0.1", silent_port)
    with SmallWorld() as world:
        world.process("misbehaving", PORT)
        world.fabric.install(Partition(lambda name: name == "test", lambda name: name == "misbehaving"))
        fake = _failure(client, "misbehaving", PORT)
    assert _unnumbered(fake) == _unnumbered(real)


def _unnumbered(lines: list[str]) -> list[Any]:
    """Leave out where asyncio names the address that it tried, which a name of the mesh has no need of."""
    return [line.partition("Connect call failed")[0] for line in lines]
