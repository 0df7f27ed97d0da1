"""The fence: what would leave the simulation raises at the call, with the lines that would allow or fake it."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import subprocess
import sys
from multiprocessing import util
from os import fork
from subprocess import Popen
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import FenceError

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSES: dict[str, Callable[[], Any]] = {
    "subprocess.run": lambda: subprocess.run(["true"], check=False),
    "subprocess.Popen": lambda: subprocess.Popen("true", shell=True),
    "Popen, bound before": lambda: Popen(["true"]),
    "check_output": lambda: subprocess.check_output(["true"]),
    "os.system": lambda: os.system("true"),
    "os.popen": lambda: os.popen("true"),
    "os.fork": os.fork,
    "fork, bound before": lambda: fork(),
    "os.forkpty": lambda: os.forkpty(),
    "os.posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "os.execv": lambda: os.execv("/bin/true", ["true"]),
    "os.execlp": lambda: os.execlp("true", "true"),
    "os.posix_spawnp": lambda: os.posix_spawnp("true", ["true"], {}),
    "os.spawnv": lambda: os.spawnv(os.P_NOWAIT, "/bin/true", ["true"]),
    "os.spawnvpe": lambda: os.spawnvpe(os.P_WAIT, "true", ["true"], {}),
    "pty.spawn": lambda: pty.spawn("true"),
    "spawnv_passfds": lambda: util.spawnv_passfds(b"/bin/true", [b"true"], []),
    "create_subprocess_exec": lambda: asyncio.run(asyncio.create_subprocess_exec("true")),
    "create_subprocess_shell": lambda: asyncio.run(
        asyncio.create_subprocess_shell("true", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    ),
    "os.spawnl": lambda: os.spawnl(os.P_WAIT, "/bin/true", "true"),
}
SOCKETS: dict[str, Callable[[], Any]] = {
    "socket.socket": socket.socket,
    "create_connection": lambda: socket.create_connection(("example.com", 80), 1),
    "getaddrinfo": lambda: socket.getaddrinfo("example.com", 80),
    "gethostbyname": lambda: socket.gethostbyname("example.com"),
    "gethostbyaddr": lambda: socket.gethostbyaddr("127.0.0.1"),
    "getnameinfo": lambda: socket.getnameinfo(("127.0.0.1", 80), 0),
    "socketpair": lambda: socket.socketpair(),
}


@pytest.mark.parametrize("call", list(PROCESSES))
def test_starting_a_real_process_is_refused(lab: Callable[..., Any], call: str) -> None:
    """The error names the host, and how the scenario would run or replace the program."""
    with lab() as sim, pytest.raises(FenceError) as failure:
        sim.run(lambda: PROCESSES[call](), host="shop/0")
    text = str(failure.value)
    assert text.startswith("shop/0 ")
    assert "services:\n      NAME: {python:" in text
    assert "mesh.host(" in text


@pytest.mark.parametrize("call", list(SOCKETS))
def test_a_real_socket_is_refused(lab: Callable[..., Any], call: str) -> None:
    """The error names the host, and how the scenario would fake or allow it."""
    with lab() as sim, pytest.raises(FenceError) as failure:
        sim.run(lambda: SOCKETS[call](), host="shop/0")
    text = str(failure.value)
    assert text.startswith("shop/0 ")
    assert "external: {host:" in text
    assert "--mesh-allow-network" in text


def test_the_fence_is_gone_after_the_world(lab: Callable[..., Any]) -> None:
    """Processes and sockets are real again."""
    with lab() as sim:
        sim.run(os.getpid)
    done = subprocess.run([sys.executable, "-c", "print(5)"], capture_output=True, check=True)
    assert done.stdout.strip() == b"5"
    with socket.socket() as plain:
        assert plain.fileno() > 0


def test_other_threads_may_leave(lab: Callable[..., Any]) -> None:
    """A thread that carries no task opens real sockets while a world is open."""
    from meshsim.kernel.patches import threading as threads

    found: list[Any] = []
    ended = threads.real_allocate_lock()
    ended.acquire()

    def outside() -> None:
        try:
            with socket.socket() as plain:
                found.append(plain.fileno() > 0)
        finally:
            ended.release()

    with lab():
        threads.real_start_new_thread(outside, ())
        ended.acquire()
    assert found == [True]
