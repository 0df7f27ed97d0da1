"""When open workloads call."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest

from meshsim.core.streams import Stream
from meshsim.scenario.rates import parse_rate_form
from meshsim.workloads.arrivals import arrivals

S = 1_000_000_000
MS = 1_000_000


def moments(rate: str, begin_s: float = 0, end_s: float | None = 10, seed: int = 1) -> list[int]:
    end_ns = None if end_s is None else int(end_s * S)
    return list(islice(arrivals(parse_rate_form(rate), int(begin_s * S), end_ns, Stream(seed)), 100_000))


def test_an_even_rate_begins_at_once_and_never_drifts() -> None:
    """20/s for ten seconds are 200 calls, each exactly 50 ms after the last; the end is not included."""
    found = moments("20/s")
    assert found == [50 * MS * number for number in range(200)]
    assert moments("3/s", 5, 6) == [5 * S, 5 * S + 333_333_333, 5 * S + 666_666_667]


def test_a_random_rate_has_its_mean_and_no_rhythm() -> None:
    """poisson(20/s) makes about as many calls as 20/s, with gaps as irregular as they are long."""
    found = moments("poisson(20/s)", end_s=500)
    gaps = [later - earlier for earlier, later in pairwise(found)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert 9_700 < len(found) < 10_300
    assert 0.95 < spread / mean < 1.05
    assert moments("poisson(20/s)", seed=2) != moments("poisson(20/s)", seed=1) == moments("poisson(20/s)")


@pytest.mark.parametrize("rate", ["20/s..200/s", "poisson(20/s..200/s)"])
def test_a_ramp_rises_evenly(rate: str) -> None:
    """20/s..200/s over ten seconds: 29 calls in the first second, 191 in the last, 1,100 in all."""
    found = moments(rate)
    first, last = (sum(low * S <= at < (low + 1) * S for at in found) for low in (0, 9))
    slack = 0.25 if rate.startswith("poisson") else 0.02
    assert abs(first - 29) <= 29 * slack + 1
    assert abs(last - 191) <= 191 * slack + 1
    assert abs(len(found) - 1100) <= 1100 * slack / 2
    assert found == sorted(found)


def test_a_ramp_may_fall() -> None:
    """200/s..20/s is the ramp the other way round."""
    found = moments("200/s..20/s")
    assert abs(len(found) - 1100) <= 2
    assert sum(at < S for at in found) == pytest.approx(191, abs=2)


def test_without_an_end_it_goes_on() -> None:
    """An even rate whose end nobody knows never stops by itself."""
    assert len(moments("1000/s", end_s=None)) == 100_000
