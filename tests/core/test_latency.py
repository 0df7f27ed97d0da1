"""Distributions of time: one draw a sample, the shape that the text says, and hints for what is wrong."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.core.latency import parse_latency
from meshsim.core.units import MAX_DURATION_NS, MS, SECOND
from meshsim.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

FORMS = (
    "5ms",
    "200us..400us",
    "normal(mean=5ms sd=1ms)",
    "lognormal(median=5ms p99=40ms)",
    "exponential(mean=5ms)",
    "pareto(scale=5ms shape=2.5)",
)


class Counted(random.Random):
    """A source that counts its draws."""

    draws = 0

    def random(self) -> float:
        """Return the next number and count it."""
        self.draws += 1
        return super().random()


@pytest.mark.parametrize("text", FORMS)
def test_a_sample_is_one_draw(text: str) -> None:
    """Each sample takes exactly one draw, and a constant none, so that a recorded draw can be edited."""
    source = Counted(7)
    latency = parse_latency(text)
    for _ in range(100):
        latency.sample(source)
    assert source.draws == (0 if latency.constant_ns is not None else 100)


@pytest.mark.parametrize("text", FORMS)
def test_the_same_seed_gives_the_same_samples(text: str) -> None:
    """A distribution keeps nothing between samples: equal seeds give equal samples."""
    latency = parse_latency(text)
    first, second = (
        [latency.sample(source) for _ in range(20)] for source in (random.Random(3), random.Random(3))
    )
    assert first == second


@pytest.mark.parametrize("text", FORMS)
@given(first=st.floats(0, 1, exclude_max=True), second=st.floats(0, 1, exclude_max=True))
def test_a_larger_draw_is_never_faster(text: str, first: float, second: float) -> None:
    """The quantile rises with its share and stays a whole number of nanoseconds in bounds."""
    latency = parse_latency(text)
    low, high = latency.quantile(min(first, second)), latency.quantile(max(first, second))
    assert isinstance(low, int)
    assert 0 <= low <= high <= MAX_DURATION_NS


def test_the_parameters_mean_what_they_say() -> None:
    """A median is the median and a p99 the 99th percentile, to the microsecond."""
    lognormal = parse_latency("lognormal(median=5ms p99=40ms)")
    assert lognormal.quantile(0.5) == pytest.approx(5 * MS, abs=1000)
    assert lognormal.quantile(0.99) == pytest.approx(40 * MS, abs=1000)
    normal = parse_latency("normal(mean=5ms sd=1ms)")
    assert normal.quantile(0.5) == pytest.approx(5 * MS, abs=1000)
    assert normal.quantile(0.8413447) == pytest.approx(6 * MS, abs=1000)
    assert parse_latency("exponential(mean=10ms)").quantile(0.632120558) == pytest.approx(10 * MS, abs=1000)
    pareto = parse_latency("pareto(scale=2ms shape=1)")
    assert (pareto.quantile(0), pareto.quantile(0.5)) == pytest.approx((2 * MS, 4 * MS), abs=1000)


def test_a_range_reaches_both_its_ends() -> None:
    """Both ends of a range can happen and nothing outside it."""
    latency = parse_latency("1ns..3ns")
    drawn = {latency.sample(random.Random(seed)) for seed in range(200)}
    assert drawn == {1, 2, 3}


def test_a_normal_never_arrives_before_it_was_sent() -> None:
    """The lower tail of a normal distribution is cut at nothing."""
    assert parse_latency("normal(mean=1ms sd=5ms)").quantile(0.01) == 0


@pytest.mark.parametrize("text", FORMS)
def test_an_edited_draw_may_be_as_small_as_it_likes(text: str) -> None:
    """The quantile goes on falling below the smallest draw that a generator makes."""
    latency = parse_latency(text)
    assert latency.quantile(0) <= latency.quantile(1e-300) <= latency.quantile(1e-3)


def test_a_heavy_tail_ends_at_the_longest_duration() -> None:
    """A tail that leaves all numbers is cut, not an OverflowError."""
    assert parse_latency("pareto(scale=5ms shape=0.000000001)").quantile(0.9) == MAX_DURATION_NS
    assert parse_latency("lognormal(median=1ns p99=36000d)").quantile(1 - 2**-53) == MAX_DURATION_NS


def test_samples_come_from_the_file(tmp_path: Path) -> None:
    """Samples are the first column of a file beside the scenario, with or without a header."""
    (tmp_path / "measured.csv").write_text("latency\n3ms\n1ms,note\n\n2ms\n", encoding="utf-8")
    latency = parse_latency("samples(measured.csv)", folder=tmp_path)
    assert [latency.quantile(share) for share in (0, 0.34, 0.67, 0.999)] == [MS, 2 * MS, 3 * MS, 3 * MS]


@pytest.mark.parametrize(
    ("content", "hint"),
    [(None, "No such file"), ("", "has 0 samples"), ("1ms\n17\n", "17s?"), ("\xff", "cannot be read")],
)
def test_a_bad_file_of_samples_is_named(tmp_path: Path, content: str | None, hint: str) -> None:
    """A file that is missing, empty or wrong is refused with its path and why."""
    if content is not None:
        (tmp_path / "measured.csv").write_text(content, encoding="latin-1")
    with pytest.raises(UsageError) as caught:
        parse_latency("samples(measured.csv)", folder=tmp_path)
    assert hint in str(caught.value)
    assert "measured.csv" in str(caught.value)


def test_blanks_and_commas_separate_arguments() -> None:
    """Blanks separate arguments; a comma does too where YAML lets one arrive."""
    plain = parse_latency("lognormal(median=5ms p99=40ms)")
    assert parse_latency("lognormal(median=5ms, p99=40ms)") == plain
    assert parse_latency("lognormal( median = 5ms  p99 = 40ms )") == plain
    assert str(plain) == "lognormal(median=5ms p99=40ms)"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("10", "10s?"),
        ("lognormal(median=5ms", "a comma ends"),
        ("p99=40ms)", "a comma ends"),
        ("lognormal(median=5ms)", "lacks p99="),
        ("lognormal(5ms 40ms)", "NAME=VALUE"),
        ("lognormal(median=5ms p90=40ms)", "unknown argument 'p90'"),
        ("lognormal(median=5ms median=6ms p99=40ms)", "twice"),
        ("lognormal(median=40ms p99=5ms)", "swap"),
        ("lognormal(median=0s p99=5ms)", "more than 0s"),
        ("lognorml(median=5ms p99=40ms)", "did you mean 'lognormal'?"),
        ("pareto(scale=1ms shape=0)", "above 0"),
        ("pareto(scale=1ms shape=x)", "above 0"),
        ("pareto(scale=0s shape=1)", "more than 0s"),
        ("exponential(mean=5)", "5s?"),
        ("2ms..1ms", "1ms..2ms?"),
    ],
)
def test_a_wrong_latency_is_refused_with_what_is_right(text: str, hint: str) -> None:
    """What is not a latency is refused with what would be right."""
    with pytest.raises(UsageError) as caught:
        parse_latency(text)
    assert hint in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_is_a_latency_or_refused(text: str) -> None:
    """No text makes the parser fail in any way but its own."""
    try:
        latency = parse_latency(text, folder="no-such-folder")
    except UsageError:
        return
    assert 0 <= latency.quantile(0.5) <= 100 * 366 * 86_400 * SECOND
