"""Labelled random streams: each is derived from the seed by its name, so one more draw in one moves no other.

    streams = Streams(seed=7, tape=Tape())
    streams.get("network").random()          # a random.Random: every method of it works, and is recorded
    streams.get("schedule").choose(3)        # 0, 1 or 2, by the shortest path

Labels in use: schedule, network, faults, workload, and host:NAME for a service's own randomness.
"""

from __future__ import annotations

import _random
import random
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from meshsim.core.tape import EXACT_BITS, Tape

if TYPE_CHECKING:
    from meshsim.core.tape import Track

__all__ = ["RecordedStream", "Stream", "Streams", "derive"]

# The C methods by name: `super()` costs 60 ns a draw, and a patch on random.Random must not reach us.
_draw_float = _random.Random.random
_draw_bits = _random.Random.getrandbits


def derive(seed: int, label: str) -> int:
    """Give the generator's seed for one label: the same on every machine and Python, unlike `hash`."""
    return int.from_bytes(blake2b(f"{seed}/{label}".encode(), digest_size=16).digest(), "big")


class Stream(random.Random):
    """A seeded generator with one method more; this one keeps no record and costs what Random costs."""

    label: str

    def __new__(cls, seed: int, label: str = "", track: Track | None = None) -> Stream:  # noqa: PYI034
        """Pass on the seed alone: on 3.11 Random's own `__new__` takes at most one argument."""
        del label, track
        return super().__new__(cls, seed)  # type: ignore[call-arg]

    def __init__(self, seed: int, label: str = "") -> None:
        super().__init__(seed)
        self.label = label

    def choose(self, n: int) -> int:
        """Draw a whole number below `n` (2 or more, below 2**32); faster than `randrange`."""
        return int(_draw_float(self) * n)

    def __reduce__(self) -> tuple[Any, ...]:
        # A service may copy or pickle `random`'s generator: what it gets is its own, and off the tape.
        return random.Random, (), self.getstate()


class RecordedStream(Stream):
    """A stream whose draws are on a tape: answered from there first, then drawn and added."""

    def __init__(self, seed: int, label: str, track: Track) -> None:
        super().__init__(seed, label)
        self._track = track
        self._add_bound = track.bounds.append
        self._add_value = track.values.append
        self._wide = track.wide
        self._replaying = track.position < len(track)

    def random(self) -> float:
        """Draw a float in [0, 1)."""
        value = _draw_float(self)
        if self._replaying:
            return self._replay(0, value)
        self._add_bound(0)
        self._add_value(value)
        return value

    def getrandbits(self, k: int, /) -> int:
        """Draw `k` random bits as an int."""
        value = _draw_bits(self, k)
        if self._replaying:
            return int(self._replay(k, value)) if k else 0
        if k > EXACT_BITS:
            wide = self._wide
            self._add_bound(k)
            self._add_value(len(wide))
            wide.append(value)
        elif k:
            self._add_bound(k)
            self._add_value(value)
        return value

    def choose(self, n: int) -> int:
        """Draw a whole number below `n` (2 or more, below 2**32); faster than `randrange`."""
        value = int(_draw_float(self) * n)
        if self._replaying:
            return int(self._replay(-n, value))
        self._add_bound(-n)
        self._add_value(value)
        return value

    def _replay(self, bound: int, drawn: float) -> float:
        """Answer from the tape. `drawn` was drawn anyway: a tape cut short goes on as the seed would."""
        recorded = self._track.replay(bound)
        if recorded is not None:
            return recorded
        self._replaying = False
        self._track.append(bound, drawn)
        return drawn


class Streams:
    """The streams of one world.

    Args:
        seed: the seed of the run, any whole number.
        tape: where draws are recorded, or what they are replayed from; without one nothing is kept.
    """

    def __init__(self, seed: int, tape: Tape | None = None) -> None:
        self.seed = seed
        self.tape = tape
        self._streams: dict[str, Stream] = {}

    def get(self, label: str) -> Stream:
        """Give the stream of `label`, the same object each time."""
        stream = self._streams.get(label)
        if stream is None:
            seed = derive(self.seed, label)
            if self.tape is None or not self.tape.records(label):
                stream = Stream(seed, label)
            else:
                stream = RecordedStream(seed, label, self.tape.track(label))
            self._streams[label] = stream
        return stream
