"""Calls as they happen, for faults that wait for one.

The recorder tells of every step of a call where it happens: in the flow of the caller, or on the hub. So a
fault `when: "worker -> stripe POST /v1/charges replied"` acts before the caller has gone on.

Commands (redis) have no steps, only an end, and there are too many of them for an observer each: the method
that notes them is exchanged only while somebody watches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.trace import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.trace import Recorder

    Wanted = Callable[[str, str, str], bool]

__all__ = ["ENDED", "Watch", "Watches"]

ENDED = ("replied", "failed")
"""The steps that end a call."""


class Watch:
    """One who waits for steps of calls; `stop()` ends it.

    Attributes:
        seen: how many steps it was told of.
    """

    __slots__ = ("_tell", "_watches", "phases", "seen", "wanted")

    def __init__(
        self, watches: Watches, wanted: Wanted, phases: tuple[str, ...], tell: Callable[[Call], None]
    ) -> None:
        self._watches = watches
        self._tell = tell
        self.wanted = wanted
        self.phases = phases
        self.seen = 0

    def happened(self, call: Call) -> None:
        """Pass a step on."""
        self.seen += 1
        self._tell(call)

    @property
    def listening(self) -> bool:
        """Whether it still waits."""
        return self in self._watches.all

    def stop(self) -> None:
        """Be told of nothing more."""
        self._watches.remove(self)


class Watches:
    """All who wait in one world.

    Args:
        recorder: tells of calls; it is touched only while somebody waits.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.all: list[Watch] = []
        self._note_command: Callable[..., None] = recorder.command

    def add(self, wanted: Wanted, phases: tuple[str, ...], tell: Callable[[Call], None]) -> Watch:
        """Watch for steps of calls.

        Args:
            wanted: given caller, target and operation of a call.
            phases: which steps: sent, received, replied, failed.
            tell: called with the call, where the step happens; it may raise Killed to end that very flow.
        """
        if not self.all:
            self._recorder.observers.append(self._step)
            self._recorder.command = self._command  # type: ignore[method-assign]
        watch = Watch(self, wanted, phases, tell)
        self.all.append(watch)
        return watch

    def remove(self, watch: Watch) -> None:
        """Forget one who waited."""
        if watch not in self.all:
            return
        self.all.remove(watch)
        if not self.all:
            self._recorder.observers.remove(self._step)
            del self._recorder.command

    def _step(self, phase: str, call: Call) -> None:
        # A copy: who fires once takes itself off.
        for watch in tuple(self.all):
            if phase in watch.phases and watch.wanted(call.caller, call.target, call.operation):
                watch.happened(call)

    def _command(self, host: str, target: str, text: str, *args: Any, **kwargs: Any) -> None:
        self._note_command(host, target, text, *args, **kwargs)
        error = kwargs.get("error") or (args[1] if len(args) > 1 else "")
        phase = "failed" if error else "replied"
        operation = text.partition(" ")[0]
        for watch in tuple(self.all):
            if phase in watch.phases and watch.wanted(host, target, operation):
                watch.happened(Call(0, "", host, target, operation, self._recorder.now()))
