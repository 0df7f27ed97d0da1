"""What a test holds of a host, and of a call that goes on in the background."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Self

from meshsim.errors import UsageError
from meshsim.kernel import state
from meshsim.kernel.patches import signals
from meshsim.kernel.task import Killed

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping

    from meshsim.kernel.host import Host
    from meshsim.kernel.task import Task
    from meshsim.mesh import Mesh

SIGTERM = 15
# How the tasks of calls that a test started are called.
STARTED = "started-"


class Started:
    """A call that runs on the host `test` while the test goes on.

    Args:
        world: the mesh.
        function: what to call, with `args` and `kwargs`.
    """

    def __init__(
        self, world: Mesh, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._world = world
        process = world.kernel.home
        self._task: Task = world.kernel.spawn(
            process, lambda: function(*args, **kwargs), name=f"{STARTED}{process.count('started')}"
        )
        self._task.done_callbacks.append(lambda _: world.kernel.wake(world.kernel.driver))

    @property
    def done(self) -> bool:
        """Whether the call has ended."""
        return self._task.done

    def result(self, timeout: str | float | None = None) -> Any:
        """Return what the call returned, letting virtual time pass until it ends.

        Args:
            timeout: how long to wait on virtual time; None waits for ever.

        Raises:
            TimeoutError: it did not end in time.
            Exception: what the call raised.
        """
        from meshsim.mesh import to_ns  # noqa: PLC0415 - the mesh imports its handles

        kernel = self._world.kernel
        deadline = None if timeout is None else kernel.now + to_ns(timeout)
        while not self._task.done:
            if not kernel.park(deadline) and not self._task.done:
                msg = f"{self._task.name} did not end within {timeout} of virtual time"
                raise TimeoutError(msg)
        if self._task.error is not None:
            raise self._task.error
        return self._task.result_value


class HostHandle:
    """A host, to break and to look into.

    Args:
        world: the mesh.
        name: `orders/0`; a service's name is enough where it has one host.

    Raises:
        UsageError: there is no such host.
    """

    def __init__(self, world: Mesh, name: str) -> None:
        self._world = world
        hosts = world.kernel.hosts
        found = hosts.get(name) or hosts.get(f"{name}/0")
        if found is None or (name not in hosts and f"{name}/1" in hosts):
            msg = f"no host {name!r}; the hosts are {', '.join(hosts)}"
            raise UsageError(msg)
        self.machine: Host = found
        self.name = found.name

    @property
    def alive(self) -> bool:
        """Whether a process lives on the host."""
        return self.machine.alive

    @property
    def env(self) -> Mapping[str, str]:
        """The environment variables of its process."""
        process = self.machine.process
        return (
            {}
            if process is None
            else {key.decode(): value.decode() for key, value in process.environ.items()}
        )

    @property
    def logs(self) -> list[logging.LogRecord]:
        """The log records that its processes made, oldest first."""
        return [record for host, record in self._world.logs if host == self.name]

    @property
    def app(self) -> Any:
        """The application object that its adapter serves."""
        process = self.machine.process
        return None if process is None else process.tables.get("app")

    def crash(self) -> None:
        """End its process at once, as SIGKILL does; a supervisor restarts it if the scenario says so."""
        process = self.machine.process
        if process is None:
            return
        self._world.recorder.event("crash", self.name, "CRASH")
        self._world.kernel.kill(process, -9)
        service = self._world.services.get(self.machine.service)
        if service is not None and service.spec.restart_ns is not None:
            service.restart_later(self.machine)

    def terminate(self) -> None:
        """Send SIGTERM; the service shuts down as it likes."""
        process = self.machine.process
        if process is not None:
            self._world.recorder.event("terminate", self.name, "SIGTERM")
            signals.deliver(process, SIGTERM)

    def restart(self) -> None:
        """Crash it if it lives, boot it again, and wait until it is up.

        A platform service comes back as its kind does: a Redis without its data, because nothing persists it.

        Raises:
            UnsupportedOperation: it is of a platform service that cannot be restarted.
        """
        world, machine = self._world, self.machine
        service = world.services.get(machine.service)
        process = machine.process
        if service is None:
            # First: a host that cannot come back is not crashed either.
            world.nemesis.restart_platform(machine)
        if process is not None:
            world.recorder.event("crash", self.name, "CRASH")
            world.kernel.kill(process, -9)
        if service is None:
            world.run_until(lambda: machine.alive, timeout="30s", every="1ms")
            world.recorder.event("restart", self.name, "RESTART")
            return
        service.restart(machine)
        world.run_until(lambda: service.ready(machine), timeout="30s", every="1ms")

    def pause(self) -> None:
        """Stop it, as SIGSTOP does."""
        self._world.recorder.event("pause", self.name, "PAUSE")
        self._world.kernel.pause(self.machine)

    def resume(self) -> None:
        """Let it go on."""
        self._world.recorder.event("resume", self.name, "RESUME")
        self._world.kernel.resume(self.machine)

    def module(self, name: str) -> Any:
        """Return the host's own copy of a module."""
        process = self.machine.process
        if process is None:
            msg = f"{self.name} is down; it has no modules"
            raise UsageError(msg)
        with self._world.simulation.modules.inside(process.modules or self._world.simulation.modules.now):
            return importlib.import_module(name)

    def patch(self, target: str, value: Any) -> Patched:
        """Set `module.attribute` in the host's own modules; also a context manager that takes it back."""
        module, _, attribute = target.rpartition(".")
        if not module:
            msg = f"{target!r} is not module.attribute, as shop.clients.LIMIT"
            raise UsageError(msg)
        return Patched(self._owner(module), attribute, value)

    def _owner(self, dotted: str) -> Any:
        """Return a module, or a class in one, by its dotted name."""
        parts = dotted.split(".")
        for count in range(len(parts), 0, -1):
            try:
                owner = self.module(".".join(parts[:count]))
            except ModuleNotFoundError:
                continue
            for part in parts[count:]:
                owner = getattr(owner, part)
            return owner
        msg = f"{self.name} has no module {dotted!r}"
        raise UsageError(msg)

    def __repr__(self) -> str:
        return f"<Host {self.name}>"


class Patched:
    """One attribute that is another one, until `undo()`."""

    def __init__(self, owner: Any, name: str, value: Any) -> None:
        self._owner = owner
        self._name = name
        self._before = getattr(owner, name)
        setattr(owner, name, value)

    def undo(self) -> None:
        """Put the old value back."""
        setattr(self._owner, self._name, self._before)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()


class OnHost:
    """`with mesh.on("storefront"):` the test's code runs as that host: its names, environment and modules.

    The test's flow changes its process for a while; what it starts belongs to that host, and dies with it.
    """

    def __init__(self, world: Mesh, host: Host) -> None:
        self._world = world
        self._host = host

    def __enter__(self) -> Host:
        task = state.task
        process = self._host.process
        if task is None or process is None:
            msg = f"{self._host.name} is down; nothing can run on it"
            raise UsageError(msg)
        self._before = task.process
        self._enter(process)
        return self._host

    def _enter(self, process: Any) -> None:
        kernel = self._world.kernel
        if state.task is not None:
            state.task.process = process
        if kernel.on_enter is not None:
            kernel.on_enter(kernel.active, process)
        kernel.active = process

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._enter(self._before)
        if kind is Killed:
            msg = f"{self._host.name} died while the test ran on it"
            raise UsageError(msg)


def hosts_of(world: Mesh, name: str) -> Iterator[Host]:
    """Give the hosts that a name means: one host, or every replica of a service."""
    for host in world.kernel.hosts.values():
        if name in (host.name, host.service):
            yield host
