"""A line that says how far a long run is."""

from __future__ import annotations

import sys
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

# A run that is shorter says nothing; on a terminal the line is renewed, elsewhere a log would fill.
FIRST_AFTER_S = 2.0
EVERY_S_TERMINAL = 0.5
EVERY_S_LOG = 15.0


@contextmanager
def line(config: pytest.Config, name: str) -> Iterator[Callable[[float, float | None], None]]:
    """Give a function that is told the virtual seconds so far, and of how many."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")
    # The real clock, bound where no world follows it.
    clock = _real_clock()
    began = clock()
    terminal = reporter is not None and bool(getattr(reporter, "isatty", False))
    every = EVERY_S_TERMINAL if terminal else EVERY_S_LOG
    next_at = began + FIRST_AFTER_S
    shown = False

    def tell(virtual_s: float, total_s: float | None) -> None:
        nonlocal next_at, shown
        now = clock()
        if reporter is None or capture is None or now < next_at:
            return
        next_at = now + every
        of = f" of {total_s:g}s" if total_s is not None else ""
        text = f"  {name}: {virtual_s:.1f}s{of}, {now - began:.0f}s of real time"
        with capture.global_and_fixture_disabled():
            if terminal:
                reporter.rewrite(text, erase=True)
            else:
                reporter.write_line(text)
        shown = True

    yield tell
    if shown and terminal and reporter is not None and capture is not None:
        with capture.global_and_fixture_disabled():
            reporter.rewrite("", erase=True)


def _real_clock() -> Callable[[], float]:
    time: Any = sys.modules["time"]
    copy = types.ModuleType("time")
    vars(copy).update(vars(time))
    clock: Callable[[], float] = copy.perf_counter
    return clock
