"""A PySOA server's own life in a world: harakiri, its heartbeat file, an orderly end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import worlds
from pysoa.client.client import Client

from meshsim.errors import BootError

if TYPE_CHECKING:
    from pathlib import Path

BACKENDS = pytest.mark.parametrize("backend", worlds.BACKENDS)


@BACKENDS
@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
def test_harakiri_answers_ends_the_server_and_a_supervisor_brings_it_back(backend: str, carrier: str) -> None:
    """An action that hangs is interrupted by the alarm, its caller hears ACTION_TIMEOUT, and the service comes back."""
    depot = worlds.settled(
        backend, server={"harakiri": {"timeout": 20, "shutdown_grace": 3}}, words={"restart": "2s"}
    )
    with worlds.world(backend, carrier, services={"depot": depot}) as mesh:
        with pytest.raises(Client.CallActionError, match="ACTION_TIMEOUT"):
            mesh.client("depot").call_action("depot", "echo", {"sleep": 1000}, timeout=40)
        # The alarm was set when the server began to wait for a job, up to 5 s before it had one.
        assert 15 <= mesh.now <= 20.1
        assert mesh.client("depot").call_action("depot", "echo", {"n": 1}).body == {"n": 1}
        (exited,) = mesh.trace.events("exit")
        assert exited.host == "depot/0"


@BACKENDS
def test_the_heartbeat_file_has_the_virtual_time_and_goes_at_the_end(backend: str, tmp_path: Path) -> None:
    """The file is written at every wait of an idle server, and removed by a server that ends in order."""
    beat = tmp_path / "beat-{{pid}}"
    depot = worlds.settled(backend, server={"heartbeat_file": str(beat)})
    with worlds.world(backend, services={"depot": depot}) as mesh:
        mesh.run_for("1m")
        (path,) = tmp_path.iterdir()
        assert path.name != beat.name
        assert 50 <= float(path.read_text()) - worlds.EPOCH_S <= 60
        mesh.host("depot/0").terminate()
        mesh.run_for("10s")
        assert not list(tmp_path.iterdir())


@BACKENDS
def test_a_crashed_server_leaves_its_heartbeat_behind(backend: str, tmp_path: Path) -> None:
    """What a watchdog outside would see of a server that died: a file that grows old."""
    depot = worlds.settled(backend, server={"heartbeat_file": str(tmp_path / "beat")})
    with worlds.world(backend, services={"depot": depot}) as mesh:
        mesh.run_for("20s")
        mesh.host("depot/0").crash()
        mesh.run_for("1m")
        assert float((tmp_path / "beat").read_text()) - worlds.EPOCH_S <= 20


def test_the_end_of_a_world_leaves_no_heartbeat(tmp_path: Path) -> None:
    """A server that lived to the end of its world removes its file, so that a test leaves nothing behind."""
    depot = worlds.settled("redis", server={"heartbeat_file": str(tmp_path / "beat")})
    with worlds.world(services={"depot": depot}) as mesh:
        mesh.run_for("1s")
        assert (tmp_path / "beat").exists()
    assert not list(tmp_path.iterdir())


@BACKENDS
def test_sigterm_lets_a_server_finish_the_job_that_it_has(backend: str) -> None:
    """A job of 3 s that began before SIGTERM is answered, and then the server is gone."""
    with worlds.world(backend) as mesh:
        call = mesh.start(mesh.client("depot").call_action, "depot", "echo", {"n": 1, "sleep": 3})
        mesh.run_for("1s")
        mesh.host("depot/0").terminate()
        assert call.result().body["n"] == 1
        mesh.run_for("1s")
        assert not mesh.host("depot/0").alive


@pytest.mark.parametrize(
    ("args", "what"),
    [(["--use-file-watcher", "depot"], "starts a real process"), (["--daemon"], "calls os.fork")],
)
def test_what_would_start_real_processes_is_fenced(args: list[str], what: str) -> None:
    """PySOA's reloader and its daemon mode do not come up, and the error says what they tried and on which host."""
    world = worlds.world(services={"depot": worlds.service(args=args)})
    with pytest.raises(BootError, match=f"FenceError: depot/0 {what}"), world:
        pass


def test_a_server_that_ends_before_its_first_turn_did_not_come_up() -> None:
    """A service whose program returns at once is no service that is up, though nothing was raised."""
    world = worlds.world(services={"depot": worlds.service(server="depot.server:Hasty")})
    with pytest.raises(BootError, match="service 'depot' ended on host depot/0 before it was up"), world:
        pass
