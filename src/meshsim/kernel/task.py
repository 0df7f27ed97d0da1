"""One flow of a process: what a thread is to the operating system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.process import Process

NEW: Final = 0
READY: Final = 1
RUNNING: Final = 2
PARKED: Final = 3
DONE: Final = 4

# How often a dead task may block again while its `finally` clauses run; after that it is a zombie.
RAISES_BEFORE_ZOMBIE: Final = 3


class Killed(BaseException):
    """Thrown into each task of a process that crashed; private, so that no service can name it."""


class Task:
    """One flow of a process, pinned to it for its life.

    Attributes:
        serial: the number of the task in its world; hashes and names are made of it, never of an address.
        ident: what `threading.get_ident()` gives inside the task.
        wait: what the task waits for while it is parked, for reports.
    """

    __slots__ = (
        "args",
        "carrier",
        "daemon",
        "deaths",
        "done_callbacks",
        "error",
        "function",
        "ident",
        "killed",
        "local_slots",
        "name",
        "process",
        "result_value",
        "serial",
        "signals",
        "state",
        "token",
        "wait",
        "woken",
        "zero_waits",
    )

    def __init__(  # noqa: PLR0917 - the record of a task has this many parts
        self,
        serial: int,
        process: Process,
        ident: int,
        name: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        self.serial = serial
        self.process = process
        self.ident = ident
        self.name = name
        self.function = function
        self.args = args
        self.state = NEW
        self.token = 0
        self.woken = False
        self.wait: object = ""
        self.zero_waits = 0
        self.killed = False
        self.deaths = 0
        self.signals: list[Callable[[], None]] = []
        self.carrier: Any = None
        self.local_slots: tuple[int | None, ...] | None = None
        self.daemon = True
        self.result_value: Any = None
        self.error: BaseException | None = None
        self.done_callbacks: list[Callable[[Task], None]] = []

    @property
    def host(self) -> str:
        """The name of the host that the task lives on."""
        return self.process.host.name

    @property
    def done(self) -> bool:
        """Whether the task has ended."""
        return self.state == DONE

    def __hash__(self) -> int:
        return self.serial

    def __repr__(self) -> str:
        return f"<Task {self.process.host.name} {self.name}>"
