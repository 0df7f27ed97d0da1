"""What of a socket can be waited for: its descriptor, which tells that something happened, and time."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any, Final

from meshsim.kernel import state
from meshsim.kernel.descriptors import File
from meshsim.kernel.patches.time import zero_wait_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.process import Process
    from meshsim.kernel.timer import Timer

__all__ = ["Waiting"]

NS_PER_MS: Final = 1_000_000


class Waiting(File):
    """A file that is readable when something happened since it was last looked at, as libzmq's descriptor is.

    Attributes:
        process: the process that made it.
        kernel: of the world.
    """

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.process = process
        self.kernel: Any = state.kernel
        self._signalled = False

    def poll(self) -> int:
        """Return whether the descriptor is readable."""
        return select.POLLIN if self._signalled else 0

    def release(self) -> None:
        """Do nothing: the descriptor is closed with the socket."""

    def changed_events(self) -> None:
        """Tell everybody who waits to look again."""
        self._signalled = True
        if self._interests:
            self.changed()
        else:
            for task in self._blocked:
                self.kernel.wake(task)

    def call_in(self, delay_ns: int, function: Callable[..., None], *args: Any) -> Timer:
        """Have the hub call a function after a while, if the process still lives then."""
        timer: Timer = self.kernel.call_at(self.kernel.now + delay_ns, self._call, function, args)
        return timer

    def _call(self, function: Callable[..., None], args: tuple[Any, ...]) -> None:
        if not self.process.dead:
            function(*args)

    def breathe(self) -> None:
        """Let the least time pass: a look without waiting is not for nothing."""
        task = state.current()
        if task is not None:
            task.wait = self
            self.kernel.park(self.kernel.now + zero_wait_ns(task))

    def _deadline(self, timeout_ms: int) -> int | None:
        return None if timeout_ms < 0 else self.kernel.now + timeout_ms * NS_PER_MS
