"""A Redis command: through the mesh, and on bare fakeredis.

The same redis-py client asks for the same GET and SET. Through the mesh its command is packed, crosses a link as
bytes, is answered by the server on the hub, crosses back and is parsed, with the clock running and the trace on;
fakeredis answers in the caller's own stack, outside of any world. Both take turns in one process, so that the
ratio means something on any machine.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import fakeredis

from meshsim.kernel.patches import time as clocks
from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 60
SLICES = 40
ROUNDS = 5
# At most so many times as long as bare fakeredis.
LIMIT = 1.3
COMMANDS: dict[str, Callable[[Any], object]] = {
    "GET": lambda client: client.get("a"),
    "SET": lambda client: client.set("a", "b"),
}


def time_us(client: Any, ask: Callable[[Any], object]) -> float:
    """Return the microseconds that a command takes: the best of many short slices, for a busy machine's sake."""
    client.set("a", "b")
    best = float("inf")
    for _ in range(SLICES):
        begun = clocks.real_perf_counter()
        for _ in range(CALLS):
            ask(client)
        best = min(best, (clocks.real_perf_counter() - begun) / CALLS * 1e6)
    return best


def run() -> dict[str, tuple[float, float]]:
    """Return for each command the microseconds through the mesh and on fakeredis: the best of several rounds."""
    found: dict[str, tuple[float, float]] = dict.fromkeys(COMMANDS, (float("inf"), float("inf")))
    bare = fakeredis.FakeRedis()
    for _ in range(ROUNDS):
        alone = {name: time_us(bare, ask) for name, ask in COMMANDS.items()}
        with World(seed=1).platform("cache", redis={}) as mesh:
            client = mesh.redis("cache")
            for name, ask in COMMANDS.items():
                through, best = found[name]
                found[name] = min(through, time_us(client, ask)), min(best, alone[name])
    return found


def main() -> int:
    """Print the figures; the exit code says whether they hold."""
    holds = True
    for name, (through, alone) in run().items():
        ratio = through / alone
        holds &= ratio <= LIMIT
        print(
            f"{name}: {through:6.1f} us through the mesh, {alone:6.1f} us on fakeredis: {ratio:.2f}, at most {LIMIT}"
        )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
