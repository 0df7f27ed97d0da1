"""Numbers with units: what is read, what is refused with which hint, and that nothing is lost on the way."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.core.units import (
    MAX_DURATION_NS,
    MS,
    SECOND,
    format_duration,
    parse_bandwidth,
    parse_duration,
    parse_duration_range,
    parse_probability,
    parse_rate,
    parse_size,
)
from meshsim.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("250us", 250_000),
        ("5ms", 5_000_000),
        ("2s", 2_000_000_000),
        ("1m", 60_000_000_000),
        ("1h10m", 4_200_000_000_000),
        ("2d", 172_800_000_000_000),
        ("0.1s", 100_000_000),
        ("1h00m03.1s", 3_603_100_000_000),
        ("7ns", 7),
        ("1m5ms", 60_005_000_000),
        ("0s", 0),
    ],
)
def test_a_duration_is_exact(text: str, expected_ns: int) -> None:
    """A duration is a whole number of nanoseconds, not a rounded float of seconds."""
    assert parse_duration(text) == expected_ns


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("10", "10s?"),
        ("1.5", "1.5s?"),
        ("1:30", "1m30s?"),
        ("1:02:03", "1h02m03s?"),
        ("5 ms", "5ms?"),
        ("5sec", "5s?"),
        ("3 minutes", "3m?"),
        ("7µs", "7us?"),
        ("-5s", "cannot be negative"),
        ("", "write 250us"),
        ("soon", "write 250us"),
        ("5s3m", "write 250us"),
        ("1s1s", "write 250us"),
        ("0.5ns", "finer"),
        ("40000d", "100 years"),
        ("9" * 5000, "s?"),
        ("٣s", "write 250us"),
    ],
)
def test_a_wrong_duration_is_refused_with_what_was_meant(text: str, hint: str) -> None:
    """What is not a duration is refused with its value and with what was probably meant."""
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert hint in str(caught.value)
    assert repr(text) in str(caught.value)


@given(st.integers(0, MAX_DURATION_NS))
def test_writing_and_reading_a_duration_loses_nothing(duration_ns: int) -> None:
    """Every duration is read back from its own text."""
    assert parse_duration(format_duration(duration_ns)) == duration_ns


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_a_resolution_only_rounds_down(duration_ns: int, other_ns: int) -> None:
    """A coarser text is never later than the exact one, and keeps the order of two moments."""
    coarse = parse_duration(format_duration(duration_ns, resolution_ns=MS))
    assert 0 <= duration_ns - coarse < MS
    other = parse_duration(format_duration(other_ns, resolution_ns=MS))
    assert (coarse <= other) or duration_ns > other_ns


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0s"),
        (3_041_000_000, "3.041s"),
        (3_603_100_000_000, "1h00m03.1s"),
        (250_000, "250us"),
        (1_500_000, "1.5ms"),
        (63_000_000_000, "1m03s"),
        (-5_000_000, "-5ms"),
        (90_061 * SECOND, "1d01h01m01s"),
    ],
)
def test_durations_are_written_as_people_read_them(duration_ns: int, text: str) -> None:
    """A duration is written with the units that a person would choose."""
    assert format_duration(duration_ns) == text


def test_a_range_has_two_ends() -> None:
    """A range is two durations; a single one is both ends; blanks around the dots do not matter."""
    assert parse_duration_range("20s..40s") == (20 * SECOND, 40 * SECOND)
    assert parse_duration_range("5s") == (5 * SECOND, 5 * SECOND)
    assert parse_duration_range("1s .. 2s") == (SECOND, 2 * SECOND)
    with pytest.raises(UsageError, match=r"2s\.\.4s\?"):
        parse_duration_range("4s..2s")


def test_sizes_and_bandwidths_are_bytes() -> None:
    """Sizes are powers of ten unless they say otherwise; a bandwidth is a size a second."""
    assert [parse_size(text) for text in ("10kB", "1MB", "4KiB", "1.5kB", "7B")] == [
        10_000,
        10**6,
        4096,
        1500,
        7,
    ]
    assert parse_bandwidth("100MB/s") == 100_000_000
    for text, hint in (("10", "10kB?"), ("1 MB", "as 10kB"), ("0.5B", "finer")):
        with pytest.raises(UsageError, match=hint.replace("?", r"\?")):
            parse_size(text)
    for text in ("100MB", "100MB/m", "0B/s", "100/s"):
        with pytest.raises(UsageError):
            parse_bandwidth(text)


def test_rates_are_a_second() -> None:
    """A rate is so many a second, minute or hour, and never nothing."""
    assert [parse_rate(text) for text in ("20/s", "90/m", "0.5/s", "3600/h")] == [20, 1.5, 0.5, 1]
    for text, hint in (
        ("20", r"20/s\?"),
        ("0/s", "never"),
        ("20/d", "as 20/s"),
        ("9999999999/s", "nanosecond"),
    ):
        with pytest.raises(UsageError, match=hint):
            parse_rate(text)


def test_probabilities_lie_between_never_and_always() -> None:
    """A probability is a share of one or of a hundred, never more."""
    assert [parse_probability(text) for text in ("5%", "0.1%", "0.25", "1", "0")] == [0.05, 0.001, 0.25, 1, 0]
    for text, hint in (("5", r"5%\?"), ("101%", "certain"), ("-1", "not a probability"), ("", "not a prob")):
        with pytest.raises(UsageError, match=hint):
            parse_probability(text)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes a parser fail in any way but its own."""
    for parse in (
        parse_duration,
        parse_duration_range,
        parse_size,
        parse_bandwidth,
        parse_rate,
        parse_probability,
    ):
        with contextlib.suppress(UsageError):
            parse(text)
