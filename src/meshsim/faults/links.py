"""Verbs at links: each is a rule of the network, with a lifetime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshsim.faults.act import Chosen, Setting
from meshsim.faults.moments import lasts
from meshsim.faults.parties import matcher, meant
from meshsim.network import packet as kinds
from meshsim.network.rules import Blackhole, PairRule, Partition, Refuse, Reset
from meshsim.network.verdict import BROKEN, DELIVER, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.core.latency import Latency
    from meshsim.faults.nemesis import Nemesis
    from meshsim.network.packet import Packet
    from meshsim.network.rules import Rule
    from meshsim.trace import Call

    Matches = Callable[[str], bool]

__all__ = ["LINK_VERBS", "LinkAct"]


class LinkAct:
    """A rule that stands from the fault's beginning to its end."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._rule: Filtered | None = None
        self._fired_before = 0

    @property
    def fired(self) -> int:
        """How many packets it met."""
        return self._fired_before + (self._rule.fired if self._rule is not None else 0)

    def begin(self, call: Call | None) -> None:  # noqa: ARG002 - the shape of an act
        """Install the rule."""
        self.end()
        setting = self._setting
        hosts = setting.nemesis.kernel.hosts
        ends = [matcher(hosts, meant(hosts, end.target, setting.picks)) for end in setting.spec.targets]
        self._rule = Filtered(LINK_VERBS[setting.spec.verb](setting, *ends), Chosen(setting))
        setting.nemesis.fabric.install(self._rule)

    def end(self) -> None:
        """Take the rule away."""
        if self._rule is not None:
            self._setting.nemesis.fabric.remove(self._rule)
            self._fired_before += self._rule.fired
            self._rule = None


class Filtered:
    """A rule that is asked about the packets that were chosen."""

    def __init__(self, rule: Rule, chosen: Chosen) -> None:
        self._rule = rule
        self._chosen = chosen
        self.fired = 0

    def covers(self, source: str, target: str) -> bool:
        """Whether packets between these two are the rule's business."""
        return self._rule.covers(source, target)

    def on_packet(self, packet: Packet) -> Verdict | None:
        """Ask the rule first: only what it would meet counts for `first` and `probability`."""
        verdict = self._rule.on_packet(packet)
        if verdict is None or not self._chosen.admits():
            return None
        self.fired += 1
        return verdict


class ResetOnce(PairRule):
    """Breaks, between each two hosts, the connection on which something is sent next.

    A connection that lies idle in a pool learns of a reset when it is used: so the rule waits for that.
    """

    def __init__(self, sources: Matches, targets: Matches) -> None:
        super().__init__(sources, targets)
        self._broken: set[frozenset[str]] = set()

    def on_packet(self, packet: Packet) -> Verdict | None:
        """Break at data, once a pair of hosts."""
        pair = frozenset((packet.source.name, packet.target.name))
        if packet.kind != kinds.DATA or pair in self._broken:
            return None
        self._broken.add(pair)
        return BROKEN


class Slower(PairRule):
    """Adds to what a link takes, or replaces it; grows to full strength over a while.

    Args:
        nemesis: the clock, and the links as they are otherwise.
        latency: what is added or put instead.
        replaces: whether it is put instead.
        ramp_ns: how long it takes to full strength; 0 is at once.
    """

    def __init__(
        self,
        sources: Matches,
        targets: Matches,
        *,
        nemesis: Nemesis,
        latency: Latency,
        replaces: bool,
        ramp_ns: int,
        stream: Any,
    ) -> None:
        super().__init__(sources, targets)
        self._nemesis = nemesis
        self._latency = latency
        self._replaces = replaces
        self._ramp_ns = ramp_ns
        self._stream = stream
        self._began_ns = nemesis.kernel.now

    def on_packet(self, packet: Packet) -> Verdict | None:
        """Deliver later."""
        strength = self._strength()
        if strength == 0:
            return None
        drawn_ns = self._latency.sample(self._stream)
        if not self._replaces:
            return Verdict(DELIVER, extra_ns=int(drawn_ns * strength))
        if strength == 1:
            return Verdict(DELIVER, delay_ns=drawn_ns)
        usual_ns = self._usual_ns(packet)
        return Verdict(DELIVER, delay_ns=usual_ns + int((drawn_ns - usual_ns) * strength))

    def _strength(self) -> float:
        if not self._ramp_ns:
            return 1
        return min(1, (self._nemesis.kernel.now - self._began_ns) / self._ramp_ns)

    def _usual_ns(self, packet: Packet) -> int:
        source, target = packet.source, packet.target
        link = self._nemesis.fabric.links.find((source.name, source.service), (target.name, target.service))
        if link.constant_ns is not None:
            return link.constant_ns
        return link.sample(self._stream) if link.sample is not None else 0


def _partition(setting: Setting, first: Matches, second: Matches) -> Rule:
    return Partition(first, second, oneway=bool(setting.spec.params.get("oneway")))


def _reset(setting: Setting, first: Matches, second: Matches) -> Rule:
    return Reset(first, second) if lasts(setting.spec) else ResetOnce(first, second)


def _latency(setting: Setting, first: Matches, second: Matches) -> Rule:
    params: Any = setting.spec.params
    return Slower(
        first,
        second,
        nemesis=setting.nemesis,
        latency=params["add"] if params.get("add") is not None else params["set"],
        replaces=params.get("add") is None,
        ramp_ns=setting.spec.when.ramp_ns or 0,
        stream=setting.draws,
    )


def _plain(kind: Callable[[Matches, Matches], Rule]) -> Callable[[Setting, Matches, Matches], Rule]:
    return lambda _, first, second: kind(first, second)


LINK_VERBS: Final[dict[str, Callable[[Setting, Matches, Matches], Rule]]] = {
    "partition": _partition,
    "latency": _latency,
    # A packet in so many, which `probability` says; on a stream the sender repeats it.
    "loss": _plain(Partition),
    "refuse": _plain(Refuse),
    "reset": _reset,
    "blackhole": _plain(Blackhole),
}
