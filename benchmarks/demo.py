"""The demo as a user meets it: the whole command, a second boot of its mesh, and what the plugin costs when idle.

The commands run in processes of their own, start of Python and imports included. The idle plugin is compared
with the same pytest without it, in turn, because on a busy machine a start takes what it likes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from meshsim.kernel.patches import time as clocks
from meshsim.scenario import load
from meshsim.world import World

CHECKOUT = Path(__file__).parents[1] / "scenarios" / "checkout"
PYTEST = [sys.executable, "-m", "pytest"]
DEMO_ROUNDS = 2
BOOTS = 8
STARTS = 15
DEMO_LIMIT_S = 10.0
BOOT_LIMIT_MS = 20.0
IDLE_LIMIT_MS = 15.0


def command_s(*arguments: str) -> float:
    """Return the seconds that a pytest takes."""
    begun = clocks.real_perf_counter()
    subprocess.run([*PYTEST, *arguments], cwd=CHECKOUT.parents[1], check=True, capture_output=True)
    return clocks.real_perf_counter() - begun


def boots_ms() -> list[float]:
    """Return the milliseconds that each boot of the demo's mesh takes, one after the other in this process."""
    document = load(CHECKOUT)
    found = []
    for _ in range(BOOTS):
        world = World.from_document(document, 7)
        begun = clocks.real_perf_counter()
        world.open()
        found.append((clocks.real_perf_counter() - begun) * 1e3)
        world.close()
    return found


def idle_ms() -> float:
    """Return how many milliseconds the plugin adds to `pytest --version`."""
    with_it, without = float("inf"), float("inf")
    for _ in range(STARTS):
        with_it = min(with_it, command_s("--version"))
        without = min(without, command_s("--version", "-p", "no:meshsim"))
    return (with_it - without) * 1e3


def figure(text: str, value: float, limit: float, unit: str) -> bool:
    """Print a figure with its limit; returns whether it holds."""
    holds = value <= limit
    print(f"{text}: {value:.1f} {unit}, at most {limit:g}{'' if holds else '  OVER'}")
    return holds


def main() -> int:
    """Print the figures; the exit code says whether they hold."""
    demo = min(command_s(f"--mesh-scenario={CHECKOUT}") for _ in range(DEMO_ROUNDS))
    first, *later = boots_ms()
    print(f"first boot of the demo's mesh, its libraries imported on the way: {first:.1f} ms")
    found = [
        figure("the demo, all told", demo, DEMO_LIMIT_S, "s"),
        figure("a later boot of its mesh", min(later), BOOT_LIMIT_MS, "ms"),
        figure("the idle plugin adds to `pytest --version`", idle_ms(), IDLE_LIMIT_MS, "ms"),
    ]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
