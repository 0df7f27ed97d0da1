"""Event loops over simulated sockets that the parity tests cannot show: loops of before, and other hosts."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

from socket_world import SocketWorld

if TYPE_CHECKING:
    import pytest


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each line in capitals."""
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def serve() -> None:
    """Serve until killed."""
    async with await asyncio.start_server(shout, "0.0.0.0", 7) as server:
        await server.serve_forever()


async def ask() -> bytes:
    """Ask the host `loud` once."""
    reader, writer = await asyncio.open_connection("loud", 7)
    writer.write(b"hello\n")
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer


def test_a_loop_of_before_the_world_reaches_into_it(pytestconfig: pytest.Config) -> None:
    """A real loop that was made before the world, as a test runner's, opens connections in the world."""
    for kind in (selectors.EpollSelector, selectors.PollSelector, selectors.SelectSelector):
        loop = asyncio.SelectorEventLoop(kind())
        with SocketWorld() as world:
            world.run("loud", lambda: asyncio.run(serve()))
            assert loop.run_until_complete(ask()) == b"HELLO\n"
            assert world.kernel.now < 1_000_000_000
        assert loop.run_until_complete(asyncio.sleep(0.001, "real again")) == "real again"
        loop.close()


def test_many_connections_wake_one_loop(world: SocketWorld) -> None:
    """A loop serves many clients of several hosts, and none waits for another."""
    world.run("loud", lambda: asyncio.run(serve()))
    answers: list[bytes] = []

    async def many() -> None:
        answers.extend(await asyncio.gather(*[ask() for _ in range(20)]))

    tasks = [
        world.main(world.process(f"client{number}", None), lambda: asyncio.run(many())) for number in range(3)
    ]
    world.kernel.sleep(2_000_000_000)
    assert all(task.done and task.error is None for task in tasks)
    assert answers == [b"HELLO\n"] * 60


def test_two_runs_are_the_same() -> None:
    """The trace of a world with sockets and loops is the same in two runs, and on both carriers."""

    def run(carrier: str) -> str:
        with SocketWorld(carrier, seed=3) as world:
            world.run("loud", lambda: asyncio.run(serve()))

            async def many() -> None:
                await asyncio.gather(*[ask() for _ in range(5)])

            world.main(world.process("client", None), lambda: asyncio.run(many()))
            asyncio.run(many())
            world.kernel.sleep(1_000_000_000)
            return str(world.recorder.hash)

    assert run("greenlet") == run("greenlet") == run("thread")
