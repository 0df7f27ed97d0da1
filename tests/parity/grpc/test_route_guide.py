"""gRPC's route guide, one method of each arity: run untouched in the mesh and for real, it prints the same."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from grpc_tools import protoc

from meshsim.world import World

HERE = Path(__file__).with_name("route_guide")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program's folder, with what protoc makes of its proto beside it."""
    folder = tmp_path / "route_guide"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    out = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main(["protoc", f"-I{folder}", *out, str(folder / "route_guide.proto")]) == 0
    return folder


def in_the_mesh(folder: Path, carrier: str) -> None:
    """Run the server and the client as two services."""
    services = {
        "server": {"grpc": "server:serve", "path": str(folder)},
        "client": {"python": "client.py", "args": ["server:50051"], "path": str(folder)},
    }
    with World.from_file({"services": services}, carrier=carrier) as mesh:
        mesh.run_until(lambda: not mesh.host("client/0").machine.alive, timeout="60s")
        assert {call.status for call in mesh.trace.requests("client -> server")} == {"OK"}


def for_real(folder: Path) -> str:
    """Run them as two processes, and return what the client prints."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "server.py", str(port)], cwd=folder)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=60)
            # The library looks each 200 ms whether anybody still watches.
            time.sleep(0.5)
        client = [sys.executable, "client.py", f"127.0.0.1:{port}"]
        return subprocess.run(client, cwd=folder, capture_output=True, check=True, text=True).stdout
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
def test_the_route_guide_prints_the_same(
    program: Path, carrier: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The route guide prints in the mesh, line by line, what it prints for real."""
    in_the_mesh(program, carrier)
    fake = capsys.readouterr().out
    real = for_real(program)
    assert fake == real
    assert "4 points, 3 features" in real and real.count("hears") == 4
