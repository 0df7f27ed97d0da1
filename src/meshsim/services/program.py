"""The adapter of programs: a function that blocks or is asynchronous, a module or a script."""

from __future__ import annotations

import asyncio
import builtins
import importlib.util
import inspect
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError
from meshsim.kernel.patches.process import become_main
from meshsim.services.loading import load_target

if TYPE_CHECKING:
    from types import CodeType

    from meshsim.errors import Mistake
    from meshsim.graph import ServiceSpec
    from meshsim.kernel.host import Host
    from meshsim.kernel.process import Process


class PythonAdapter:
    """Boots anything that runs until it ends."""

    word = "python"
    default_port = None

    def validate(self, spec: ServiceSpec) -> list[Mistake]:  # noqa: ARG002 - it has no options of its own
        """Return no mistakes."""
        return []

    def boot(self, world: Any, host: Host, spec: ServiceSpec) -> None:  # noqa: ARG002 - every adapter is given it
        """Call the function, or run the module or the script as `python -m` and `python` do."""
        target, process = spec.target, host.process
        if process is None:
            return
        if target is not None and target.script is not None:
            source = Path(target.script)
            run(process, compile(source.read_bytes(), str(source), "exec"), str(source), None)
        elif (
            target is not None
            and target.value is None
            and target.attribute is None
            and target.module is not None
        ):
            run_module(process, target.module)
        else:
            function = load_target(spec)
            result = function()
            if inspect.iscoroutine(result):
                asyncio.run(result)


def run_module(process: Process, name: str) -> None:
    """Run a module as `python -m` does: a package's `__main__`, if it is one.

    Raises:
        UsageError: there is no such module, or it has no code.
    """
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
    get_code = getattr(spec.loader, "get_code", None) if spec is not None else None
    code = get_code(spec.name) if spec is not None and get_code is not None else None
    if spec is None or code is None:
        msg = f"{name!r} cannot be run as a program: there is no such module, or it has no `__main__`"
        raise UsageError(msg)
    run(process, code, spec.origin, spec)


def run(process: Process, code: CodeType, file: str | None, spec: Any) -> None:
    """Run a program's code as `__main__` of a process.

    It is `sys.modules["__main__"]` while the process runs, as pickle and `multiprocessing` want it; any other time
    that name is the test runner's.
    """
    module = ModuleType("__main__")
    space = vars(module)
    space["__file__"] = file
    space["__spec__"] = spec
    space["__package__"] = spec.parent if spec is not None else None
    private = process.modules
    space["__builtins__"] = builtins if private is None else private.builtins
    process.tables["app"] = module
    become_main(module)
    exec(code, space)  # noqa: S102 - running the user's program is what this is for


ADAPTER = PythonAdapter()
