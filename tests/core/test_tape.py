"""The choice tape: saved, loaded, replayed, edited."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.core.streams import Streams
from meshsim.core.tape import Tape, bound_text
from meshsim.errors import ReplayError, UsageError

BOUNDS = st.one_of(st.just(0), st.integers(1, 200), st.integers(-1000, -2))


def draw(streams: Streams, label: str, bound: int) -> float:
    stream = streams.get(label)
    if bound == 0:
        return stream.random()
    return stream.getrandbits(bound) if bound > 0 else stream.choose(-bound)


def saved(tape: Tape) -> Tape:
    return Tape.from_dict(json.loads(json.dumps(tape.to_dict())))


@given(st.integers(), st.lists(st.tuples(st.sampled_from(["schedule", "network"]), BOUNDS), max_size=40))
def test_a_saved_tape_answers_as_the_run_did_whatever_the_seed(
    seed: int, wishes: list[tuple[str, int]]
) -> None:
    """A tape that went through JSON gives every draw again, under any seed."""
    tape = Tape()
    streams = Streams(seed, tape)
    drawn = [draw(streams, label, bound) for label, bound in wishes]
    again = Streams(seed + 1, saved(tape))
    assert [draw(again, label, bound) for label, bound in wishes] == drawn


def test_a_replay_runs_on_past_the_end_as_the_seed_would_have() -> None:
    """A tape cut short replays its beginning and then goes on exactly as the first run did."""
    tape = Tape()
    stream = Streams(3, tape).get("network")
    drawn = [stream.random() for _ in range(10)]
    tape.cut("network", 4)
    again = Streams(3, tape.rewind()).get("network")
    assert [again.random() for _ in range(10)] == drawn
    assert len(tape) == 10


def test_a_replay_that_asks_for_something_else_names_the_draw() -> None:
    """A strict replay whose bound differs raises ReplayError with label, index, and both bounds."""
    tape = Tape()
    stream = Streams(3, tape).get("schedule")
    stream.choose(3)
    stream.choose(5)
    again = Streams(3, tape.rewind()).get("schedule")
    again.choose(3)
    with pytest.raises(
        ReplayError, match=r"schedule\[1\]: recorded a choice of 5, now asked for a choice of 4"
    ):
        again.choose(4)


def test_a_lenient_replay_leaves_the_recording_where_it_no_longer_fits() -> None:
    """A lenient replay forgets a track from the first draw that differs on, and records the new ones."""
    tape = Tape()
    stream = Streams(3, tape).get("schedule")
    first = [stream.choose(9) for _ in range(5)]
    again = Streams(3, tape.rewind(lenient=True)).get("schedule")
    assert [again.choose(9), again.choose(9)] == first[:2]
    again.getrandbits(8)
    again.choose(7)
    assert list(tape.track("schedule").bounds) == [-9, -9, 8, -7]


def test_an_edit_changes_one_answer_and_no_other() -> None:
    """An edited draw is answered with the new value, its neighbours with the old ones."""
    tape = Tape()
    stream = Streams(3, tape).get("schedule")
    drawn: list[float] = [stream.choose(9), stream.getrandbits(128), stream.random()]
    tape.edit("schedule", 1, 17)
    again = Streams(3, saved(tape)).get("schedule")
    assert [again.choose(9), again.getrandbits(128), again.random()] == [drawn[0], 17, drawn[2]]


def test_deleted_draws_move_the_later_ones_up() -> None:
    """What follows a deleted draw is answered in its place, wide answers included."""
    tape = Tape()
    stream = Streams(3, tape).get("host:a/0")
    drawn = [stream.getrandbits(128) for _ in range(4)]
    tape.delete("host:a/0", 1, 3)
    again = Streams(9, saved(tape)).get("host:a/0")
    assert [again.getrandbits(128), again.getrandbits(128)] == [drawn[0], drawn[3]]


@pytest.mark.parametrize("value", [9, -1, 0.5])
def test_an_edit_that_is_no_answer_is_refused(value: float) -> None:
    """An edit outside of the bound is refused with the bound in words."""
    tape = Tape()
    Streams(3, tape).get("schedule").choose(9)
    with pytest.raises(UsageError, match="a choice of 9"):
        tape.edit("schedule", 0, value)


def test_an_edit_of_nothing_is_refused() -> None:
    """A label without draws, an index past the end and a part outside are refused by name."""
    tape = Tape()
    Streams(3, tape).get("schedule").choose(9)
    with pytest.raises(UsageError, match="'network'; the tape has \\['schedule'\\]"):
        tape.edit("network", 0, 1)
    with pytest.raises(UsageError, match="1 draws, so none at index 1"):
        tape.edit("schedule", 1, 1)
    with pytest.raises(UsageError, match="0:2 is not a part"):
        tape.delete("schedule", 0, 2)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"tape": 99},
        {"tape": 1},
        {"tape": 1, "skip": [], "tracks": {"a": {"bounds": [[0, 2]], "values": [0.5]}}},
        {"tape": 1, "skip": [], "tracks": {"a": {"bounds": [[-2, 1]], "values": [7]}}},
        {"tape": 1, "skip": [], "tracks": {"a": {"bounds": [[128, 1]], "values": ["xyz"]}}},
    ],
)
def test_a_damaged_tape_is_refused(data: object) -> None:
    """What is no tape, another version, too short or out of bounds is a ReplayError with a cure."""
    with pytest.raises(ReplayError, match="record the run again"):
        Tape.from_dict(data)  # type: ignore[arg-type]


def test_skipped_labels_leave_nothing_and_draw_the_same() -> None:
    """A label that is skipped gives the same draws and takes no room on the tape."""
    tape = Tape(skip=("host:",))
    off = [Streams(5, tape).get("host:a/0").random() for _ in range(3)]
    on = [Streams(5, Tape()).get("host:a/0").random() for _ in range(3)]
    assert off == on
    assert len(tape) == 0


def test_a_tape_takes_sixteen_bytes_a_draw() -> None:
    """The arrays of a track hold 8 bytes each a draw."""
    track = Tape().track("network")
    assert track.bounds.itemsize + track.values.itemsize == 16


def test_bounds_read_as_words() -> None:
    """Each kind of bound has words."""
    assert [bound_text(bound) for bound in (0, 32, -3)] == ["a float below 1", "32 bits", "a choice of 3"]
