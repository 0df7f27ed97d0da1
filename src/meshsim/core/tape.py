"""The choice tape: every draw that a run makes, by label, so that it can be saved, replayed and edited.

A tape holds one track a label ("network", "schedule", "host:shop/0"). A track is two parallel arrays, what
was asked (the bound) and what was answered: 16 bytes a draw. Where an answer does not fit a double exactly
(a UUID has 128 bits) it lies in a list beside them, and the array holds its place in that list. Roads not
taken: a list of tuples costs 120 bytes a draw; keeping only the number of draws would be smaller still, but
then nothing could be edited, and editing is what shrinking does.

A bound is one integer: 0 asks for a float in [0, 1), k > 0 for k random bits, -n for a whole number below n.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from meshsim.errors import ReplayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["FORMAT", "Tape", "Track", "bound_text"]

FORMAT = 1
"""The version of the saved form; a file with another one is refused."""

EXACT_BITS = 53
"""A double holds every whole number of this many bits."""


def bound_text(bound: int) -> str:
    """Say in words what a bound asks for, for errors and for people who edit tapes."""
    if bound == 0:
        return "a float below 1"
    return f"{bound} bits" if bound > 0 else f"a choice of {-bound}"


def _fits(bound: int, value: float) -> bool:
    """Tell whether `value` is an answer that `bound` can have."""
    if bound == 0:
        return 0 <= value < 1
    limit = -bound if bound < 0 else 1 << bound
    return isinstance(value, int) and 0 <= value < limit


class Track:
    """The draws of one label, in order."""

    __slots__ = ("bounds", "label", "lenient", "position", "values", "wide")

    def __init__(self, label: str) -> None:
        self.label = label
        self.bounds = array("q")
        self.values = array("d")
        self.wide: list[int] = []
        self.position = 0
        self.lenient = False

    def __len__(self) -> int:
        return len(self.bounds)

    def value(self, index: int) -> float:
        """Give the answer at `index`: a float for bound 0, else an int."""
        bound = self.bounds[index]
        value = self.values[index]
        if bound > EXACT_BITS:
            return self.wide[int(value)]
        return int(value) if bound else value

    def append(self, bound: int, value: float) -> None:
        """Add one draw at the end."""
        self.bounds.append(bound)
        if bound > EXACT_BITS:
            self.values.append(len(self.wide))
            self.wide.append(int(value))
        else:
            self.values.append(value)

    def replace(self, index: int, value: float) -> None:
        """Change the answer at `index`."""
        if self.bounds[index] > EXACT_BITS:
            self.wide[int(self.values[index])] = int(value)
        else:
            self.values[index] = value

    def delete(self, start: int, stop: int) -> None:
        """Take the draws from `start` up to `stop` out; the later ones move up."""
        del self.bounds[start:stop], self.values[start:stop]

    def replay(self, bound: int) -> float | None:
        """Give the next recorded answer, or None where the recording ends.

        Raises:
            ReplayError: the run asks for something else than was recorded here, in a strict replay.
        """
        index = self.position
        if index >= len(self.bounds):
            return None
        recorded = self.bounds[index]
        if recorded == bound:
            self.position = index + 1
            return self.value(index)
        if not self.lenient:
            raise ReplayError(
                f"the run differs from the recording at {self.label}[{index}]: "
                f"recorded {bound_text(recorded)}, now asked for {bound_text(bound)}; "
                "the code or the scenario has changed since, so run the seed instead"
            )
        self.delete(index, len(self))
        return None


class Tape:
    """Every choice of a run; a fresh one records, a loaded one replays and then records on.

    Args:
        skip: labels, or beginnings of labels, whose draws are not kept, for example `("host:",)`. Their
            streams are plain seeded generators: still reproducible from the seed, but not editable.
    """

    def __init__(self, skip: Iterable[str] = ()) -> None:
        self.skip = tuple(skip)
        self._tracks: dict[str, Track] = {}

    def __len__(self) -> int:
        return sum(len(track) for track in self._tracks.values())

    def __iter__(self) -> Iterator[Track]:
        return iter(self._tracks.values())

    def records(self, label: str) -> bool:
        """Tell whether draws of `label` are kept."""
        return not label.startswith(self.skip) if self.skip else True

    def track(self, label: str) -> Track:
        """Give the track of `label`, an empty one where nothing was drawn yet."""
        track = self._tracks.get(label)
        if track is None:
            track = self._tracks[label] = Track(label)
        return track

    def rewind(self, *, lenient: bool = False) -> Tape:
        """Make the tape answer from its beginning again.

        Args:
            lenient: where the run asks for something else than was recorded, forget the rest of that track
                and draw on from the generator. Edited tapes need it: an edit may send the run another way.
        """
        for track in self._tracks.values():
            track.position = 0
            track.lenient = lenient
        return self

    def copy(self) -> Tape:
        """Give an independent tape with the same draws, rewound."""
        return Tape.from_dict(self.to_dict())

    def edit(self, label: str, index: int, value: float) -> None:
        """Replace one answer.

        Raises:
            UsageError: there is no such draw, or `value` is not an answer to what was asked there.
        """
        track = self._known(label)
        if not 0 <= index < len(track):
            raise UsageError(f"{label} has {len(track)} draws, so none at index {index}")
        bound = track.bounds[index]
        if not _fits(bound, value):
            raise UsageError(f"{label}[{index}] asks for {bound_text(bound)}; {value!r} is none")
        track.replace(index, value)

    def cut(self, label: str, length: int) -> None:
        """Forget the draws of `label` from index `length` on; the replay draws them anew from the seed."""
        self.delete(label, length, len(self._known(label)))

    def delete(self, label: str, start: int, stop: int) -> None:
        """Take the draws `start` to `stop` (not included) of `label` out; the later ones move up."""
        track = self._known(label)
        if not 0 <= start <= stop <= len(track):
            raise UsageError(f"{label} has {len(track)} draws; {start}:{stop} is not a part of them")
        track.delete(start, stop)

    def _known(self, label: str) -> Track:
        track = self._tracks.get(label)
        if track is None:
            raise UsageError(f"nothing was drawn from {label!r}; the tape has {sorted(self._tracks)}")
        return track

    def to_dict(self) -> dict[str, Any]:
        """Give the tape as data for JSON; bounds are run-length encoded, wide answers hexadecimal text."""
        return {
            "tape": FORMAT,
            "skip": list(self.skip),
            "tracks": {
                label: {"bounds": _runs(track.bounds), "values": _saved_values(track)}
                for label, track in sorted(self._tracks.items())
                if len(track)
            },
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Tape:
        """Load what `to_dict` gave, rewound.

        Raises:
            ReplayError: the data is no tape, is one of another version, or is damaged.
        """
        if not isinstance(data, dict) or data.get("tape") != FORMAT:
            found = data.get("tape") if isinstance(data, dict) else type(data).__name__
            raise ReplayError(f"not a tape of version {FORMAT}: found {found!r}; record the run again")
        try:
            tape = cls(data["skip"])
            for label, saved in data["tracks"].items():
                track = tape.track(label)
                bounds = [bound for bound, count in saved["bounds"] for _ in range(count)]
                for bound, text in zip(bounds, saved["values"], strict=True):
                    track.append(bound, _loaded_value(bound, text))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ReplayError(f"a damaged tape: {error}; record the run again") from error
        return tape


def _runs(bounds: Iterable[int]) -> list[list[int]]:
    """Run-length encode: a label mostly asks the same thing again and again."""
    runs: list[list[int]] = []
    for bound in bounds:
        if runs and runs[-1][0] == bound:
            runs[-1][1] += 1
        else:
            runs.append([bound, 1])
    return runs


def _saved_values(track: Track) -> list[float | str]:
    """Give the answers for JSON. Wide ones in hex: Python refuses decimals of thousands of digits."""
    return [
        f"{int(track.value(index)):x}" if bound > EXACT_BITS else track.value(index)
        for index, bound in enumerate(track.bounds)
    ]


def _loaded_value(bound: int, text: float | str) -> float:
    value = int(text, 16) if isinstance(text, str) else text
    if not _fits(bound, value):
        raise ValueError(f"{value!r} is not {bound_text(bound)}")
    return value
