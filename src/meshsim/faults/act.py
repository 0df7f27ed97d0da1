"""What every verb has, and the table from a verb to what does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.core.streams import Stream
    from meshsim.faults.nemesis import Nemesis
    from meshsim.graph import FaultSpec
    from meshsim.trace import Call

    Make = Callable[["Setting"], "Act"]

__all__ = ["Act", "Chosen", "Setting", "place_text"]


class Setting:
    """What an act is made from.

    Attributes:
        nemesis: whose world it is.
        spec: the fault.
        picks: the stream that chooses moments and replicas.
        draws: the stream that decides about packets and calls, apart from the first: a packet more must
            not move the next crash.
    """

    __slots__ = ("draws", "nemesis", "picks", "spec")

    def __init__(self, nemesis: Nemesis, spec: FaultSpec, picks: Stream, draws: Stream) -> None:
        self.nemesis = nemesis
        self.spec = spec
        self.picks = picks
        self.draws = draws


class Act(Protocol):
    """What a verb does; begins and ends as often as its fault occurs."""

    @property
    def fired(self) -> int:
        """How many packets, calls or hosts it met."""

    def begin(self, call: Call | None) -> None:
        """Do it; `call` is the one that triggered.

        Raises:
            Killed: the calling flow is among those that died of it.
        """

    def end(self) -> None:
        """Undo it completely; nothing for what happens at a moment."""


class Chosen:
    """Which of the packets or calls that a fault could meet it does meet, by `probability` and `first`.

    Args:
        setting: the fault and its stream.
        skip: how many are let pass at first.
    """

    __slots__ = ("_left", "_probability", "_skip", "_stream")

    def __init__(self, setting: Setting, skip: int = 0) -> None:
        when = setting.spec.when
        self._probability = when.probability
        self._left = when.first
        self._skip = skip
        self._stream = setting.draws

    def admits(self) -> bool:
        """Say whether the next one is met."""
        if self._skip:
            self._skip -= 1
            return False
        if self._left == 0:
            return False
        if self._probability is not None and self._stream.random() >= self._probability:
            return False
        if self._left is not None:
            self._left -= 1
        return True


def place_text(spec: FaultSpec) -> str:
    """Say where a fault stands without the path of its file, which is another one on each machine."""
    place = spec.place
    if place.file.startswith("<"):
        return place.file
    return f":{place.line}:{place.column}"
