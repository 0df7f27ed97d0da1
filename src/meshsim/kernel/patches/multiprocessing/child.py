"""What runs in a child: it unpacks the `Process`, runs it, and ends as a real child does."""

from __future__ import annotations

import importlib
import select
import sys
import traceback
import types
from multiprocessing import context, popen_fork, process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshsim.kernel import descriptors, state
from meshsim.kernel.patches import ending
from meshsim.kernel.patches import process as surroundings
from meshsim.kernel.patches.multiprocessing import family
from meshsim.kernel.patches.threading import become_main_thread
from meshsim.kernel.task import Killed

if TYPE_CHECKING:
    from meshsim.kernel.patches.multiprocessing.crossing import Luggage
    from meshsim.kernel.process import Process

# From 3.13 on a forked child runs what it has registered with `atexit` (gh-83856).
FORKS_RUN_ATEXIT = hasattr(popen_fork, "atexit")
START_METHOD = "multiprocessing start method"


class Sentinel(descriptors.File):
    """Is ready when a process has ended."""

    __slots__ = ("_process",)

    def __init__(self, watched: Process) -> None:
        super().__init__()
        self._process = watched
        watched.at_death.append(self.changed)

    def poll(self) -> int:
        """Return whether the process has ended."""
        return select.POLLIN if self._process.dead else 0

    def release(self) -> None:
        """Do nothing: who closes it may not wait for the process any more, which lives on."""


def run_child(luggage: Luggage, method: str, parent_sentinel: Sentinel) -> None:
    """Be the main task of a child."""
    become_main_thread()
    task = state.task
    if task is None:
        return
    child = task.process
    try:
        if child.parent is not None and child.parent.main_module is not None:
            surroundings.become_main(_main_module(child.parent.main_module, method))
        process_obj, states, handlers = luggage.unpack()
        for name, found in states.items():
            vars(importlib.import_module(name)).update(found)
        child.signal_handlers.update(handlers)
        parent = _parent_process(process_obj, descriptors.of(child).add(parent_sentinel))
        child.family = family.Family(process_obj, parent)
        family.enter(child.family)
        if process_obj._start_method is not None:
            child.tables[START_METHOD] = context._concrete_contexts[process_obj._start_method]  # type: ignore[attr-defined]
    except Killed:
        raise
    except BaseException as error:  # noqa: BLE001 - what a child cannot be made of ends it
        child.exit_code = 1
        _report(child, "a child", error)
        return
    child.exit_code = _run(child, process_obj)
    if method != "fork" or FORKS_RUN_ATEXIT:
        surroundings.run_exit_functions()


def _parent_process(process_obj: Any, sentinel: int) -> Any:
    return process._ParentProcess(process_obj._parent_name, process_obj._parent_pid, sentinel)  # type: ignore[attr-defined]


def _run(child: Process, process_obj: Any) -> int:
    """Run the user's code as `BaseProcess._bootstrap` does, without closing the runner's standard streams."""
    code = 1
    try:
        try:
            process_obj.run()
            code = 0
        finally:
            if state.task is not None and not state.task.killed:
                family.end_family()
    except Killed:
        raise
    except SystemExit as error:
        code = 0 if error.code is None else error.code if isinstance(error.code, int) else 1
        if not isinstance(error.code, int | None):
            sys.stderr.write(f"{error.code}\n")
    except BaseException as error:  # noqa: BLE001 - as the real one, which prints it
        _report(child, process_obj.name, error)
    ending.join_threads(child)
    return code


def _report(child: Process, name: str, error: BaseException) -> None:
    """Print what ended a child, as the real one does, and tell the world."""
    sys.stderr.write(f"Process {name}:\n")
    traceback.print_exception(error)
    kernel = state.kernel
    if kernel is not None and kernel.on_unhandled is not None:
        kernel.on_unhandled(child, f"process {name}", error)


def _main_module(module: types.ModuleType, method: str) -> types.ModuleType:
    """Return a child's `__main__`: a copy after a fork; else the program's code, run under another name."""
    space = vars(module)
    made = types.ModuleType("__main__" if method == "fork" else "__mp_main__")
    if method == "fork":
        vars(made).update(space)
        for name, value in space.items():
            if isinstance(value, types.FunctionType) and value.__globals__ is space:
                vars(made)[name] = _moved(value, vars(made))
        return made
    vars(made).update({name: space[name] for name in ("__file__", "__spec__", "__package__", "__builtins__")})
    private = state.task.process.modules if state.task is not None else None
    if private is not None:
        vars(made)["__builtins__"] = private.builtins
    spec = made.__spec__
    if spec is not None and (spec.name == "__main__" or spec.name.endswith(".__main__")):
        return made
    sys.modules["__mp_main__"] = sys.modules["__main__"] = made
    exec(_code_of(made), vars(made))  # noqa: S102 - running the user's program is what this is for
    return made


def _code_of(made: types.ModuleType) -> types.CodeType:
    spec: Any = made.__spec__
    if spec is not None:
        code: types.CodeType = spec.loader.get_code(spec.name)
        return code
    path = Path(str(made.__file__))
    return compile(path.read_bytes(), str(path), "exec")


def _moved(function: types.FunctionType, space: dict[str, Any]) -> types.FunctionType:
    made = types.FunctionType(
        function.__code__, space, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    made.__qualname__, made.__doc__, made.__module__ = function.__qualname__, function.__doc__, "__main__"
    vars(made).update(vars(function))
    return made
