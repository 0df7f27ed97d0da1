"""Which process of `multiprocessing` runs: the current one, its parent, its children, and what it does at its end."""

from __future__ import annotations

from multiprocessing import process, util
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary as WeakTable

from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.patches.threading import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsim.kernel.process import Process

_module: Any = process
_util: Any = util
real_counter = _module._process_counter
real_exit_function = _util._exit_function
real_finalize = util.Finalize.__call__


class Family:
    """Whom `multiprocessing` calls the current process of a child, and its parent.

    Args:
        current: the child's own copy of the `Process` that was started.
        parent: what `parent_process()` gives in it.
    """

    def __init__(self, current: Any, parent: Any) -> None:
        self.current = current
        self.parent = parent


class _MainProcess(process.BaseProcess):
    """The main process of everybody in a world; the real one may be a child, where the runner itself is one."""

    def __init__(self) -> None:
        self._identity: tuple[int, ...] = ()
        self._name = "MainProcess"
        self._parent_pid = None
        self._popen = None
        self._closed = False
        # The real key is drawn when the module is imported.
        key = _module.AuthenticationString(b"meshsim".ljust(32))
        self._config: dict[str, Any] = {"authkey": key, "semprefix": "/mp"}

    def close(self) -> None:
        """Do nothing, as the real one."""


MAIN = Family(_MainProcess(), None)
# Whose is in place; None is MAIN.
now: Family | None = None


class Children:
    """The living children of a process, oldest first: the real set has the order of addresses."""

    def __init__(self) -> None:
        self._kept: dict[Any, None] = {}

    def add(self, child: Any) -> None:
        """Add a child."""
        self._kept[child] = None

    def discard(self, child: Any) -> None:
        """Remove a child, if it is there."""
        self._kept.pop(child, None)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._kept))

    def __len__(self) -> int:
        return len(self._kept)


class Numbers:
    """Counts the processes that each process makes: Process-1, Process-2, ... in every one of them."""

    def __next__(self) -> int:
        task = state.current()
        return next(real_counter) if task is None else task.process.count("multiprocessing")


def end_family() -> None:
    """Do what `multiprocessing` does when a process ends in order; the replacement of `util._exit_function`.

    Finalizers run, daemons among the children are terminated, the others are joined.
    """
    task = state.current()
    if task is None:
        real_exit_function()
        return
    tables = task.process.tables
    if tables.get("multiprocessing ended"):
        return
    tables["multiprocessing ended"] = True
    _util._run_finalizers(0)
    children: Any = process.active_children()
    for child in children:
        if child.daemon:
            child._popen.terminate()
    for child in process.active_children():
        child.join()
    _util._run_finalizers()


def end_process(ending: Process) -> None:
    """Do the same for a process that has used `multiprocessing`, at the end of its program."""
    if ending.tables.get(CHILDREN) or ending.tables.get(FINALIZERS):
        end_family()


def finalize(self: Any, wr: Any = None, **_: Any) -> Any:
    """Call a finalizer from the registry of the process that made it; the replacement of `Finalize.__call__`."""
    return real_finalize(self, wr, _finalizer_registry=_util._finalizer_registry, getpid=_util.os.getpid)


CHILDREN = "multiprocessing children"
FINALIZERS = "multiprocessing finalizers"


def enter(family: Family | None) -> None:
    """Exchange the family when the process changes; None is that of whoever nobody started."""
    global now  # noqa: PLW0603 - the one that runs
    now = family
    found = family or MAIN
    _module._current_process = found.current
    _module._parent_process = found.parent


def patches() -> list[Patch]:
    """Return the patches of `multiprocessing.process` and `multiprocessing.util`."""
    after_fork = _util._afterfork_registry
    return [
        Patch(_module, "_current_process", MAIN.current),
        Patch(_module, "_parent_process", None),
        Patch(_module, "_children", Table(CHILDREN, _module._children, Children)),
        Patch(_module, "_process_counter", Numbers()),
        Patch(_util, "_finalizer_registry", Table(FINALIZERS, _util._finalizer_registry, dict)),
        Patch(_util, "_afterfork_registry", Table("multiprocessing after fork", after_fork, WeakTable)),
        Patch(util.Finalize, "__call__", finalize),
        Patch(_util, "_exit_function", end_family),
    ]
