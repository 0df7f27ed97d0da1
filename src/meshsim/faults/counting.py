"""`after_calls` and `after_messages`: a fault that begins when so much has happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.faults.parties import matcher
from meshsim.faults.watch import ENDED
from meshsim.network import packet as kinds

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.faults.act import Setting
    from meshsim.network.packet import Packet
    from meshsim.network.verdict import Verdict
    from meshsim.trace import Call

    Pair = Callable[[str, str], bool]

__all__ = ["count_calls", "count_messages"]


def _concerns(setting: Setting) -> Pair:
    """Return whether something between two hosts is counted: both ways on a link, whatever reaches a host."""
    hosts = setting.nemesis.kernel.hosts
    ends = [matcher(hosts, target.target) for target in setting.spec.targets]
    if len(ends) == 1:
        return lambda _, target: ends[0](target)
    first, second = ends
    return lambda source, target: (first(source) and second(target)) or (second(source) and first(target))


def count_calls(setting: Setting, reached: Callable[[Call | None], None]) -> Callable[[], None]:
    """Tell when `after_calls` calls have ended; returns what stops the count."""
    concerns = _concerns(setting)
    left = setting.spec.when.after_calls or 1

    def tell(call: Call) -> None:
        if watch.seen == left:
            reached(call)

    watch = setting.nemesis.watches.add(lambda caller, target, _: concerns(caller, target), ENDED, tell)
    return watch.stop


class _Counter:
    """A rule that lets everything pass and counts messages.

    The one that reaches the number still passes: what it brings about happens behind it, on the hub.
    """

    def __init__(self, setting: Setting, reached: Callable[[Call | None], None]) -> None:
        self._setting = setting
        self._concerns = _concerns(setting)
        self._left = setting.spec.when.after_messages or 1
        self._reached = reached
        self._stopped = False
        self.fired = 0

    def covers(self, source: str, target: str) -> bool:
        """Whether packets between these two are counted."""
        return self._concerns(source, target)

    def on_packet(self, packet: Packet) -> Verdict | None:
        """Count data, and pass."""
        if packet.kind == kinds.DATA and self._left:
            self._left -= 1
            if not self._left:
                kernel = self._setting.nemesis.kernel
                kernel.call_at(kernel.now, self._tell)
        return None

    def _tell(self) -> None:
        if not self._stopped:
            self._reached(None)

    def stop(self) -> None:
        """Count no more."""
        self._stopped = True
        self._setting.nemesis.fabric.remove(self)


def count_messages(setting: Setting, reached: Callable[[Call | None], None]) -> Callable[[], None]:
    """Tell when `after_messages` messages were sent; returns what stops the count."""
    counter = _Counter(setting, reached)
    setting.nemesis.fabric.install(counter)
    return counter.stop
