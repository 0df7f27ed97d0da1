"""The command line and the ini file -> Settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

POLICIES = ("fifo", "random", "pct")
CARRIERS = ("greenlet", "thread")
UNKNOWN = ("fail", "skip", "warn")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for.

    Attributes:
        scenarios: (path, case) of each `--mesh-scenario`, in order.
        wired: the ini file's scenario, for the fixture only.
        seed, more_seeds: `--mesh-seed=N+K`; None leaves it to the scenario.
        unknown: what an unknown run is in pytest.
    """

    scenarios: tuple[tuple[str, str | None], ...]
    wired: tuple[str, str | None] | None
    seed: int | None
    more_seeds: int | None
    policy: str
    carrier: str
    replay: str | None
    check_determinism: bool
    trace: str | None
    allow_network: bool
    unknown: str
    root: Path

    def world_options(self) -> dict[str, Any]:
        """Return the options of `World` that these are."""
        return {"policy": self.policy, "carrier": self.carrier, "allow_network": self.allow_network}


SETTINGS = pytest.StashKey[Settings]()


def add(parser: pytest.Parser) -> None:
    """Declare the options and the ini words."""
    group = parser.getgroup("meshsim", "meshsim: a graph of real services in one process, on virtual time")
    option = group.addoption
    option(
        "--mesh-scenario",
        action="append",
        default=[],
        metavar="PATH[::CASE]",
        help="run this scenario (a *.mesh.yaml file, or a folder with scenario.mesh.yaml) and wire the "
        "`mesh` fixture to it; repeatable. Without further arguments only the scenarios run",
    )
    option("--mesh-seed", metavar="N[+K]", help="the seed, or K seeds from N on; default: the scenario's")
    option("--mesh-replay", metavar="FILE", help="run a saved failure again, exactly")
    option("--mesh-policy", choices=POLICIES, help="how ready tasks are ordered; default random")
    option(
        "--mesh-carrier",
        choices=CARRIERS,
        default="greenlet",
        help="what carries tasks: same trace on both, thread where a library cannot live on greenlets",
    )
    option(
        "--mesh-check-determinism",
        action="store_true",
        help="run every scenario twice and name the first event that differs",
    )
    option(
        "--mesh-trace",
        metavar="PATH.jsonl",
        help="write the trace; several runs each write PATH-SCENARIO-CASE-SEED.jsonl beside it",
    )
    option("--mesh-allow-network", action="store_true", help="lift the fence for real sockets")
    parser.addini(
        "mesh_scenario", "the scenario that the `mesh` fixture is wired to: PATH[::CASE]", default=""
    )
    parser.addini("mesh_seed", "the default of --mesh-seed", default="")
    parser.addini("mesh_policy", "the default of --mesh-policy: fifo, random or pct", default="random")
    parser.addini("mesh_allow_network", "the default of --mesh-allow-network", type="bool", default=False)
    parser.addini(
        "mesh_unknown", "what a run is in which something met nothing: fail, skip or warn", default="fail"
    )


def read(config: pytest.Config) -> Settings:
    """Return the settings of a session.

    Raises:
        pytest.UsageError: a value makes no sense; with the value and what would be right.
    """
    seed, more = _seed(config.getoption("--mesh-seed") or str(config.getini("mesh_seed")))
    policy = config.getoption("--mesh-policy") or str(config.getini("mesh_policy"))
    unknown = str(config.getini("mesh_unknown"))
    _one_of("mesh_policy", policy, POLICIES)
    _one_of("mesh_unknown", unknown, UNKNOWN)
    wired = str(config.getini("mesh_scenario"))
    wired_path = None if not wired else _path(str(config.rootpath / wired))
    return Settings(
        scenarios=tuple(_path(text) for text in config.getoption("--mesh-scenario")),
        wired=wired_path,
        seed=seed,
        more_seeds=more,
        policy=policy,
        carrier=config.getoption("--mesh-carrier"),
        replay=config.getoption("--mesh-replay"),
        check_determinism=config.getoption("--mesh-check-determinism"),
        trace=config.getoption("--mesh-trace"),
        allow_network=config.getoption("--mesh-allow-network") or bool(config.getini("mesh_allow_network")),
        unknown=unknown,
        root=config.rootpath,
    )


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        msg = f"{name} = {value!r}: one of {', '.join(allowed)}"
        raise pytest.UsageError(msg)


def _path(text: str) -> tuple[str, str | None]:
    path, _, case = text.partition("::")
    return path, case or None


def _seed(text: str) -> tuple[int | None, int | None]:
    if not text:
        return None, None
    first, plus, count = text.partition("+")
    if not first.isdecimal() or (plus and not (count.isdecimal() and int(count))):
        msg = f"--mesh-seed={text!r}: a whole number N, or N+K for K seeds from N on"
        raise pytest.UsageError(msg)
    return int(first), int(count) if plus else None
