"""When faults begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.core.streams import Stream
from meshsim.faults.moments import end_ns, first_begin_ns, lasts, next_begin_ns
from tests.faults.fault_world import spec_of

if TYPE_CHECKING:
    from tests.faults.fault_world import FaultWorld

S = 1_000_000_000


def draws(**words: object) -> list[int]:
    return [first_begin_ns(spec_of(**words), 0, Stream(seed)) for seed in range(200)]


def test_between_draws_a_moment_for_an_instant_verb() -> None:
    """An instant verb happens once, anywhere in the window."""
    moments = draws(between="10s..20s", crash="orders")
    assert min(moments) >= 10 * S
    assert max(moments) <= 20 * S
    assert max(moments) - min(moments) > 9 * S


def test_between_is_filled_by_a_lasting_verb() -> None:
    """A lasting verb acts through the window, or for a while that begins in it."""
    fills = spec_of(between="10s..20s", partition=["orders", "cache"])
    assert (first_begin_ns(fills, 5 * S, Stream(1)), end_ns(fills, 5 * S, 15 * S)) == (15 * S, 25 * S)
    within = spec_of(between="10s..20s", **{"for": "2s"}, partition=["orders", "cache"])
    begin = first_begin_ns(within, 0, Stream(1))
    assert 10 * S < begin < 20 * S
    assert end_ns(within, 0, begin) == begin + 2 * S


def test_every_begins_after_a_period_or_at_its_moment_and_ends_at_until() -> None:
    """`every` first waits a period unless `at` says when; `until` ends the repetition."""
    assert set(draws(every="3s", crash="orders")) == {3 * S}
    spec = spec_of(at="1s", every="3s", until="8s", crash="orders")
    assert first_begin_ns(spec, 0, Stream(1)) == S
    assert next_begin_ns(spec.when, 0, S, Stream(1)) == 4 * S
    assert next_begin_ns(spec.when, 0, 5 * S, Stream(1)) is None


def test_a_reset_lasts_only_if_its_words_say_so() -> None:
    """A verb that can do either acts at a moment unless it is given a duration."""
    ends = ["orders", "cache"]
    assert not lasts(spec_of(at="1s", reset=ends))
    assert not lasts(spec_of(every="1s", until="9s", reset=ends))
    assert lasts(spec_of(at="1s", **{"for": "1s"}, reset=ends))
    assert lasts(spec_of(between="0s..9s", probability=0.05, reset=ends))


def test_a_repeated_partition_comes_and_goes(world: FaultWorld) -> None:
    """`every` with `for` begins and heals each time."""
    fault = world.fault(every="1s", **{"for": "100ms"}, until="3.5s", partition=["orders", "cache"])
    world.run("6s")
    assert [at for at, *_ in world.events("fault")] == [1000, 2000, 3000]
    assert [at for at, *_ in world.events("heal")] == [1100, 2100, 3100]
    assert fault.occurrences == 3
    assert world.fabric.rules == []


def test_healing_takes_what_is_to_come_with_it(world: FaultWorld) -> None:
    """A healed fault neither acts now nor ever begins again."""
    waiting = world.fault(at="5s", crash="orders")
    counting = world.fault(after_calls=500, crash="shop")
    repeated = world.fault(at="0s", every="1s", partition=["orders", "cache"])
    world.run("500ms")
    world.nemesis.heal_all()
    world.run("9s")
    assert [fault.healed for fault in (waiting, counting, repeated)] == [True] * 3
    assert waiting.fired == counting.fired == 0
    assert world.seen("orders/0", "2s", "9s") == {"ok"}
    assert world.recorder.observers == []


def test_after_calls_begins_when_so_many_have_ended(world: FaultWorld) -> None:
    """The fault begins with the end of the tenth call between its ends, not of others."""
    world.fault(after_calls=10, partition=["orders/0", "cache"])
    world.run("2s")
    assert [what for name, _, what in world.outcomes if name == "orders/0"][:9] == ["ok"] * 9
    ((begin_ms, _, _),) = world.events("fault")
    ended = [
        call.replied_ns or 0 for call in world.recorder.calls if call.caller == "orders/0" and call.answered
    ]
    assert len(ended) == 10
    assert begin_ms == ended[-1] // 1_000_000
    assert world.seen("shop/0", "0s", "2s") == {"ok"}


def test_after_messages_counts_packets_with_data(world: FaultWorld) -> None:
    """The fault begins when so many messages were sent over the link, both ways counted."""
    world.fault(after_messages=7, partition=["orders/0", "cache"])
    world.run("2s")
    answered = [call for call in world.recorder.calls if call.caller == "orders/0" and call.answered]
    assert len(answered) == 3
    assert len(world.events("fault")) == 1


def test_probability_of_an_instant_verb_is_that_of_each_occurrence(world: FaultWorld) -> None:
    """A crash with a probability happens at some of its moments, and `first` limits how often."""
    fault = world.fault(every="10ms", probability=0.2, first=2, restart="orders/0")
    world.run("2s")
    assert fault.fired == 2
    assert fault.declined > 5


def test_a_trigger_with_a_chance_may_meet_any_call(world: FaultWorld) -> None:
    """With `probability` each matching event is a chance, with `first` so many of them."""
    fault = world.fault(when="orders -> cache replied", first=3, restart="caller")
    world.run("1s")
    assert fault.fired == 3


def test_a_command_can_trigger(world: FaultWorld) -> None:
    """Commands, which are noted when they are over, trigger `replied` and `failed`."""
    fault = world.fault(when="orders -> cache SET replied", nth=2, crash="orders/1")
    for _ in range(2):
        assert not fault.fired
        world.recorder.command("orders/0", "cache", "GET a")
        world.recorder.command("orders/0", "cache", "SET a 1", error="READONLY")
        world.recorder.command("orders/0", "cache", "SET a 1")
    world.run("1ms")
    assert fault.fired == 1
    assert "command" not in vars(world.recorder)


def test_a_trigger_alone_means_its_first_event(world: FaultWorld) -> None:
    """Without `nth`, `first` or `probability` a trigger acts once."""
    fault = world.fault(when="orders -> cache replied", restart="caller")
    world.run("1s")
    assert fault.fired == 1
