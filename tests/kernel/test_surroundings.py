"""What a process has of its own: environment, directory, arguments, pid, host name, what runs at its end."""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import io
import os
import platform
import socket
import sys
import time
import warnings
from os import environ, getpid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_each_host_has_its_own_environment(lab: Callable[..., Any]) -> None:
    """Every way to read and to write variables is the host's, and the runner's are untouched."""

    def main(value: str) -> list[Any]:
        os.environ["COLOUR"] = value
        os.putenv("PUT", value)
        time.sleep(1)
        return [
            os.environ["COLOUR"],
            environ.get("COLOUR"),
            os.getenv("COLOUR"),
            os.environb[b"COLOUR"],
            dict(os.environ),
            os.environ.copy(),
            "HOME" in os.environ,
        ]

    with lab() as sim:
        one, two = sim.start(sim.boot("a/0"), main, "red"), sim.start(sim.boot("b/0"), main, "blue")
        sim.wait(one, two)
    only = {"COLOUR": "red"}
    assert one.result_value == ["red", "red", "red", b"red", only, only, False]
    assert two.result_value[:4] == ["blue", "blue", "blue", b"blue"]
    assert "COLOUR" not in os.environ
    assert "PUT" not in os.environ


def test_deleting_and_iterating_stay_in_the_host(lab: Callable[..., Any]) -> None:
    """`del`, `pop`, `clear` and iteration do not reach the runner's variables."""
    before = dict(os.environ)

    def main() -> list[str]:
        os.environ["A"] = "1"
        os.environ["B"] = "2"
        del os.environ["A"]
        found = [*os.environ]
        os.environ.clear()
        os.environ |= {"C": "3"}
        return [*found, *os.environ]

    with lab() as sim:
        assert sim.run(main) == ["B", "C"]
    assert dict(os.environ) == before


def test_each_host_has_its_own_directory_and_arguments(lab: Callable[..., Any], tmp_path: Path) -> None:
    """`chdir` and `sys.argv` follow the host that runs."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()

    def main(name: str) -> tuple[str, list[str]]:
        os.chdir(tmp_path / name)
        sys.argv.append(name)
        time.sleep(1)
        with open("file", "w", encoding="utf-8") as file:
            file.write(name)
        return os.getcwd(), sys.argv

    outside, arguments = os.getcwd(), [*sys.argv]
    with lab() as sim:
        processes = {name: sim.boot(f"{name}/0") for name in ("one", "two")}
        for name, process in processes.items():
            process.argv = [f"{name}.py"]
        tasks = {name: sim.start(process, main, name) for name, process in processes.items()}
        sim.wait(*tasks.values())
        assert os.getcwd() == outside
    for name, task in tasks.items():
        assert task.result_value == (str(tmp_path / name), [f"{name}.py", name])
        assert (tmp_path / name / "file").read_text() == name
    assert (os.getcwd(), sys.argv) == (outside, arguments)


def test_each_host_has_its_own_names_and_numbers(lab: Callable[..., Any]) -> None:
    """Pid, parent and host name are the simulated process's, by every name they are asked for."""

    def main() -> list[Any]:
        return [
            os.getpid() == getpid(),
            os.getppid(),
            socket.gethostname(),
            socket.getfqdn(),
            platform.node(),
            os.uname().nodename,
            platform.uname().node,
        ]

    with lab() as sim:
        assert sim.run(main, host="shop/1") == [True, 1] + ["shop-1"] * 5
        assert sim.run(main, host="shop/2")[2:] == ["shop-2"] * 5
        pids = {sim.run(os.getpid, host=f"shop/{number}") for number in range(5, 9)}
    assert len(pids) == 4
    assert os.getpid() not in pids


def test_what_a_service_registers_for_its_exit_is_not_pytests(lab: Callable[..., Any]) -> None:
    """`atexit` functions of a simulated process run at its orderly end, last first, and never in the runner."""
    log: list[str] = []

    def main() -> None:
        atexit.register(log.append, "first")

        @atexit.register
        def second() -> None:
            log.append(f"second on {socket.gethostname()}")

        atexit.register(log.append, "taken back")
        atexit.unregister(log.append)
        atexit.register(log.append, "third")

    from meshsim.kernel.patches import process as surroundings

    def program() -> None:
        main()
        surroundings.run_exit_functions()

    count = atexit._ncallbacks()  # type: ignore[attr-defined]
    with lab() as sim:
        sim.run(program, host="shop/0")
        assert log == ["third", "second on shop-0"]
        crashed = sim.boot("b/0")
        sim.start(crashed, lambda: (main(), time.sleep(100)))
        sim.kernel.sleep(10**9)
        sim.kernel.kill(crashed, -9)
        assert len(log) == 2
    assert atexit._ncallbacks() == count  # type: ignore[attr-defined]


def test_context_variables_are_a_tasks_own(lab: Callable[..., Any]) -> None:
    """Each flow has a context of its own, and a pool's `copy_context().run` works across a park."""
    word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")

    def flow(name: str) -> list[str]:
        seen = [word.get()]
        word.set(name)
        time.sleep(1)
        seen.append(word.get())
        context = contextvars.copy_context()
        word.set("later")
        seen.append(context.run(lambda: (time.sleep(1), word.get())[1]))
        return seen

    word.set("test")
    with lab() as sim:
        process = sim.boot()
        tasks = [sim.start(process, flow, name) for name in ("one", "two")]
        sim.wait(*tasks)
        assert [task.result_value for task in tasks] == [["none", "one", "one"], ["none", "two", "two"]]
        assert word.get() == "test"


def test_decimal_contexts_are_a_tasks_own(lab: Callable[..., Any]) -> None:
    """A precision that one task set is not another's."""
    import decimal

    def flow(precision: int) -> int:
        decimal.getcontext().prec = precision
        time.sleep(1)
        return decimal.getcontext().prec

    with lab() as sim:
        process = sim.boot()
        tasks = [sim.start(process, flow, precision) for precision in (5, 9)]
        sim.wait(*tasks)
        assert [task.result_value for task in tasks] == [5, 9]


def test_global_switches_cross_tasks_as_they_cross_threads(lab: Callable[..., Any]) -> None:
    """`redirect_stdout` and `catch_warnings` are of the interpreter: they act on every task while they are on.

    So they do on real threads. A service that holds one across a wait sees the others' output in it.
    """
    caught = io.StringIO()

    def redirects() -> None:
        with contextlib.redirect_stdout(caught), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            time.sleep(2)

    def prints() -> None:
        time.sleep(1)
        sys.stdout.write("from another task")

    before = sys.stdout, warnings.filters[:]
    with lab() as sim:
        process = sim.boot()
        sim.wait(sim.start(process, redirects), sim.start(process, prints))
    assert caught.getvalue() == "from another task"
    assert (sys.stdout, warnings.filters[:]) == before


def test_a_switch_deep_in_c_and_python_frames_keeps_every_stack(lab: Callable[..., Any]) -> None:
    """Tasks that park at different depths of C calls resume where they were."""

    def deep(levels: int) -> int:
        if not levels:
            time.sleep(1)
            return 0
        # Each level goes through C: sorted() calls back.
        return sorted([levels], key=lambda _: deep(levels - 1))[0] and levels

    with lab() as sim:
        process = sim.boot()
        tasks = [sim.start(process, deep, levels) for levels in (0, 1, 10, 50, 100)]
        sim.wait(*tasks)
        assert [task.result_value for task in tasks] == [0, 1, 10, 50, 100]


@pytest.mark.parametrize("levels", [200, 3000])
def test_recursion_limits_are_each_tasks_own(lab: Callable[..., Any], levels: int) -> None:
    """A task near its recursion limit parks and goes on, one beyond it gets RecursionError, others none."""

    def deep(left: int) -> int:
        if not left:
            time.sleep(1)
            return 0
        return 1 + deep(left - 1)

    def main() -> int | str:
        try:
            return deep(levels)
        except RecursionError:
            return "too deep"

    with lab() as sim:
        process = sim.boot()
        tasks = [sim.start(process, main) for _ in range(3)]
        sim.wait(*tasks)
        assert [task.result_value for task in tasks] == [levels if levels == 200 else "too deep"] * 3
