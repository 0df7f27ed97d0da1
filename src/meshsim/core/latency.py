"""How long something takes, as a distribution: `5ms`, `1ms..2ms`, `lognormal(median=5ms p99=40ms)`, ...

Every distribution is its quantile function: one uniform draw in, one whole number of nanoseconds out. The
road not taken is `random.gauss` and its kin, which take one or many draws, or keep half a draw for later:
with exactly one draw a sample, a recorded choice can be edited (0.5 is the median, 0.99 the slow call) and
the next sample does not notice. A constant takes no draw.
"""

from __future__ import annotations

import csv
import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Final, Protocol

from meshsim.core.names import did_you_mean
from meshsim.core.units import MAX_DURATION_NS, parse_duration, parse_duration_range
from meshsim.errors import UsageError

__all__ = ["Latency", "UniformSource", "constant", "parse_latency"]

_STANDARD: Final = NormalDist()
_Z99: Final = _STANDARD.inv_cdf(0.99)
_SMALLEST_DRAW: Final = 2.0**-54
_CALL: Final = re.compile(r"([A-Za-z_]+)\s*\((.*)\)", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_FORMS: Final = {
    "normal": ("mean", "sd"),
    "lognormal": ("median", "p99"),
    "exponential": ("mean",),
    "pareto": ("scale", "shape"),
    "samples": (),
}
_SAMPLES_MAX: Final = 1_000_000


class UniformSource(Protocol):
    """What a draw is taken from: `random.Random` or a stream of the tape."""

    def random(self) -> float:
        """Return the next number in [0, 1)."""


@dataclass(frozen=True, slots=True)
class Latency(ABC):
    """A distribution of durations; `text` is how the scenario wrote it."""

    text: str = field(compare=False)

    @abstractmethod
    def quantile(self, share: float) -> int:
        """Return the nanoseconds that `share` (0 <= share < 1) of all samples stay under."""

    def sample(self, random: UniformSource) -> int:
        """Return one duration in nanoseconds, for exactly one draw (a constant takes none)."""
        return self.quantile(random.random())

    @property
    def constant_ns(self) -> int | None:
        """The nanoseconds when every sample is the same, else None."""
        return None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class _Constant(Latency):
    value_ns: int

    def quantile(self, share: float) -> int:  # noqa: ARG002  the same at every share
        return self.value_ns

    def sample(self, random: UniformSource) -> int:  # noqa: ARG002  takes no draw
        return self.value_ns

    @property
    def constant_ns(self) -> int | None:
        return self.value_ns


@dataclass(frozen=True, slots=True)
class _Uniform(Latency):
    low_ns: int
    high_ns: int

    def quantile(self, share: float) -> int:
        # The product may round up to the width plus one when the range is wider than a float is exact.
        return min(self.high_ns, self.low_ns + int(share * (self.high_ns - self.low_ns + 1)))


@dataclass(frozen=True, slots=True)
class _Normal(Latency):
    mean_ns: int
    sd_ns: int

    def quantile(self, share: float) -> int:
        # Cut at zero, not folded: a packet does not arrive before it was sent.
        return _whole(self.mean_ns + self.sd_ns * _STANDARD.inv_cdf(max(share, _SMALLEST_DRAW)))


@dataclass(frozen=True, slots=True)
class _LogNormal(Latency):
    mu: float
    sigma: float

    def quantile(self, share: float) -> int:
        return _whole(math.exp(self.mu + self.sigma * _STANDARD.inv_cdf(max(share, _SMALLEST_DRAW))))


@dataclass(frozen=True, slots=True)
class _Exponential(Latency):
    mean_ns: int

    def quantile(self, share: float) -> int:
        return _whole(-self.mean_ns * math.log1p(-share))


@dataclass(frozen=True, slots=True)
class _Pareto(Latency):
    scale_ns: int
    shape: float

    def quantile(self, share: float) -> int:
        # Through the logarithm, so that a heavy tail ends at the cap below and not in an OverflowError.
        return _whole(math.exp(min(math.log(self.scale_ns) - math.log1p(-share) / self.shape, 700.0)))


@dataclass(frozen=True, slots=True)
class _Samples(Latency):
    sorted_ns: tuple[int, ...]

    def quantile(self, share: float) -> int:
        return self.sorted_ns[int(share * len(self.sorted_ns))]


def constant(value_ns: int, text: str) -> Latency:
    """Return the distribution that is always `value_ns`, written as `text`."""
    return _Constant(text, value_ns)


def parse_latency(text: str, *, folder: str | Path = ".") -> Latency:
    """Return the distribution that `text` says; `samples(file.csv)` is looked up in `folder`.

    Raises UsageError that names the value and what would be right.
    """
    stripped = text.strip()
    if match := _CALL.fullmatch(stripped):
        return _distribution(stripped, match[1], match[2], Path(folder))
    if "(" in stripped or ")" in stripped:
        raise UsageError(_unbalanced(stripped))
    if ".." in stripped:
        low_ns, high_ns = parse_duration_range(stripped)
        return _Uniform(stripped, low_ns, high_ns) if low_ns < high_ns else _Constant(stripped, low_ns)
    return _Constant(stripped, parse_duration(stripped))


def _distribution(text: str, word: str, inside: str, folder: Path) -> Latency:
    if word not in _FORMS:
        raise UsageError(f"{text!r} names no distribution{did_you_mean(word, _FORMS)}")
    if word == "samples":
        return _Samples(text, _read_samples(text, folder / inside.strip().strip("\"'")))
    arguments = _arguments(text, word, inside)
    if word == "normal":
        return _Normal(text, parse_duration(arguments["mean"]), parse_duration(arguments["sd"]))
    if word == "lognormal":
        return _lognormal(text, parse_duration(arguments["median"]), parse_duration(arguments["p99"]))
    if word == "exponential":
        return _Exponential(text, parse_duration(arguments["mean"]))
    return _pareto(text, parse_duration(arguments["scale"]), arguments["shape"])


def _arguments(text: str, word: str, inside: str) -> dict[str, str]:
    """Split `median=5ms p99=40ms`; a comma is allowed too, where YAML lets one arrive here."""
    wanted = _FORMS[word]
    form = f"{word}({' '.join(f'{name}=' for name in wanted)})"
    found: dict[str, str] = {}
    for part in re.sub(r"\s*=\s*", "=", inside).replace(",", " ").split():
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise UsageError(f"{text!r} has {part!r} where NAME=VALUE is due: {form}")
        if name not in wanted:
            raise UsageError(f"{text!r} has an unknown argument {name!r}{did_you_mean(name, wanted)}")
        if name in found:
            raise UsageError(f"{text!r} says {name}= twice")
        found[name] = value
    if missing := [name for name in wanted if name not in found]:
        raise UsageError(f"{text!r} lacks {'= and '.join(missing)}=: {form}")
    return found


def _lognormal(text: str, median_ns: int, p99_ns: int) -> Latency:
    if not median_ns:
        raise UsageError(f"{text!r} has a median of nothing: more than 0s")
    if p99_ns < median_ns:
        raise UsageError(f"{text!r} has a p99 below its median: swap them?")
    return _LogNormal(text, math.log(median_ns), math.log(p99_ns / median_ns) / _Z99)


def _pareto(text: str, scale_ns: int, shape: str) -> Latency:
    if not scale_ns:
        raise UsageError(f"{text!r} has a scale of nothing: more than 0s")
    if not _NUMBER.fullmatch(shape) or not float(shape):
        raise UsageError(f"{text!r} has the shape {shape!r}: a number above 0, as 2.5")
    return _Pareto(text, scale_ns, float(shape))


def _read_samples(text: str, path: Path) -> tuple[int, ...]:
    """Read the first column of a CSV file, a duration a row; a first row of words is a header."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            cells = [row[0].strip() for row in csv.reader(file) if row and row[0].strip()]
    except (OSError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"{text!r} cannot be read: {path}: {reason}") from error
    if cells and cells[0][0].isalpha():
        del cells[0]
    if not cells or len(cells) > _SAMPLES_MAX:
        raise UsageError(f"{text!r} has {len(cells)} samples in {path}: 1 to {_SAMPLES_MAX}")
    try:
        return tuple(sorted(map(parse_duration, cells)))
    except UsageError as error:
        raise UsageError(f"{text!r} has a bad sample in {path}: {error}") from error


def _whole(value_ns: float) -> int:
    return int(min(max(value_ns, 0.0), MAX_DURATION_NS))


def _unbalanced(text: str) -> str:
    """Explain `lognormal(median=5ms`, which is what YAML leaves of a call with a comma inside {...}."""
    return (
        f"{text!r} is cut off: a comma ends a plain scalar inside {{...}}; "
        "separate the arguments by blanks, as lognormal(median=5ms p99=40ms), or quote the whole"
    )
