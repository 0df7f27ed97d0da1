"""What a Unix process has of its own: environment, directory, pid, host name, the way it ends."""

from __future__ import annotations

import atexit
import os
import platform
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from meshsim.kernel import state
from meshsim.kernel.patches.multiprocessing import family
from meshsim.kernel.patches.patch import Patch, existing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from meshsim.kernel.process import Process
    from meshsim.kernel.task import Task

real_chdir = os.chdir
real_getcwd = os.getcwd
real_getpid = os.getpid
real_getppid = os.getppid
real_exit = os._exit
real_abort = os.abort
real_uname = os.uname
real_gethostname = socket.gethostname
real_getfqdn = socket.getfqdn
real_node = platform.node
real_platform_uname = platform.uname
real_register = atexit.register
real_unregister = atexit.unregister
real_putenv = os.putenv
real_unsetenv = os.unsetenv

PARENT_PID = 1
# The second is what `multiprocessing` calls the first one in a child that was spawned.
MAIN_NAMES = ("__main__", "__mp_main__")


def _service_task() -> Task | None:
    task = state.current()
    if task is None or state.kernel is None or task.process is state.kernel.home:
        return None
    return task


class Environment:
    """Stands where `os.environ` keeps its data: the calling host's variables, or the real ones."""

    def __init__(self, real: dict[bytes, bytes]) -> None:
        self.real = real

    def now(self) -> dict[bytes, bytes]:
        """Return the variables of whoever asks."""
        task = _service_task()
        return self.real if task is None else task.process.environ

    def __getitem__(self, key: bytes) -> bytes:
        return self.now()[key]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.now()[key] = value

    def __delitem__(self, key: bytes) -> None:
        del self.now()[key]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.now())

    def __len__(self) -> int:
        return len(self.now())

    def __contains__(self, key: object) -> bool:
        return key in self.now()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now(), name)


def putenv(name: Any, value: Any, /) -> None:
    """Leave C's environment alone when a host sets a variable."""
    if _service_task() is None:
        real_putenv(name, value)


def unsetenv(name: Any, /) -> None:
    """Leave C's environment alone when a host deletes a variable."""
    if _service_task() is None:
        real_unsetenv(name)


def getpid() -> int:
    """Return the simulated process's number."""
    task = _service_task()
    return real_getpid() if task is None else task.process.pid


def getppid() -> int:
    """Return the parent's number; 1 for a host's first process, which is its container's first."""
    task = _service_task()
    if task is None:
        return real_getppid()
    parent = task.process.parent
    if parent is None or parent.dead:
        return PARENT_PID
    return real_getpid() if state.kernel is not None and parent is state.kernel.home else parent.pid


def host_name(process: Process) -> str:
    """Return a name that is legal in DNS: `storefront-0` for `storefront/0`."""
    return process.host.name.replace("/", "-")


def gethostname() -> str:
    """Return the host's name; the replacement of `socket.gethostname`."""
    task = _service_task()
    return real_gethostname() if task is None else host_name(task.process)


def getfqdn(name: str = "") -> str:
    """Return the host's name, or the given one as it is."""
    task = _service_task()
    if task is None:
        return real_getfqdn(name)
    return name or host_name(task.process)


def node() -> str:
    """Return the host's name; the replacement of `platform.node`."""
    task = _service_task()
    return real_node() if task is None else host_name(task.process)


def uname() -> Any:
    """Return the real system with the host's name."""
    task = _service_task()
    real = real_uname()
    if task is None:
        return real
    return os.uname_result((real.sysname, host_name(task.process), real.release, real.version, real.machine))


def chdir(path: Any) -> None:
    """Change the working directory of the host."""
    real_chdir(path)
    task = _service_task()
    if task is not None:
        task.process.cwd = real_getcwd()


def exit_now(status: int) -> None:
    """End the host's process at once with a code; the replacement of `os._exit`."""
    task = _service_task()
    if task is None or state.kernel is None:
        real_exit(status)
        return
    state.kernel.kill(task.process, int(status))


def abort() -> None:
    """End the host's process by SIGABRT; the replacement of `os.abort`."""
    task = _service_task()
    if task is None or state.kernel is None:
        real_abort()
        return
    state.kernel.kill(task.process, -signal.SIGABRT)


def real_environment() -> dict[bytes, bytes]:
    """Return the runner's own variables, as the test sees them."""
    data: Any = os.environ._data  # type: ignore[attr-defined]
    return dict(data.real if isinstance(data, Environment) else data)


def become_main(module: ModuleType) -> None:
    """Let a module be the `__main__` of the calling task's process, which pickle looks into."""
    task = state.current()
    if task is not None:
        task.process.main_module = module
        for name in MAIN_NAMES:
            sys.modules[name] = module


class Surroundings:
    """What is exchanged when the running process changes: directory, arguments, `__main__`, family.

    Everything else is asked for through functions that know the caller, and costs nothing at a switch.
    """

    def __init__(self) -> None:
        self._cwd = real_getcwd()
        self._argv = sys.argv
        self._arguments = [*sys.argv]
        self._here = self._cwd
        self._mains = {name: sys.modules.get(name) for name in MAIN_NAMES}
        self._main: ModuleType | None = None

    def enter(self, old: Process | None, new: Process) -> None:
        """Exchange what differs between two processes."""
        if old is not None and old.argv is not None:
            old.argv = sys.argv
        sys.argv = self._argv if new.argv is None else new.argv
        cwd = new.cwd or self._cwd
        # The old one may have changed it.
        if cwd != (self._here if old is None else old.cwd or self._cwd):
            real_chdir(cwd)
        self._here = cwd
        if new.main_module is not self._main or (old is not None and old.main_module is not self._main):
            self._exchange_main(new.main_module)
        if new.family is not family.now:
            family.enter(new.family)

    def _exchange_main(self, module: ModuleType | None) -> None:
        self._main = module
        for name, real in self._mains.items():
            found = real if module is None else module
            if found is not None:
                sys.modules[name] = found
            else:
                sys.modules.pop(name, None)

    def leave(self) -> None:
        """Give the runner its own back."""
        sys.argv = self._argv
        sys.argv[:] = self._arguments
        self._exchange_main(None)
        family.enter(None)
        if self._here != self._cwd or real_getcwd() != self._cwd:
            real_chdir(self._cwd)


def platform_uname() -> Any:
    """Return the real system with the host's name; `platform.uname` keeps its first answer for ever."""
    real = real_platform_uname()
    task = _service_task()
    if task is None:
        return real
    return platform.uname_result(
        real.system, host_name(task.process), real.release, real.version, real.machine
    )


ExitFunctions = list[tuple["Callable[..., Any]", tuple[Any, ...], dict[str, Any]]]


def _exit_functions(process: Process) -> ExitFunctions:
    found: ExitFunctions = process.tables.setdefault("atexit", [])
    return found


def register(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """Have a function called at the orderly end of the host's process; the replacement of `atexit.register`."""
    task = _service_task()
    if task is None:
        return real_register(func, *args, **kwargs)
    if not callable(func):
        msg = "the first argument must be callable"
        raise TypeError(msg)
    _exit_functions(task.process).append((func, args, kwargs))
    return func


def unregister(func: Callable[..., Any], /) -> None:
    """Take every registration of a function back."""
    task = _service_task()
    if task is None:
        real_unregister(func)
        return
    functions = _exit_functions(task.process)
    functions[:] = [entry for entry in functions if entry[0] != func]


def run_exit_functions() -> None:
    """Call what the calling task's process registered, last first; an error is noted, and the rest goes on."""
    task, kernel = _service_task(), state.kernel
    if task is None or kernel is None:
        return
    functions = _exit_functions(task.process)
    while functions:
        function, args, kwargs = functions.pop()
        try:
            function(*args, **kwargs)
        except SystemExit:
            continue
        except Exception as error:  # noqa: BLE001 - atexit prints it, and goes on
            if kernel.on_unhandled is not None:
                kernel.on_unhandled(task.process, "atexit", error)


def patches() -> list[Patch]:
    """Return the patches of this boundary."""
    environment = Environment(os.environ._data)  # type: ignore[attr-defined]
    return [
        Patch(os.environ, "_data", environment),
        Patch(os.environb, "_data", environment),
        *existing(
            atexit,
            {"register": register, "unregister": unregister, "_run_exitfuncs": run_exit_functions},
            rebind=True,
        ),
        *existing(os, {"putenv": putenv, "unsetenv": unsetenv}),
        *existing(
            os,
            {
                "getpid": getpid,
                "getppid": getppid,
                "uname": uname,
                "chdir": chdir,
                "_exit": exit_now,
                "abort": abort,
            },
            rebind=True,
        ),
        *existing(socket, {"gethostname": gethostname, "getfqdn": getfqdn}, rebind=True),
        *existing(platform, {"node": node, "uname": platform_uname}, rebind=True),
    ]
