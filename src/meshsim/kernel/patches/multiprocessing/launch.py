"""Starts a child: a new process of the parent's host, with modules, signals, threads and descriptors of its own.

What a forked child has of its parent: environment, directory, arguments, the ends of pipes, signal handlers, the
plain data and the queues, locks and pipes in the globals of its private modules, and whatever crosses with the
`Process` object. Its private modules themselves are imported again, so that no two processes share one; modules that
are not private are the whole world's anyway. A script's `__main__` is copied and not run again: a fork needs no
`if __name__ == "__main__"`. Classes that it defines are the parent's own.
"""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing import context
from typing import TYPE_CHECKING, Any

from meshsim.kernel import descriptors, state
from meshsim.kernel.lock import nanoseconds
from meshsim.kernel.patches import process as surroundings
from meshsim.kernel.patches import signals
from meshsim.kernel.patches.modules import ModuleSpace
from meshsim.kernel.patches.multiprocessing import crossing, pipes
from meshsim.kernel.patches.multiprocessing.child import START_METHOD, Sentinel, run_child
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.scheduler import Kernel
    from meshsim.kernel.task import Task

PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset)


class DupFd:
    """A descriptor on its way to a child, as `multiprocessing.reduction` wants it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def detach(self) -> int:
        """Return the number that it has in the child."""
        return self.fd


class Popen:
    """A child that was started, as its parent sees it; stands for `multiprocessing.popen_fork.Popen` and its like.

    Args:
        process_obj: the user's `Process`.
        method: `fork`, `spawn` or `forkserver`.
    """

    DupFd = DupFd

    def __init__(self, process_obj: Any, method: str) -> None:
        kernel, task = _here()
        self.method = method
        self._parent = parent = task.process
        self._child = child = _child(kernel, parent)
        self.pid = child.pid
        self._inherited: dict[int, int] = {}
        try:
            _inherit(parent, child)
            if method == "fork":
                self._inherit_pipes()
            luggage = self._pack(process_obj)
        except BaseException:
            kernel.kill(child, 1)
            raise
        self._file = Sentinel(child)
        self.sentinel = descriptors.of(parent).add(self._file)
        main = kernel.spawn(child, run_child, luggage, method, Sentinel(parent), name="MainThread")
        main.done_callbacks.append(self._ended)
        child.at_death.append(lambda: _tell(kernel, parent))

    def _ended(self, _: Task) -> None:
        # On the main task's own last breath: the others are told by the hub.
        kernel, _task = _here()
        kernel.call_at(kernel.now, kernel.kill, self._child, self._child.exit_code or 0)

    def _inherit_pipes(self) -> None:
        for fd, file in list(descriptors.of(self._parent).files.items()):
            if isinstance(file, pipes.End):
                self._inherited[fd] = pipes.add(self._child, file)

    def _pack(self, process_obj: Any) -> crossing.Luggage:
        parent, forks = self._parent, self.method == "fork"
        found: Any = (
            process_obj,
            _states(parent) if forks else {},
            dict(parent.signal_handlers) if forks else {},
        )
        context.set_spawning_popen(self)  # type: ignore[arg-type]  # ours stands for theirs
        try:
            return crossing.pack(found, self.method)
        finally:
            context.set_spawning_popen(None)

    def duplicate_for_child(self, fd: int) -> int:
        """Give the child a descriptor; returns its number there."""
        file = descriptors.find(fd)
        if file is None:
            return fd
        inherited = self._inherited.get(fd)
        if inherited is not None:
            return inherited
        if isinstance(file, pipes.End):
            return pipes.add(self._child, file)
        return descriptors.of(self._child).add(file)

    def poll(self, flag: int = os.WNOHANG) -> int | None:  # noqa: ARG002 - as the real one
        """Return the exit code, or None while the child lives."""
        return self._child.exit_code if self._child.dead else None

    def wait(self, timeout: float | None = None) -> int | None:
        """Park until the child has ended, or for a timeout; returns what `poll` does."""
        kernel, _ = _here()
        deadline = None if timeout is None else kernel.now + nanoseconds(max(0.0, timeout))
        while not self._child.dead:
            if not self._file.wait(deadline):
                break
        return self.poll()

    def terminate(self) -> None:
        """Send SIGTERM."""
        signals.deliver(self._child, int(signal.SIGTERM))

    def kill(self) -> None:
        """End it at once."""
        kernel, _ = _here()
        kernel.kill(self._child, -int(signal.SIGKILL))

    def interrupt(self) -> None:
        """Send SIGINT."""
        signals.deliver(self._child, int(signal.SIGINT))

    def close(self) -> None:
        """Forget the sentinel."""
        table = descriptors.owner(self.sentinel)
        if table is not None and table.files.get(self.sentinel) is self._file:
            table.close(self.sentinel)


def _here() -> tuple[Kernel, Task]:
    kernel, task = state.kernel, state.current()
    if kernel is None or task is None:
        msg = "this child was started in a world that is closed"
        raise ValueError(msg)
    return kernel, task


def _child(kernel: Kernel, parent: Process) -> Process:
    kernel._pid += 1
    label = f"{parent.label}.{parent.count('child')}"
    child = Process(parent.host, kernel._pid, kernel.streams.get(label), label, parent)
    if parent.parent is None and not parent.children:
        parent.at_death.append(lambda: _take_along(kernel, parent))
    parent.children.append(child)
    kernel.processes.append(child)
    return child


def _take_along(kernel: Kernel, first: Process) -> None:
    """Kill all that a host's first process and its children started, as a container's end does.

    The children of any other process live on when it ends (pid_namespaces(7)). The hub does it, because the
    caller may be a task of a child; it comes before any task's next step.
    """
    for child in first.descendants():
        kernel.call_at(kernel.now, kernel.kill, child, -int(signal.SIGKILL))


def _tell(kernel: Kernel, parent: Process) -> None:
    """Send SIGCHLD to a parent, if it wants to know."""
    if not parent.dead and callable(parent.signal_handlers.get(int(signal.SIGCHLD))):
        kernel.call_at(kernel.now, signals.deliver, parent, int(signal.SIGCHLD))


def _inherit(parent: Process, child: Process) -> None:
    child.environ = dict(surroundings.real_environment() if parent is _home() else parent.environ)
    child.cwd = parent.cwd
    child.argv = [*sys.argv]
    child.tables["app"] = parent.tables.get("app")
    method = parent.tables.get(START_METHOD)
    if method is not None:
        child.tables[START_METHOD] = method
    space = parent.modules
    if space is not None:
        child.modules = ModuleSpace(child, space.path, space.packages)
        child.modules.sys_path = [*space.sys_path]


def _home() -> Process | None:
    return None if state.kernel is None else state.kernel.home


def _states(parent: Process) -> dict[str, dict[str, Any]]:
    """Return the globals of a parent's private modules that a forked child gets."""
    modules = dict(parent.modules.modules) if parent.modules is not None else {}
    found = {name: sys.modules.get(name) for name in modules}
    if parent.main_module is not None:
        found["__main__"] = parent.main_module
    return {
        name: {key: value for key, value in vars(module).items() if _is_carried(key, value)}
        for name, module in found.items()
        if module is not None
    }


def _is_carried(name: str, value: Any) -> bool:
    kind = type(value)
    return not name.startswith("__") and (kind in PLAIN or kind.__module__.startswith("multiprocessing."))


# -- where `multiprocessing` starts children --------------------------------------------------------------

_KINDS = {
    "fork": context.ForkProcess,
    "spawn": context.SpawnProcess,
    "forkserver": context.ForkServerProcess,
}


def _starter(method: str) -> Any:
    real: Callable[[Any], Any] = _KINDS[method]._Popen  # type: ignore[attr-defined]

    def start(process_obj: Any) -> Any:
        return real(process_obj) if state.current() is None else Popen(process_obj, method)

    start.__doc__ = f"Start a child by {method}, simulated for a task."
    return staticmethod(start)


def _get_method(self: Any) -> Any:
    task = state.current()
    if task is None:
        return vars(self)["_actual_context"]
    return task.process.tables.get(START_METHOD)


def _set_method(self: Any, value: Any) -> None:
    task = state.current()
    if task is None:
        vars(self)["_actual_context"] = value
    else:
        task.process.tables[START_METHOD] = value


def patches() -> list[Patch]:
    """Return the patches of `multiprocessing.context`."""
    kinds = {method: _starter(method) for method in _KINDS}
    return [
        *[Patch(kind, "_Popen", kinds[method]) for method, kind in _KINDS.items()],
        # Each process chooses its start method once, not the whole world.
        Patch(context.DefaultContext, "_actual_context", property(_get_method, _set_method)),
    ]


__all__ = ["Popen", "patches"]
