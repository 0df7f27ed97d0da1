"""A service as a process: children that serve, and what happens when it ends in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from meshsim import World

if TYPE_CHECKING:
    from pathlib import Path

PREFORK = """
import multiprocessing
import os
import signal
import sys
import time

from flask import Flask

app = Flask(__name__)
WORKERS = []


@app.get("/")
def index():
    return {"pid": os.getpid(), "parent": os.getppid(), "build": os.environ["BUILD"]}


def work():
    app.run(host="0.0.0.0", port=80)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        worker = multiprocessing.Process(target=work)
        worker.start()
        WORKERS.append(worker)
        worker.join()
        time.sleep(1)
"""


def test_a_child_serves_and_its_parent_replaces_it(tmp_path: Path) -> None:
    """A port that a child opened closes with it; the next child serves; the host's end ends both."""
    (tmp_path / "prefork.py").write_text(PREFORK)
    world = World(seed=1).service(
        "shop", python="prefork:main", path=str(tmp_path), port=80, env={"BUILD": "7"}
    )
    with world as mesh:
        first = mesh.http("shop").get("/").json()
        host = mesh.host("shop").machine
        assert host.process is not None
        assert (first["parent"], first["build"]) == (host.process.pid, "7")
        worker = host.process.children[0]
        mesh.kernel.kill(worker, -9)
        with pytest.raises(requests.ConnectionError):
            mesh.http("shop").get("/", timeout=0.5)
        mesh.run_for("2s")
        second = mesh.http("shop").get("/").json()
        assert second["pid"] > first["pid"]
        mesh.host("shop").crash()
        mesh.run_for("1s")
        assert not host.listeners
        assert all(process.dead for process in mesh.kernel.processes if process.host is host)
        assert [event.text for event in mesh.trace.events("unhandled")] == []


ENDING = """
import atexit
import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger("ending")
pool = ThreadPoolExecutor(2)


def say(what):
    log.warning(what)


def late():
    time.sleep(1)
    say("thread")


def main():
    how = os.environ["HOW"]
    pool.submit(say, "pool").result()
    atexit.register(say, "first registered")
    atexit.register(say, "last registered")
    threading.Thread(target=late).start()
    if how == "handled":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
    if how in ("handled", "unhandled"):
        time.sleep(1000)
    # By then the mesh is up.
    time.sleep(5)
    if how == "exit":
        sys.exit(3)
    if how == "error":
        raise LookupError(how)
    if how == "os._exit":
        os._exit(5)
"""
IN_ORDER = ["pool", "thread", "last registered", "first registered"]


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("return", 0, IN_ORDER),
        ("exit", 3, IN_ORDER),
        ("error", 1, IN_ORDER),
        ("handled", 4, IN_ORDER),
        ("unhandled", -15, ["pool"]),
        ("crash", -9, ["pool"]),
        ("os._exit", 5, ["pool", "thread"]),
    ],
)
def test_a_service_ends_as_the_interpreter_does(tmp_path: Path, how: str, code: int, said: list[str]) -> None:
    """Idle pools go, threads are awaited, exit functions run last first; a killed process does none of it."""
    (tmp_path / "ending.py").write_text(ENDING)
    env = {"HOW": "unhandled" if how == "crash" else how}
    world = World(seed=1).service("end", python="ending:main", path=str(tmp_path), env=env)
    with world as mesh:
        host = mesh.host("end")
        process = next(made for made in mesh.kernel.processes if made.host is host.machine)
        if how == "crash":
            host.crash()
        elif how in {"handled", "unhandled"}:
            host.terminate()
        mesh.run_for("10s")
        assert not host.alive
        assert process.exit_code == code
        assert [record.getMessage() for record in host.logs if record.name == "ending"] == said
