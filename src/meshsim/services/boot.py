"""Boots services on their hosts, and boots them again after a crash."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Any

from meshsim.errors import BootError
from meshsim.kernel.patches import ending
from meshsim.kernel.patches import process as surroundings
from meshsim.kernel.patches import threading as main_thread
from meshsim.kernel.patches.multiprocessing import family
from meshsim.kernel.task import Killed

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.graph import ServiceSpec
    from meshsim.kernel.host import Host
    from meshsim.kernel.process import Process
    from meshsim.kernel.task import Task

# What a service sees of the runner's environment: what programs need to start, and nothing that differs in
# each shell.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "VIRTUAL_ENV")
NANOSECONDS = 1_000_000_000
LIMIT_NS = 30 * NANOSECONDS
LOOK_EVERY_NS = 1_000_000


class Service:
    """One service of a world: its spec, its adapter and its hosts.

    Args:
        world: the world it lives in.
        spec: what the scenario says of it.
        adapter: boots it (`services/adapter.py`).
    """

    def __init__(self, world: Any, spec: ServiceSpec, adapter: Any) -> None:
        self.world = world
        self.spec = spec
        self.adapter = adapter
        self.hosts: list[Host] = []
        self.failures: dict[str, str] = {}

    @property
    def port(self) -> int | None:
        """The port that the service listens on, if it has one."""
        port = self.spec.port or self.adapter.default_port
        return None if port is None else int(port)

    @property
    def stays(self) -> bool:
        """Whether a host has to be there to be up, as one that listens or that its adapter looks at."""
        return self.port is not None or hasattr(self.adapter, "is_ready")

    def add_hosts(self) -> None:
        """Add the service's machines to the world, and their names to the network."""
        names = self.world.fabric.names
        for number in range(self.spec.replicas):
            host = self.world.add_host(f"{self.spec.name}/{number}", self.spec.name, self.port)
            self.hosts.append(host)
        for alias in self.spec.aliases:
            names.alias(alias, self.spec.name)

    def start(self, host: Host) -> Process:
        """Boot one host: a new process with its own environment, modules and main task."""
        world, spec = self.world, self.spec
        kernel = world.kernel
        process: Process = kernel.boot(host)
        process.environ = environment(spec.env)
        if spec.path:
            process.cwd = str(spec.path)
        process.argv = [str(spec.target or spec.name), *spec.args]
        if spec.path and getattr(spec.target, "value", None) is None:
            world.simulation.give_modules(process, [str(spec.path)], spec.isolate or None)
        self.failures.pop(host.name, None)
        main = kernel.spawn(process, self._main, host, process, name="MainThread")
        main.done_callbacks.append(lambda task: self._ended(host, process, task))
        world.recorder.event("boot", host.name, f"boot {host.boots}" if host.boots > 1 else "boot")
        return process

    def _main(self, host: Host, process: Process) -> None:
        main_thread.become_main_thread()
        code = 0
        try:
            self.adapter.boot(self.world, host, self.spec)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
        except Killed:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a service dies of is reported as its death
            self.failures[host.name] = "".join(traceback.format_exception(error))
            self.world.unhandled(process, "main", error)
            code = 1
        process.exit_code = self._finish(process, code)

    def _finish(self, process: Process, code: int) -> int:
        """End the process as the interpreter does: threads, then exit functions; SIGTERM may come in between."""
        try:
            ending.join_threads(process)
            family.end_process(process)
            surroundings.run_exit_functions()
        except SystemExit as error:
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        return code

    def _ended(self, host: Host, process: Process, task: Task) -> None:
        if process.dead:
            return
        code = process.exit_code or 0
        self.world.recorder.event("exit", host.name, f"process ended with code {code}")
        # On the task's own last breath: the others are told by the hub.
        self.world.kernel.call_at(self.world.kernel.now, self.world.kernel.kill, process, code)
        if self.spec.restart_ns is not None and task.error is None:
            self.restart_later(host)

    def restart_later(self, host: Host) -> None:
        """Boot the host again after the supervisor's delay."""
        kernel = self.world.kernel
        delay = self.spec.restart_ns or 0
        kernel.call_at(kernel.now + delay, self.restart, host)

    def restart(self, host: Host) -> None:
        """Boot the host unless it lives; on the hub this only starts the main task."""
        if not host.alive:
            self.start(host)
            self.world.recorder.event("restart", host.name, "RESTART")

    def ready(self, host: Host) -> bool:
        """Whether a host is up: it listens where it should, or has no port and waits for something."""
        process = host.process
        if host.name in self.failures:
            return False
        if process is None:
            # A program that ended well has done what it was there for.
            return not self.stays and host.boots > 0
        main = process.main
        if self.port is not None and getattr(self.adapter, "listens", True):
            return self.port in host.listeners
        is_ready: Callable[[Any, Host], bool] | None = getattr(self.adapter, "is_ready", None)
        if is_ready is not None:
            return is_ready(self.world, host)
        # It has parked once: whatever it does first, it is doing it.
        return main is not None and (main.token > 0 or main.done)


def environment(variables: dict[str, str] | Any) -> dict[bytes, bytes]:
    """Return a process's environment as `os.environ` keeps it."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {
        os.fsencode(name): os.fsencode(str(value))
        for name, value in {**kept, "TZ": "UTC", **dict(variables)}.items()
    }


def wait_until_up(world: Any, services: list[Service]) -> None:
    """Park the driver until every host is up.

    Raises:
        BootError: a host did not come up; with the service, the host and its own traceback.
    """
    kernel = world.kernel
    deadline = kernel.now + LIMIT_NS
    waiting = [(service, host) for service in services for host in service.hosts]
    while waiting:
        for service, host in waiting:
            failure = service.failures.get(host.name)
            if failure is not None:
                msg = f"service {service.spec.name!r} did not boot on host {host.name}:\n{failure}"
                raise BootError(msg)
        waiting = [(service, host) for service, host in waiting if not service.ready(host)]
        if not waiting:
            return
        if kernel.now >= deadline:
            raise BootError(_too_late(waiting))
        kernel.sleep(LOOK_EVERY_NS)
        for service, host in waiting:
            if host.process is None and host.name not in service.failures and service.stays:
                msg = f"service {service.spec.name!r} ended on host {host.name} before it was up"
                raise BootError(msg)


def _too_late(waiting: list[tuple[Service, Host]]) -> str:
    lines = []
    for service, host in waiting:
        port = f" does not listen on port {service.port}" if service.port else " is not up"
        lines.append(
            f"service {service.spec.name!r} on host {host.name}{port} after {LIMIT_NS // NANOSECONDS}s of its time"
        )
    return "\n".join(lines)
