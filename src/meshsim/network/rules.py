"""The one extension point of the network: a rule looks at a packet and may decide its fate.

A fault is a rule with a lifetime. Rules are asked in the order in which they were installed; the first
verdict that is not None stands, delays of passing rules add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from meshsim.network import packet as kinds
from meshsim.network.verdict import BROKEN, DELIVER, DOUBLED, DROPPED, REFUSED, Verdict

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from meshsim.network.packet import Packet

# Which packets a rule is about, by the names of the two hosts.
Covers = "Callable[[str, str], bool]"


class Rule(Protocol):
    """Decides about packets."""

    fired: int

    def covers(self, source: str, target: str) -> bool:
        """Whether packets between these two hosts are the rule's business; asked once a pair."""

    def on_packet(self, packet: Packet) -> Verdict | None:
        """Return a verdict, or None to pass."""


class PairRule:
    """A rule about packets between two sets of hosts, in one direction or in both.

    Args:
        sources, targets: predicates over host names.
        oneway: only packets from a source to a target, not back.
    """

    def __init__(
        self, sources: Callable[[str], bool], targets: Callable[[str], bool], *, oneway: bool = False
    ) -> None:
        self._sources = sources
        self._targets = targets
        self._oneway = oneway
        self.fired = 0

    def covers(self, source: str, target: str) -> bool:
        """Whether packets from `source` to `target` are meant."""
        if self._sources(source) and self._targets(target):
            return True
        return not self._oneway and self._sources(target) and self._targets(source)


class Partition(PairRule):
    """Drops everything, silently: whoever waits finds out by its own timeout."""

    def on_packet(self, packet: Packet) -> Verdict | None:  # noqa: ARG002 - every packet
        """Drop."""
        self.fired += 1
        return DROPPED


class Blackhole(PairRule):
    """Lets connections be made, and drops what is sent on them."""

    def on_packet(self, packet: Packet) -> Verdict | None:
        """Drop all but the handshake."""
        if packet.kind in (kinds.SYN, kinds.ACCEPT):
            return None
        self.fired += 1
        return DROPPED


class Refuse(PairRule):
    """Refuses new connections, as a closed port does."""

    def on_packet(self, packet: Packet) -> Verdict | None:
        """Refuse a SYN, let the rest pass."""
        if packet.kind != kinds.SYN:
            return None
        self.fired += 1
        return REFUSED


class Reset(PairRule):
    """Breaks a connection at the next packet on it.

    Args:
        probability: of each packet to be the one that breaks its connection.
        stream: where that is drawn.
    """

    def __init__(
        self,
        sources: Callable[[str], bool],
        targets: Callable[[str], bool],
        *,
        oneway: bool = False,
        probability: float = 1.0,
        stream: random.Random | None = None,
    ) -> None:
        super().__init__(sources, targets, oneway=oneway)
        self._probability = probability
        self._stream = stream

    def on_packet(self, packet: Packet) -> Verdict | None:
        """Break at data, pass a handshake."""
        if packet.kind != kinds.DATA:
            return None
        if self._stream is not None and self._probability < 1 and self._stream.random() >= self._probability:
            return None
        self.fired += 1
        return BROKEN


class Loss(PairRule):
    """Loses a share of the packets; on a stream a lost packet is sent again after a while."""

    def __init__(
        self,
        sources: Callable[[str], bool],
        targets: Callable[[str], bool],
        *,
        probability: float,
        stream: random.Random,
        oneway: bool = False,
    ) -> None:
        super().__init__(sources, targets, oneway=oneway)
        self._probability = probability
        self._stream = stream

    def on_packet(self, packet: Packet) -> Verdict | None:  # noqa: ARG002 - every packet alike
        """Drop with the probability."""
        if self._stream.random() >= self._probability:
            return None
        self.fired += 1
        return DROPPED


class Double(PairRule):
    """Delivers a share of the datagrams twice, each copy with a delay of its own."""

    def __init__(
        self,
        sources: Callable[[str], bool],
        targets: Callable[[str], bool],
        *,
        probability: float,
        stream: random.Random,
        oneway: bool = False,
    ) -> None:
        super().__init__(sources, targets, oneway=oneway)
        self._probability = probability
        self._stream = stream

    def on_packet(self, packet: Packet) -> Verdict | None:
        """Double with the probability; what is on a stream passes."""
        if packet.kind != kinds.DATAGRAM or self._stream.random() >= self._probability:
            return None
        self.fired += 1
        return DOUBLED


class Slow(PairRule):
    """Adds a drawn delay to each packet, or replaces the link's own."""

    def __init__(
        self,
        sources: Callable[[str], bool],
        targets: Callable[[str], bool],
        *,
        sample: Callable[[random.Random], int],
        stream: random.Random,
        replaces: bool = False,
        oneway: bool = False,
    ) -> None:
        super().__init__(sources, targets, oneway=oneway)
        self._sample = sample
        self._stream = stream
        self._replaces = replaces

    def on_packet(self, packet: Packet) -> Verdict | None:  # noqa: ARG002 - every packet alike
        """Deliver later."""
        self.fired += 1
        delay = self._sample(self._stream)
        if self._replaces:
            return Verdict(DELIVER, delay_ns=delay)
        return Verdict(DELIVER, extra_ns=delay)
