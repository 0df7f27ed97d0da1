"""The fence for client libraries whose sockets are C's own: where no room serves one, it may not be made.

A room that wants any module of such a library replaces the fence, whoever registered it. Below these constructors
nothing of Python is left that could be asked: a real gRPC channel starts threads and dials, a real ZeroMQ context
owns descriptors that no virtual time moves.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, Final

from meshsim.errors import FenceError
from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Seam = tuple[str, Callable[[], list[Patch]]]

_CHANNELS: Final = ("insecure_channel", "secure_channel", "server")
# Module: what in it makes something of C's own, as module or class attributes.
CORES: Final[dict[str, tuple[str, ...]]] = {
    "grpc": _CHANNELS,
    "grpc.aio": _CHANNELS,
    "zmq.sugar.context": ("Context.__init__",),
}
# The room that would serve it, as its extra is called.
EXTRAS: Final = {"grpc": "grpc", "zmq": "zeromq"}


def _refusing(original: Any, name: str) -> Any:
    extra = EXTRAS[name.partition(".")[0]]

    @functools.wraps(original)
    def refuse(*args: Any, **kwargs: Any) -> Any:
        task = state.current()
        if task is None:
            return original(*args, **kwargs)
        about = f"({args[0]!r})" if args and isinstance(args[0], str) else "()"
        msg = (
            f"{task.host} calls {name}{about}, whose connections would leave the simulation, and no room that is "
            f"installed serves it. Install one that simulates it:\n    pip install 'meshsim[{extra}]'\n"
            f'or replace the call: mesh.host("HOST").patch("package.module.{name}", fake)'
        )
        raise FenceError(msg)

    return refuse


def _patches(module: str) -> list[Patch]:
    found = []
    for name in CORES[module]:
        owner: Any = sys.modules[module]
        *path, attribute = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        if attribute in vars(owner):
            called = f"{module.partition('.sugar')[0]}.{'.'.join(path or [attribute])}"
            found.append(
                Patch(owner, attribute, _refusing(getattr(owner, attribute), called), rebind=not path)
            )
    return found


def fences(served: Iterable[Seam]) -> list[Seam]:
    """Return the fences of the libraries that none of the given seams serves."""
    heads = {module.partition(".")[0] for module, _ in served}
    return [
        (module, functools.partial(_patches, module))
        for module in CORES
        if module.partition(".")[0] not in heads
    ]
