"""A process of a host: its tasks, and everything that a Unix process has of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from meshsim.kernel.host import Host
    from meshsim.kernel.task import Task

FIRST_PID = 1000
# High enough to look like a pthread's address, and out of the way of the real ones.
IDENT_BASE = 0x7F00_0000_0000


class Process:
    """A process of a host: the one that it boots, or a child of that.

    Attributes:
        pid: what `os.getpid()` gives inside it.
        environ: its environment variables, as the bytes that `os.environ` keeps.
        cwd: its working directory, or None for that of the runner.
        argv: its `sys.argv`, or None for that of the runner.
        modules: the space of its private modules, or None.
        main_module: its `__main__`, or None for that of the runner.
        random: where its unseeded randomness comes from.
        label: the name of that stream.
        parent: the process that started it with `multiprocessing`; None for the host's first one.
        children: those that it started, oldest first.
        family: whom `multiprocessing` calls the current process and its parent in it; None is the main process.
        exit_code: None while it lives; negative for a signal, as `subprocess` has it.
    """

    def __init__(
        self, host: Host, pid: int, stream: random.Random, label: str, parent: Process | None = None
    ) -> None:
        self.host = host
        self.pid = pid
        self.random = stream
        self.label = label
        self.parent = parent
        self.children: list[Process] = []
        self.family: Any = None
        self.environ: dict[bytes, bytes] = {}
        self.cwd: str | None = None
        self.argv: list[str] | None = None
        self.modules: Any = None
        self.main_module: ModuleType | None = None
        self.main: Task | None = None
        self.tasks: dict[int, Task] = {}
        self.dead = False
        self.exit_code: int | None = None
        self.signal_handlers: dict[int, Any] = {}
        self.alarms: dict[str, Any] = {}
        self.wakeup_fd: Callable[[int], None] | None = None
        self.at_death: list[Callable[[], None]] = []
        self.tables: dict[Any, Any] = {}
        self.module_locks: dict[Any, Any] = {}
        self.counters: dict[str, int] = {}
        self._threads = 0

    def next_ident(self) -> int:
        """Return the identity of the next thread of this process: serial, so equal in every run."""
        self._threads += 1
        return IDENT_BASE + (self.pid << 24) + self._threads * 0x100

    def count(self, what: str) -> int:
        """Return 1, 2, 3, ... for each `what`: serial numbers that belong to this process alone."""
        value = self.counters.get(what, 0) + 1
        self.counters[what] = value
        return value

    def living_tasks(self) -> Iterator[Task]:
        """Give the tasks that have not ended, oldest first."""
        return iter([task for task in self.tasks.values() if not task.done])

    def descendants(self) -> Iterator[Process]:
        """Give its children, their children and so on."""
        for child in self.children:
            yield child
            yield from child.descendants()

    def __repr__(self) -> str:
        return f"<Process {self.host.name} pid={self.pid}>"
