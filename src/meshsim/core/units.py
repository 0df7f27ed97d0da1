"""Numbers with units: durations, sizes, rates, bandwidths and probabilities, from text and back.

Everything is exact: a duration is an integer of nanoseconds, never a float of seconds, so that `0.1s` ten
times is `1s`. A number without a unit is refused, because `timeout: 10` has meant seconds to one reader and
milliseconds to the next; the refusal says what was probably meant.
"""

from __future__ import annotations

import re
from typing import Final

from meshsim.errors import UsageError

__all__ = [
    "MAX_DURATION_NS",
    "MS",
    "NS",
    "SECOND",
    "US",
    "format_duration",
    "parse_bandwidth",
    "parse_duration",
    "parse_duration_range",
    "parse_probability",
    "parse_rate",
    "parse_size",
]

NS: Final = 1
US: Final = 1_000
MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
_MINUTE: Final = 60 * SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

MAX_DURATION_NS: Final = 100 * 366 * _DAY
"""The longest duration, about 100 years; beyond it a typing error is likelier than a wish."""

_UNITS_NS: Final = {"d": _DAY, "h": _HOUR, "m": _MINUTE, "s": SECOND, "ms": MS, "us": US, "ns": NS}
_NUMBER: Final = r"[0-9]{1,18}(?:\.[0-9]{1,18})?"
# Each unit at most once, from large to small; `m` must not swallow the `m` of `ms`.
_DURATION: Final = re.compile("".join(rf"(?:({_NUMBER}){unit}(?![a-z]))?" for unit in _UNITS_NS))
_BARE: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_CLOCK: Final = re.compile(r"([0-9]{1,4}):([0-9]{2})(?::([0-9]{2}))?")
_LOOSE: Final = re.compile(rf"({_NUMBER})\s*([A-Za-zµμ]+)")
_SPELLINGS: Final = {
    "d": ("day", "days"),
    "h": ("hour", "hours", "hr", "hrs"),
    "m": ("min", "mins", "minute", "minutes"),
    "s": ("sec", "secs", "second", "seconds"),
    "ms": ("msec", "millis", "millisecond", "milliseconds"),
    "us": ("µs", "μs", "usec", "micros", "microsecond", "microseconds"),
    "ns": ("nsec", "nanos", "nanosecond", "nanoseconds"),
}
_UNIT_OF_SPELLING: Final = {word: unit for unit, words in _SPELLINGS.items() for word in (unit, *words)}

_SIZES: Final = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE: Final = re.compile(rf"({_NUMBER})({'|'.join(_SIZES)})")
_RATE: Final = re.compile(rf"({_NUMBER})/(s|m|h)")
_PERCENT: Final = 100


def parse_duration(text: str) -> int:
    """Return the nanoseconds that `text` says: `250us`, `5ms`, `1.5s`, `1h10m`, `2d`.

    Raises UsageError for anything else, with what was probably meant: `10` is "10s?", `1:30` is "1m30s?".
    """
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise UsageError(f"{text!r} is not a duration: {_meant(text)}")
    total_ns = 0
    for amount, unit_ns in zip(match.groups(), _UNITS_NS.values(), strict=True):
        if amount is not None:
            total_ns += _exact(text, amount, unit_ns)
    if total_ns > MAX_DURATION_NS:
        raise UsageError(f"{text!r} is too long a duration: at most 100 years")
    return total_ns


def parse_duration_range(text: str) -> tuple[int, int]:
    """Return the two ends in nanoseconds of `a..b`; a single duration is both ends."""
    low_text, dots, high_text = text.partition("..")
    low_ns = parse_duration(low_text.strip())
    high_ns = parse_duration(high_text.strip()) if dots else low_ns
    if high_ns < low_ns:
        raise UsageError(f"{text!r} runs backwards: {high_text.strip()}..{low_text.strip()}?")
    return low_ns, high_ns


def format_duration(duration_ns: int, *, resolution_ns: int = 1) -> str:
    """Write nanoseconds as `parse_duration` reads them: `250us`, `3.041s`, `1h00m03.1s`.

    Exact by default; a `resolution_ns` of `MS` rounds down to milliseconds.
    """
    if duration_ns < 0:
        return "-" + format_duration(-duration_ns, resolution_ns=resolution_ns)
    duration_ns -= duration_ns % resolution_ns
    if duration_ns < SECOND:
        for unit, unit_ns in (("ms", MS), ("us", US)):
            if duration_ns >= unit_ns:
                return f"{_decimal(duration_ns, unit_ns)}{unit}"
        return f"{duration_ns}ns" if duration_ns else "0s"
    minutes, rest_ns = divmod(duration_ns, _MINUTE)
    if not minutes:
        return f"{_decimal(rest_ns, SECOND)}s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    text = f"{_decimal(rest_ns, SECOND, width=2)}s"
    if not (hours or days):
        return f"{minutes}m{text}"
    text = f"{minutes:02}m{text}"
    return f"{days}d{hours:02}h{text}" if days else f"{hours}h{text}"


def parse_size(text: str) -> int:
    """Return the bytes that `text` says: `10kB`, `1MB`, `4KiB`. Raises UsageError for anything else."""
    match = _SIZE.fullmatch(text)
    if match is None:
        meant = f"{text}kB?" if _BARE.fullmatch(text) else f"a number and one of {', '.join(_SIZES)}, as 10kB"
        raise UsageError(f"{text!r} is not a size: {meant}")
    return _exact(text, match[1], _SIZES[match[2]])


def parse_bandwidth(text: str) -> int:
    """Return the bytes a second that `text` says: `100MB/s`. Raises UsageError for anything else."""
    size, slash, per = text.partition("/")
    if not slash or per != "s":
        raise UsageError(f"{text!r} is not a bandwidth: a size a second, as 100MB/s")
    size_bytes = parse_size(size)
    if not size_bytes:
        raise UsageError(f"{text!r} lets nothing through: a partition does that")
    return size_bytes


def parse_rate(text: str) -> float:
    """Return how often a second `text` says: `20/s`, `90/m`, `0.5/h`. Raises UsageError for anything else."""
    match = _RATE.fullmatch(text)
    if match is None:
        meant = f"{text}/s?" if _BARE.fullmatch(text) else "a number a second, minute or hour, as 20/s"
        raise UsageError(f"{text!r} is not a rate: {meant}")
    rate = float(match[1]) * SECOND / _UNITS_NS[match[2]]
    if not rate:
        raise UsageError(f"{text!r} never happens: a rate is more than nothing")
    if rate > SECOND:
        raise UsageError(f"{text!r} is more often than once a nanosecond")
    return rate


def parse_probability(text: str) -> float:
    """Return the probability from 0 to 1 that `5%` or `0.05` says. Raises UsageError for anything else."""
    number, percent = (text[:-1], True) if text.endswith("%") else (text, False)
    if not re.fullmatch(_NUMBER, number):
        raise UsageError(f"{text!r} is not a probability: 5% or 0.05")
    probability = float(number) / _PERCENT if percent else float(number)
    if probability > 1:
        raise UsageError(f"{text!r} is more than certain" + ("" if percent else f": {text}%?"))
    return probability


def _exact(text: str, amount: str, unit: int) -> int:
    """Multiply a decimal number by an integer unit without a float, refusing what would be rounded away."""
    whole, _, fraction = amount.partition(".")
    scale: int = 10 ** len(fraction)
    product, rest = divmod(int(whole + fraction) * unit, scale)
    if rest:
        raise UsageError(f"{text!r} is finer than can be told apart: nanoseconds and bytes are whole")
    return product


def _decimal(amount: int, unit: int, *, width: int = 1) -> str:
    """Write `amount / unit` in full, without trailing zeros and without a float."""
    whole, rest = divmod(amount, unit)
    if not rest:
        return f"{whole:0{width}}"
    digits = f"{rest:0{len(str(unit)) - 1}}".rstrip("0")
    return f"{whole:0{width}}.{digits}"


def _meant(text: str) -> str:
    """Guess what a wrong duration was meant to be."""
    if _BARE.fullmatch(text):
        return f"{text}s?"
    if clock := _CLOCK.fullmatch(text):
        first, second, third = clock.groups()
        return f"{first}m{second}s?" if third is None else f"{first}h{second}m{third}s?"
    loose = _LOOSE.fullmatch(text.strip())
    if loose and (unit := _UNIT_OF_SPELLING.get(loose[2].lower())):
        return f"{loose[1]}{unit}?"
    if text.startswith("-"):
        return "it cannot be negative"
    return "write 250us, 5ms, 2s, 1m, 1h10m or 2d"
