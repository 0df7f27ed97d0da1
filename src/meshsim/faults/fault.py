"""One fault: its moments, and the handle that a test holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from meshsim.faults import moments
from meshsim.faults.act import Act, Chosen, Setting, place_text
from meshsim.faults.counting import count_calls, count_messages
from meshsim.scenario.verbs import VERBS, Aim

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from meshsim.errors import Place
    from meshsim.faults.watch import Watch
    from meshsim.graph import FaultSpec
    from meshsim.kernel.timer import Timer
    from meshsim.trace import Call

__all__ = ["Fault"]

# What the act itself notes, host by host.
_NOTED_BY_ACT = (Aim.HOST,)


class Fault:
    """A fault that was injected; also a context manager that heals it at its end.

    Args:
        setting: what it is made from.
        act: what its verb does.

    Attributes:
        spec: what was asked for.
        occurrences: how often it began.
        active: whether it acts now.
        healed: whether it is over for good.
    """

    def __init__(self, setting: Setting, act: Act) -> None:
        self.spec: FaultSpec = setting.spec
        self.occurrences = 0
        self.declined = 0
        self.active = False
        self.healed = False
        self.watch: Watch | None = None
        self._setting = setting
        self._act = act
        self._base_ns = 0
        self._timers: list[Timer] = []
        self._stops: list[Callable[[], None]] = []
        self._once = Chosen(setting)

    @property
    def fired(self) -> int:
        """How many packets, calls or hosts it has met so far; a fault that met nothing has not fired."""
        return self._act.fired

    @property
    def place(self) -> Place:
        """Where it is written."""
        return self.spec.place

    @property
    def text(self) -> str:
        """What it does to whom, as `partition orders, cache`."""
        return f"{self.spec.verb} {', '.join(str(target) for target in self.spec.targets)}"

    def arm(self, base_ns: int) -> None:
        """Wait for the moments, which count from `base_ns`."""
        self._base_ns = base_ns
        when = self.spec.when
        if when.trigger is not None:
            selector, event = when.trigger.selector, when.trigger.event
            self.watch = self._setting.nemesis.watches.add(selector.matches, (event,), self._triggered)
            return
        self._at(moments.first_begin_ns(self.spec, base_ns, self._setting.picks), self._due)

    def heal(self) -> None:
        """End it now and for good: everything is as it was without it, but for what it did."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._stop_watching()
        self.healed = True
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.heal()

    def __repr__(self) -> str:
        state = "healed" if self.healed else "active" if self.active else "waiting"
        return f"<Fault {self.text}: {state}, fired {self.fired}>"

    # -- moments ----------------------------------------------------------------------------------------

    def _at(self, when_ns: int, function: Callable[..., None], *args: object) -> None:
        kernel = self._setting.nemesis.kernel
        if when_ns <= kernel.now:
            # At once, so that `mesh.partition(...)` holds for the very next packet.
            function(*args)
            return
        self._timers = [timer for timer in self._timers if timer.function is not None]
        self._timers.append(kernel.call_at(when_ns, function, *args))

    def _due(self) -> None:
        """Be at one of the moments."""
        again_ns = moments.next_begin_ns(
            self.spec.when, self._base_ns, self._setting.nemesis.kernel.now, self._setting.picks
        )
        if again_ns is not None:
            self._at(again_ns, self._due)
        if moments.counts_before(self.spec):
            self._count()
        else:
            self._occur(None)

    def _count(self) -> None:
        """Wait for so many calls or messages, then occur."""
        self._stop_watching()
        count = count_calls if self.spec.when.after_calls is not None else count_messages
        self._stops.append(count(self._setting, self._counted))

    def _counted(self, call: Call | None) -> None:
        self._stop_watching()
        self._occur(call)

    def _stop_watching(self) -> None:
        for stop in self._stops:
            stop()
        self._stops.clear()
        if self.watch is not None and self.watch.listening:
            self.watch.stop()

    def _triggered(self, call: Call) -> None:
        when = self.spec.when
        watch = self.watch
        if watch is None or (when.nth is not None and watch.seen < when.nth):
            return
        # Without a number it is the first one; with a chance or a limit, each is one.
        if when.nth is not None or (when.probability is None and when.first is None):
            watch.stop()
        if when.plus_ns:
            now = self._setting.nemesis.kernel.now
            self._at(now + when.plus_ns, self._occur, call)
        else:
            self._occur(call)

    # -- beginning and ending ---------------------------------------------------------------------------

    def _occur(self, call: Call | None) -> None:
        if self.healed:
            return
        spec = self.spec
        if not moments.meets_many(spec) and not self._once.admits():
            self.declined += 1
            return
        kernel = self._setting.nemesis.kernel
        self.occurrences += 1
        if moments.lasts(spec):
            end_ns = moments.end_ns(spec, self._base_ns, kernel.now)
            if end_ns is not None and end_ns <= kernel.now:
                return
            self.active = True
            if end_ns is not None:
                self._at(end_ns, self._end)
        if VERBS[spec.verb].aim not in _NOTED_BY_ACT:
            self._note("fault")
        # Last: it raises when the calling flow is what it kills.
        self._act.begin(call)

    def _end(self) -> None:
        if not self.active:
            self._act.end()
            return
        self.active = False
        self._act.end()
        if VERBS[self.spec.verb].aim not in _NOTED_BY_ACT:
            self._note("heal")

    def _note(self, kind: str) -> None:
        self._setting.nemesis.recorder.event(kind, "", self.text, place=place_text(self.spec))
