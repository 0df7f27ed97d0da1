"""Labelled streams: derived by name, independent, recorded whatever method draws."""

from __future__ import annotations

import copy
import pickle
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.core.streams import Stream, Streams, derive
from meshsim.core.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS: list[Callable[[random.Random], object]] = [
    lambda r: r.random(),
    lambda r: r.uniform(1, 5),
    lambda r: r.randrange(10**30),
    lambda r: r.randint(1, 6),
    lambda r: r.choice("abc"),
    lambda r: r.choices("abc", k=3),
    lambda r: r.sample(range(50), 5),
    lambda r: r.randbytes(16),
    lambda r: r.gauss(0, 1),
    lambda r: r.lognormvariate(0, 1),
    lambda r: r.expovariate(2.0),
    lambda r: r.paretovariate(3.0),
    lambda r: r.triangular(0, 1, 0.5),
    lambda r: r.getrandbits(64),
]


@pytest.mark.parametrize("method", range(len(METHODS)))
def test_every_method_draws_as_random_does_and_through_the_tape(method: int) -> None:
    """Each method of Random gives what a plain generator of that seed gives, and a replay gives it again."""
    call = METHODS[method]
    plain = random.Random(derive(7, "network"))
    tape = Tape()
    stream = Streams(7, tape).get("network")
    drawn = [call(stream) for _ in range(5)]
    assert drawn == [call(plain) for _ in range(5)]
    assert len(tape) > 0
    assert [call(Streams(8, tape.rewind()).get("network")) for _ in range(1)] == drawn[:1]


@given(st.integers(), st.integers(0, 20))
def test_draws_in_one_stream_leave_the_others_alone(seed: int, extra: int) -> None:
    """However often one label draws, the next draw of another is the same."""
    streams = Streams(seed, Tape())
    for _ in range(extra):
        streams.get("schedule").random()
    assert streams.get("network").random() == Streams(seed).get("network").random()


@given(st.integers(), st.integers(2, 2**32 - 1))
def test_a_choice_is_below_its_bound_on_and_off_the_tape(seed: int, n: int) -> None:
    """choose(n) is a whole number below n, and recording does not change it."""
    chosen = Streams(seed, Tape()).get("schedule").choose(n)
    assert chosen == Streams(seed).get("schedule").choose(n)
    assert isinstance(chosen, int)
    assert 0 <= chosen < n


def test_choices_are_even() -> None:
    """Each of three choices comes up about a third of the time."""
    stream = Streams(1).get("schedule")
    counts = [0, 0, 0]
    for _ in range(3000):
        counts[stream.choose(3)] += 1
    assert all(900 < count < 1100 for count in counts)


def test_a_label_is_one_stream() -> None:
    """Asking twice for a label gives the same object, so that draws go on."""
    streams = Streams(1)
    assert streams.get("faults") is streams.get("faults")
    assert streams.get("faults") is not streams.get("workload")


def test_a_copied_generator_is_off_the_tape() -> None:
    """A copy or a pickle of a stream draws on from the same state and records nothing."""
    tape = Tape()
    stream = Streams(1, tape).get("host:a/0")
    stream.random()
    for twin in (copy.copy(stream), copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))):
        assert type(twin) is random.Random
        assert twin.getstate() == stream.getstate()
        twin.random()
    assert len(tape) == 1


def test_a_service_that_seeds_its_generator_gets_that_seed() -> None:
    """seed() on a stream makes it draw as a plain generator with that seed, and the draws are recorded."""
    tape = Tape()
    stream = Streams(1, tape).get("host:a/0")
    stream.seed(42)
    assert stream.random() == random.Random(42).random()
    assert len(tape) == 1


def test_no_bits_are_no_draw() -> None:
    """getrandbits(0) is 0 and takes no place on the tape, in a replay neither."""
    tape = Tape()
    stream = Streams(1, tape).get("a")
    assert (stream.getrandbits(0), stream.getrandbits(8)) == (0, stream._track.value(0))  # type: ignore[attr-defined]
    again = Streams(1, tape.rewind()).get("a")
    assert again.getrandbits(0) == 0
    assert len(tape) == 1


def test_the_seed_of_a_label_is_pinned() -> None:
    """derive() gives this number on every machine: a saved seed stays the same run."""
    assert derive(7, "network") == int("390c8b6cdd672299321a6f67a6f8fcd", 16)
    assert isinstance(Streams(7).get("network"), Stream)


def test_streams_do_not_depend_on_the_hash_seed() -> None:
    """Two processes with different PYTHONHASHSEED draw the same."""
    code = "from meshsim.core.streams import Streams; print(Streams(7).get('host:a').random())"
    outputs = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-c", code]
        ran = subprocess.run(
            command, env={"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        )
        outputs.add(ran.stdout)
    assert len(outputs) == 1
