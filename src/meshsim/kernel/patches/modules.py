"""Private modules: each process imports the packages of its service for itself.

A module space owns whole top-level packages. Its modules carry a `__builtins__` of their own, whose
`__import__` is bound to the space, so that a lazy import finds its owner's modules whoever runs it. In
`sys.modules` the names of a space are there only while its process runs; they are known by name, because
looking for them by prefix in 1,400 modules took 1.8 ms a switch.

Subinterpreters would be the language's own answer, but greenlet, grpc, pydantic_core and zmq refuse to load
in them.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import warnings
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from meshsim.kernel import state
from meshsim.kernel.patches.generated import Generated, is_generated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec

    from meshsim.kernel.process import Process

real_import = builtins.__import__
# Where the import locks live.
_bootstrap: Any = importlib._bootstrap

# Libraries that keep one registry a process, so that two replicas in one interpreter collide in it.
WITH_REGISTRIES: Final = frozenset(
    {
        "asgiref",
        "django",
        "grpc_channelz",
        "grpc_health",
        "grpc_reflection",
        "grpc_status",
        "prometheus_client",
    }
)


def packages_under(path: str) -> frozenset[str]:
    """Return the names of the top-level modules and packages that lie in a folder."""
    found = set()
    for entry in sorted(Path(path).iterdir()):
        if entry.suffix == ".py":
            found.add(entry.stem)
        elif entry.is_dir() and entry.name.isidentifier() and entry.name != "__pycache__":
            found.add(entry.name)
    return frozenset(found)


class ModuleSpace:
    """The private modules of one process.

    Args:
        process: whose, and where the bodies of its modules run.
        path: folders that are searched before everything else.
        packages: the top-level names that are private.

    Attributes:
        generated: what protobuf generated in shared packages, its own copies; None where nothing is private.
    """

    def __init__(self, process: Process, path: Sequence[str], packages: Iterable[str]) -> None:
        self.process = process
        self.owner = process.host.name
        self.path = [*path]
        self.packages = frozenset(packages)
        self.modules: dict[str, ModuleType | None] = {}
        self.sys_path: list[str] = [*path, *(entry for entry in sys.path if entry not in path)]
        self.locks: dict[Any, Any] = {}
        self.generated = Generated() if self.packages else None
        self.builtins: dict[str, Any] = dict(vars(builtins))
        self.builtins["__import__"] = self._import

    def _import(
        self,
        name: str,
        globals: Any = None,  # noqa: A002 - the signature of __import__
        locals: Any = None,  # noqa: A002 - the signature of __import__
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        if _current is None or _current.now is self:
            return real_import(name, globals, locals, fromlist, level)
        kernel, task, home = state.kernel, state.current(), self.process
        if (
            kernel is None
            or task is None
            or home.dead
            or home.host.paused
            or self._has(name, globals, fromlist, level)
        ):
            with _current.inside(self):
                return real_import(name, globals, locals, fromlist, level)
        # The body of a module runs where its owner lives: it reads the owner's environment, and may wait.
        done = kernel.spawn(home, real_import, name, globals, locals, fromlist, level, name="import")
        done.done_callbacks.append(lambda _: kernel.wake(task))
        task.wait = f"import of {name} on {self.owner}"
        while not done.done:
            kernel.park()
        if done.error is not None:
            raise done.error
        return done.result_value

    def _has(self, name: str, space: Any, fromlist: Any, level: int) -> bool:
        """Whether an import statement finds everything imported already."""
        if level:
            package = (space or {}).get("__package__") or ""
            name = ".".join(
                [*package.split(".")[: len(package.split(".")) + 1 - level], *([name] if name else [])]
            )
        module = self.modules.get(name) if self.owns(name) else sys.modules.get(name)
        if module is None or getattr(module.__spec__, "_initializing", False):
            return False
        return all(hasattr(module, item) for item in fromlist or ())

    def owns(self, name: str) -> bool:
        """Whether a module of that name is private here."""
        return name.partition(".")[0] in self.packages or (self.generated is not None and is_generated(name))

    def take_out(self, modules: dict[str, Any]) -> None:
        """Remove this space's names from `sys.modules`, keeping what they mean."""
        mine = self.modules
        for name in mine:
            mine[name] = modules.pop(name, None)
        if self.generated is not None:
            self.generated.leave(modules)

    def put_in(self, modules: dict[str, Any]) -> None:
        """Put this space's names into `sys.modules`."""
        if self.generated is not None:
            self.generated.enter(modules)
        modules.update({name: module for name, module in self.modules.items() if module is not None})


class _ImportLocks:
    """importlib's table of module locks: a private module's lock is its space's, all others' are shared.

    Two hosts that import the same private name must not wait for each other, and two hosts that import the
    same shared library must.
    """

    def __init__(self, modules: Modules, shared: dict[str, Any]) -> None:
        self._modules = modules
        self.shared = shared

    def _table(self, name: str) -> dict[str, Any]:
        space = self._modules.now
        return self.shared if space is None or not space.owns(name) else space.locks

    def __getitem__(self, name: str) -> Any:
        return self._table(name)[name]

    def __setitem__(self, name: str, lock: Any) -> None:
        self._table(name)[name] = lock

    def __delitem__(self, name: str) -> None:
        del self._table(name)[name]

    def get(self, name: str) -> Any:
        """Return a lock's reference, or None."""
        return self._table(name).get(name)


# What was compiled: path -> (time and size of the file, code). A world's packages are run again for each host and
# each world, and are compiled again as well where Python writes no bytecode.
_codes: dict[str, tuple[tuple[int, int], Any]] = {}


def _compiled(loader: Any, name: str) -> Any:
    """Return a module's code, compiled once a process; None when its loader is none that reads a file."""
    if type(loader) is not SourceFileLoader:
        return None
    found = Path(loader.path).stat()
    mark = (found.st_mtime_ns, found.st_size)
    known = _codes.get(loader.path)
    if known is None or known[0] != mark:
        known = _codes[loader.path] = (mark, loader.get_code(name))
    return known[1]


class _PrivateLoader:
    """Runs a module's body with the builtins of its space."""

    def __init__(self, loader: Any, space: ModuleSpace) -> None:
        self._loader = loader
        self._space = space

    def create_module(self, spec: ModuleSpec) -> Any:
        """Let the real loader create the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """Give the module its builtins, then run its body."""
        vars(module)["__builtins__"] = self._space.builtins
        code = _compiled(self._loader, module.__name__)
        if code is None:
            self._loader.exec_module(module)
        else:
            exec(code, vars(module))  # noqa: S102 - what every loader does

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class Modules:
    """Whose modules are in `sys.modules` now; also the finder that fills the spaces."""

    def __init__(self) -> None:
        self.now: ModuleSpace | None = None
        self._outside: dict[str, Any] = {}
        # Private package: a host that has it.
        self._owners: dict[str, str] = {}
        self._looked: set[str] = set()
        self._sys_path: list[str] = sys.path
        self._folders: list[str] = []
        self._locks: Any = _bootstrap._module_locks

    def enter(self) -> None:
        """Begin: private imports work from here on."""
        global _current  # noqa: PLW0603 - the one current world
        _current = self
        self._sys_path = sys.path
        self._folders = [*sys.path]
        self._locks = _bootstrap._module_locks
        _bootstrap._module_locks = _ImportLocks(self, self._locks)
        sys.meta_path.insert(0, self)

    def leave(self) -> None:
        """End: what was in `sys.modules` before is there again."""
        global _current  # noqa: PLW0603 - the one current world
        self.switch(None)
        # In place: a service that has no modules of its own may have changed the list itself.
        self._sys_path[:] = self._folders
        _current = None
        _bootstrap._module_locks = self._locks
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def hide(self, packages: frozenset[str], owner: str = "") -> None:
        """Keep copies that were imported outside of every space out of the spaces' way.

        Args:
            packages: the private ones.
            owner: a host that has them, to be told to a test that imports a copy.
        """
        for package in sorted(packages - WITH_REGISTRIES):
            self._owners.setdefault(package, owner)
        # A module is there with its package: no need to look through all of them.
        if packages.isdisjoint(sys.modules):
            return
        copies = (packages & sys.modules.keys()) - WITH_REGISTRIES - self._looked
        if owner and copies:
            self._looked |= copies
            self._warn_of_copies(copies)
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in packages and (self.now is None or name not in self.now.modules):
                self._outside[name] = module
                if self.now is not None:
                    del sys.modules[name]

    def switch(self, space: ModuleSpace | None) -> None:
        """Make a space the one whose names are in `sys.modules`; None is the runner's."""
        old = self.now
        if old is space:
            return
        modules = sys.modules
        if old is None:
            for name in self._outside:
                modules.pop(name, None)
        else:
            old.take_out(modules)
        self.now = space
        if space is None:
            modules.update(self._outside)
            sys.path = self._sys_path
        else:
            space.put_in(modules)
            sys.path = space.sys_path

    def _warn_of_copies(self, packages: frozenset[str]) -> None:
        """Warn of what tests have imported before the world was there: their globals say so."""
        for name, module in list(sys.modules.items()):
            if not _is_test(getattr(module, "__file__", None)):
                continue
            # A test may well lie in a package that is private to hosts; that is no import.
            foreign = packages - {name.partition(".")[0]}
            for value in list(vars(module).values()):
                found = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
                package = str(found).partition(".")[0]
                if package in foreign:
                    self._warn(package, stacklevel=3)

    def _warn(self, package: str, stacklevel: int) -> None:
        if package in _warned:
            return
        _warned.add(package)
        owner = self._owners[package]
        warnings.warn(
            f"the test imports {package!r}, which is private to its hosts: what it gets is another copy than that of "
            f'{owner}; take that one from mesh.host("{owner}").module("{package}")',
            stacklevel=stacklevel + 1,
        )

    def inside(self, space: ModuleSpace | None) -> _Inside:
        """Return a context in which a space is current."""
        return _Inside(self, space)

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """Find a private module for the space that is current."""
        space = self.now
        if space is None or not space.owns(name):
            if name in self._owners and _asked_by_a_test():
                self._warn(name, stacklevel=2)
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None:
            return None
        space.modules.setdefault(name, None)
        if spec.loader is not None:
            spec.loader = _PrivateLoader(spec.loader, space)  # type: ignore[assignment]
        return spec


class _Inside:
    def __init__(self, modules: Modules, space: ModuleSpace | None) -> None:
        self._modules = modules
        self._space = space
        self._before: ModuleSpace | None = None

    def __enter__(self) -> None:
        self._before = self._modules.now
        self._modules.switch(self._space)

    def __exit__(self, *_: object) -> None:
        self._modules.switch(self._before)


def _is_test(file: object) -> bool:
    name = file.rpartition("/")[2] if isinstance(file, str) else ""
    return name == "conftest.py" or (name.startswith("test_") and name.endswith(".py"))


def _asked_by_a_test() -> bool:
    """Whether the import statement that runs stands in a test, and runs as the test."""
    task, kernel = state.current(), state.kernel
    if task is None or kernel is None or task.process is not kernel.home:
        return False
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back  # type: ignore[assignment]
    return frame is not None and _is_test(frame.f_code.co_filename)


_current: Modules | None = None
# The packages that a warning was given for; once in a session is enough.
_warned: set[str] = set()


def space_for(process: Process, path: Sequence[str], isolate: Iterable[str] | None) -> ModuleSpace:
    """Make the module space of a process.

    Args:
        process: whose.
        path: import roots, searched first.
        isolate: the private packages; None takes what lies under `path`, and libraries with registries.
    """
    if isolate is None:
        names = set(WITH_REGISTRIES)
        for folder in path:
            names |= packages_under(folder)
    else:
        names = set(isolate)
    return ModuleSpace(process, path, names)
