"""The recorder: laws of the hash, and what it costs in memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.trace import Message, Recorder, first_difference
from meshsim.trace.blocks import BLOCK_NUMBERS
from meshsim.trace.layout import EVENT, NAME


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


SMALL = st.integers(0, 5)
WORD = st.sampled_from(["a/0", "b", "cache", "test", "é", ""])
STEPS = st.one_of(
    st.tuples(st.just("switch"), SMALL),
    st.tuples(st.just("packet"), SMALL, SMALL, SMALL, SMALL, st.integers(-3, 10**12)),
    st.tuples(st.just("event"), WORD, WORD, WORD),
    st.tuples(st.just("command"), WORD, WORD, WORD, SMALL, WORD),
    st.tuples(st.just("host"), SMALL, WORD),
    st.tuples(st.just("call"), WORD, WORD, WORD, st.one_of(st.none(), WORD), SMALL),
    st.tuples(st.just("wait"), st.integers(1, 10**12)),
)
RUNS = st.lists(STEPS, max_size=30)
Step = tuple[Any, ...]


def run(steps: list[Step], *, keep: bool = True, repeat: int = 1) -> Recorder:
    clock = Clock()
    recorder = Recorder(clock, keep=keep)
    for step in steps * repeat:
        verb, *rest = step
        if verb == "wait":
            clock.now += rest[0]
        elif verb == "call":
            caller, target, operation, body, status = rest
            request = None if body is None else Message(body=body.encode())
            call = recorder.call_sent("http", caller, target, operation, request=request)
            recorder.call_received(call, f"{target}/0")
            recorder.call_handled(call, status)
            if status:
                recorder.call_replied(call, status, Message(body=b"{}"))
            else:
                recorder.call_failed(call, "ReadTimeout")
        else:
            getattr(recorder, verb)(*rest)
    return recorder


@given(RUNS)
def test_the_same_events_have_the_same_hash(steps: list[Step]) -> None:
    """Two recorders of the same events agree, kept or not, looked at or not, and differ nowhere."""
    first, second = run(steps), run(steps, keep=False)
    assert first.hash == first.hash == second.hash
    assert first_difference(first, run(steps)) is None


@given(RUNS, RUNS)
def test_other_events_have_another_hash_and_the_difference_is_named(
    left: list[Step], right: list[Step]
) -> None:
    """Two recorders agree in their hash exactly when no record differs."""
    first, second = run(left), run(right)
    same = list(first.blocks.records()) == list(second.blocks.records())
    assert (first.hash == second.hash) == same
    assert (first_difference(first, second) is None) == same


@given(RUNS, st.data())
def test_one_changed_number_changes_the_hash(steps: list[Step], data: st.DataObject) -> None:
    """A packet that takes one nanosecond more anywhere in a run gives another hash, and is the one named."""
    place = data.draw(st.integers(0, len(steps)))
    first = run([*steps[:place], ("packet", 0, 1, 1, 100, 5), *steps[place:]])
    second = run([*steps[:place], ("packet", 0, 1, 1, 100, 6), *steps[place:]])
    assert first.hash != second.hash
    told = first_difference(first, second)
    assert told is not None
    assert "after 5 ns" in told
    assert "after 6 ns" in told


def test_block_ends_lose_nothing() -> None:
    """A run of many blocks decodes to as many records as it was given, in order and with their texts."""
    steps: list[Step] = [
        ("switch", 4),
        ("packet", 0, 1, 1, 9, 8),
        ("event", "log", "a", "x"),
        ("command", "a", "b", "GET", 1, ""),
    ]
    records = list(run(steps, repeat=3000).blocks.records())
    assert len(run(steps, repeat=3000).blocks.closed) > 2
    names = [record for record in records if record.code == NAME]
    assert [record.texts for record in names] == [("log",), ("a",), ("b",)]
    assert len(records) == 4 * 3000 + len(names)
    assert [record.number for record in records] == list(range(len(records)))
    assert [record.texts for record in records if record.code == EVENT] == [("x", "")] * 3000


def test_the_first_difference_is_found_behind_many_equal_blocks() -> None:
    """After 100,000 equal events the one that differs is named with the one before it."""

    def long(task: int) -> Recorder:
        clock = Clock()
        recorder = Recorder(clock)
        recorder.host(0, "shop/0")
        recorder.host(1, "cache")
        for number in range(100_000):
            clock.now += 1000
            recorder.switch(number)
        recorder.packet(0, 1, 1, 300, 1_000_000)
        recorder.switch(task)
        return recorder

    assert first_difference(long(7), long(8)) == (
        "the runs differ at event 100003, after "
        "0.100000000s packet source=shop/0 target=cache data size_bytes=300 after 1000000 ns\n"
        "  first:  0.100000000s switch task=7\n"
        "  second: 0.100000000s switch task=8"
    )


def test_a_run_that_ends_earlier_says_so() -> None:
    """Where one run simply has more, the other is said to end."""
    told = first_difference(run([("switch", 1)]), run([("switch", 1), ("event", "boot", "a/0", "up")]))
    assert told is not None
    assert "first:  ends here" in told


def test_without_content_the_difference_is_told_by_time() -> None:
    """Recorders that dropped their blocks still name the stretch of time."""
    steps: list[Step] = [("wait", 10**9)] + [("switch", 1)] * BLOCK_NUMBERS
    told = first_difference(run(steps, keep=False), run([("switch", 2), *steps], keep=False))
    assert told is not None
    assert "keep=True" in told


def test_addresses_never_reach_the_record() -> None:
    """Two errors that differ by an object's address alone are the same event."""
    texts = [f"HTTPConnectionPool(<urllib3.Connection object at 0x7f{digit}a0b1c2d30>)" for digit in "12"]
    first, second = (
        run([("event", "unhandled", "a/0", text), ("command", "a", "b", "GET", 1, text)]) for text in texts
    )
    assert first.hash == second.hash
    assert "0x7f" not in first.events[0].text


def test_bodies_are_part_of_the_hash() -> None:
    """Two calls that differ in one byte of their body differ."""
    assert (
        run([("call", "a", "b", "POST /", "x", 200)]).hash
        != run([("call", "a", "b", "POST /", "y", 200)]).hash
    )


def test_observers_see_each_step_of_a_call() -> None:
    """An observer is told every phase, with the call as it then is."""
    recorder = Recorder(Clock())
    seen: list[tuple[str, int]] = []
    recorder.observers.append(lambda phase, call: seen.append((phase, call.id)))
    call = recorder.call_sent("http", "a/0", "b", "GET /")
    recorder.call_received(call, "b/0")
    recorder.call_handled(call, 200)
    recorder.call_replied(call, 200)
    recorder.call_failed(recorder.call_sent("http", "a/0", "b", "GET /"), "refused")
    phases = ["sent", "received", "handled", "replied", "sent", "failed"]
    assert [phase for phase, _ in seen] == phases
    assert [number for _, number in seen] == [1, 1, 1, 1, 2, 2]


def test_a_late_handler_leaves_the_error_of_its_caller() -> None:
    """A handler that is done after its caller gave up does not make the call answered."""
    recorder = Recorder(Clock())
    call = recorder.call_sent("http", "a/0", "b", "GET /")
    recorder.call_failed(call, "ReadTimeout")
    recorder.call_handled(call, 200)
    assert not call.answered
    assert call.failed
    assert call.status == ""


@pytest.mark.parametrize(("keep", "bytes_max"), [(True, 41_000_000), (False, 3_000_000)])
def test_packets_take_little_memory(keep: bool, bytes_max: int) -> None:
    """300,000 packets take at most 41 MB with their content (a tenth of that is run here), little without."""
    clock = Clock()
    tracemalloc.start()
    recorder = Recorder(clock, keep=keep)
    for number in range(30_000):
        clock.now += 1000
        recorder.packet(3, 4, 1, 1500, number)
        recorder.switch(number)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < max(bytes_max / 10, 800_000)


PROCESS = """
from meshsim.trace import Message, Recorder
r = Recorder(lambda: 5)
r.event("boot", "shop/0", "up", tags={"b", "a", "c"}, n={"x": 1})
c = r.call_sent("pysoa", "shop/0", "orders", "place", request=Message(body={"ids": {"q", "w", "e"}}))
r.call_failed(c, "gone")
print(r.hash)
"""


def test_the_hash_does_not_depend_on_the_hash_seed() -> None:
    """Processes with different PYTHONHASHSEED give the same hash, sets in bodies and data included."""
    hashes = set()
    for seed in ("1", "2", "3"):
        command = [sys.executable, "-c", PROCESS]
        ran = subprocess.run(
            command, env={"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        )
        hashes.add(ran.stdout)
    assert len(hashes) == 1
    assert hashes == {"10e07be5ea6a7fff991a6e81ae7dc9af\n"}
