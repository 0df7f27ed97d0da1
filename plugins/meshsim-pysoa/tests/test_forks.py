"""PySOA's `--fork`: several servers of one service as processes of one host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import worlds
from pysoa.common.transport.errors import MessageReceiveTimeout

from meshsim.runner import run_document
from meshsim.scenario import load

if TYPE_CHECKING:
    from pathlib import Path

    from meshsim import World

BACKENDS = pytest.mark.parametrize("backend", worlds.BACKENDS)
FORK = ["--fork", "2"]


def forked(backend: str, carrier: str = "greenlet", **words: Any) -> World:
    """Make a world in which the depot has two workers on one host."""
    return worlds.world(backend, carrier, services={"depot": worlds.service(backend, args=FORK, **words)})


def together(mesh: World, count: int) -> list[int]:
    """Have as many calls of a second each begin at once; return the process that answered each."""
    calls = [
        mesh.start(mesh.client("depot").call_action, "depot", "host", {"sleep": 1}) for _ in range(count)
    ]
    return [call.result().body["pid"] for call in calls]


@BACKENDS
@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
def test_two_workers_serve_at_once(backend: str, carrier: str) -> None:
    """Two calls of a second take a second, in two processes of one host."""
    with forked(backend, carrier) as mesh:
        assert len(set(together(mesh, 2))) == 2
        assert 1 <= mesh.now < 1.2


@BACKENDS
def test_a_worker_that_dies_is_started_again(backend: str) -> None:
    """The monitor that PySOA keeps for each worker replaces the one whose action took the process down."""
    with forked(backend) as mesh:
        before = together(mesh, 2)
        with pytest.raises(MessageReceiveTimeout):
            mesh.client("depot").call_action("depot", "die")
        mesh.run_for("5s")
        after = together(mesh, 2)
        assert len(set(after)) == 2
        assert len(set(before) & set(after)) == 1


@BACKENDS
def test_sigterm_to_the_parent_ends_all_workers(backend: str) -> None:
    """PySOA's parent hands SIGTERM on, and the host is down when the workers have ended their wait."""
    with forked(backend) as mesh:
        mesh.run_for("1s")
        mesh.host("depot/0").terminate()
        mesh.run_for("10s")
        assert not mesh.host("depot/0").alive
        with pytest.raises(MessageReceiveTimeout):
            mesh.client("depot").call_action("depot", "host")


def test_a_crash_takes_the_workers_along() -> None:
    """A machine that goes down answers nothing more, whichever process it was."""
    with forked("redis") as mesh:
        mesh.host("depot/0").crash()
        with pytest.raises(MessageReceiveTimeout):
            mesh.client("depot").call_action("depot", "host")


@BACKENDS
def test_each_worker_has_a_heartbeat_of_its_own(backend: str, tmp_path: Path) -> None:
    """`{{fid}}` in the name of the file is the worker's number."""
    server = {"heartbeat_file": str(tmp_path / "beat-{{fid}}")}
    services = {"depot": worlds.settled(backend, server=server, words={"args": FORK})}
    with worlds.world(backend, services=services) as mesh:
        mesh.run_for("1m")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["beat-1", "beat-2"]
        assert all(float(path.read_text()) - worlds.EPOCH_S >= 50 for path in tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_a_run_with_workers_is_the_same_on_both_carriers() -> None:
    """One seed gives one hash for a service that forks."""
    sections: dict[str, Any] = {
        "services": {"depot": worlds.service(args=FORK)},
        "workload": [{"name": "w", "call": "depot host", "rate": "poisson(20/s)", "for": "3s"}],
    }
    runs = [
        run_document(load(worlds.scenario(**sections)), carrier=name)
        for name in ("greenlet", "greenlet", "thread")
    ]
    assert runs[1].hash == runs[0].hash, runs[0].first_difference(runs[1])
    assert runs[2].hash == runs[0].hash, runs[0].first_difference(runs[2])
