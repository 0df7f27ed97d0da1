"""uvloop: a stock loop on a simulated selector where uvloop was asked for.

uvloop's own loops live in C, on real sockets and real time. What a service gets instead is still an instance of
`uvloop.Loop`, because `uvloop.run` looks, and services do.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import unix_events
from typing import Any

from meshsim.kernel import state
from meshsim.kernel.patches.patch import Patch

_real: dict[str, Any] = {}


class Loop(unix_events._UnixSelectorEventLoop):
    """What `uvloop.Loop()` gives inside a host; a real uvloop outside."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a stock loop for a task, and the real thing for anybody else."""
        if state.current() is None:
            return _real["Loop"](*args, **kwargs)
        return super().__new__(cls)


def new_event_loop() -> Any:
    """Return a loop; the replacement of `uvloop.new_event_loop`."""
    return Loop()


def run(main: Any, *, loop_factory: Any = None, debug: bool | None = None, **options: Any) -> Any:
    """Run a coroutine; the replacement of `uvloop.run`, whose default argument holds the real factory."""
    if state.current() is None:
        return _real["run"](
            main, loop_factory=loop_factory or _real["new_event_loop"], debug=debug, **options
        )
    with asyncio.Runner(loop_factory=loop_factory or Loop, debug=debug) as runner:
        return runner.run(main)


def patches() -> list[Patch]:
    """Return the patches of this boundary; none while nobody has imported uvloop."""
    uvloop = sys.modules.get("uvloop")
    if uvloop is None or not hasattr(uvloop, "Loop"):
        return []
    if uvloop.Loop is not Loop:
        _real.update({name: getattr(uvloop, name) for name in ("Loop", "new_event_loop", "run")})
    return [
        Patch(uvloop, "Loop", Loop, rebind=True),
        Patch(uvloop, "new_event_loop", new_event_loop, rebind=True),
        Patch(uvloop, "run", run, rebind=True),
    ]
