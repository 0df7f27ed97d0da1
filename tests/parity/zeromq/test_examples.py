"""Example programs, written from the guide's protocol descriptions: the same output in the mesh and for real."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.world import World

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).parent / "examples"

# program -> (variables and who listens there, the roles beside the client)
PROGRAMS: dict[str, tuple[dict[str, str], list[str]]] = {
    "lazy_pirate": ({"SERVER": "server"}, ["server"]),
    "load_balancer": ({"FRONT": "broker", "BACK": "broker"}, ["broker", "worker", "worker", "worker"]),
    "paranoid_pirate": ({"FRONT": "queue", "BACK": "queue"}, ["queue", "worker"]),
    "majordomo": ({"BROKER": "broker"}, ["broker", "worker", "worker", "counter"]),
    "clone": ({"SNAPSHOT": "server", "UPDATES": "server", "COLLECTOR": "server"}, ["server", "writer"]),
}
OUTPUTS = {
    "lazy_pirate": [
        "reply to request 0",
        "reply to request 1",
        "no reply to request 2, asking again",
        "reply to request 2",
        "reply to request 3",
        "reply to request 4",
    ],
    "load_balancer": [f"TASK {turn} OF CLIENT {name}" for turn in range(5) for name in range(4)],
    "paranoid_pirate": [
        "done: job 0",
        "done: job 1",
        "job 2: no reply, asking again",
        "done: job 2",
        "done: job 3",
        "done: job 4",
        "done: job 5",
    ],
    "majordomo": [
        "[b'404']",
        *[line for n in range(4) for line in (f"[b'hello {n}', b'world']", f"[b'{n}']")],
    ],
    "clone": ["101", *[f"key{n} value 9{n}" for n in range(10)], "last over"],
}


def load(program: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(program, FOLDER / f"{program}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_runs_in_the_mesh(
    program: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each role is a service of its own, unchanged, and the client prints what the guide promises."""
    variables, roles = PROGRAMS[program]
    module: Any = load(program)
    env = {name: f"tcp://{host}:{5550 + at}" for at, (name, host) in enumerate(variables.items())}
    world = World(seed=3)
    for role in dict.fromkeys(roles):
        world.service(role, python=getattr(module, role), env=env, replicas=roles.count(role))
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with world as mesh:
        module.client()
        assert mesh.now < 60
    assert capsys.readouterr().out.splitlines() == OUTPUTS[program]


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_runs_for_real(program: str) -> None:
    """Each role is an operating system's process with libzmq over the loopback: the same lines."""
    variables, roles = PROGRAMS[program]
    env = os.environ | {name: f"tcp://127.0.0.1:{free_port()}" for name in variables}
    path = str(FOLDER / f"{program}.py")
    others = [subprocess.Popen([sys.executable, path, role], env=env) for role in roles]
    try:
        done = subprocess.run(
            [sys.executable, path, "client"], env=env, capture_output=True, text=True, timeout=60, check=True
        )
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert done.stdout.splitlines() == OUTPUTS[program]
