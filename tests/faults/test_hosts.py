"""Verbs at hosts."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.kernel.patches import threading as main_thread
from tests.faults.fault_world import FaultWorld

if TYPE_CHECKING:
    from collections.abc import Callable

OK = {"ok"}


def test_a_crash_kills_every_replica_and_nobody_boots_them(world: FaultWorld) -> None:
    """Without a supervisor a crashed service stays down, and its events say where its code stood."""
    fault = world.fault(at="1s", crash="orders")
    world.run("5s")
    assert world.seen("orders/0", "1s", "5s") == set() == world.seen("orders/1", "1s", "5s")
    assert world.seen("shop/0", "0s", "5s") == OK
    assert fault.fired == 2
    crashes = world.trace.events("crash")
    assert [(event.at_ns, event.host, event.text) for event in crashes] == [
        (10**9, "orders/0", "CRASH"),
        (10**9, "orders/1", "CRASH"),
    ]
    assert crashes[0].data["place"] == "fault <dict>"
    assert crashes[0].data["where"].startswith("fault_world.py:")
    assert crashes[0].data["where"].endswith(("in ask", "in ask_on"))


@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
def test_a_supervisor_boots_a_crashed_host_again(carrier: str) -> None:
    """With `restart: 2s` the host is back two seconds later."""
    with FaultWorld(carrier=carrier, restart_ns=2_000_000_000) as world:
        world.fault(at="1s", crash="orders/1")
        world.run("5s")
        assert world.seen("orders/1", "1s", "3s") == set()
        assert world.seen("orders/1", "3s", "5s") == OK


def test_restart_crashes_and_boots_at_once(world: FaultWorld) -> None:
    """`restart` needs no supervisor, and boots a host that is down too."""
    world.fault(at="1s", crash="orders/0")
    fault = world.fault(at="2s", restart="orders")
    world.run("3s")
    assert world.seen("orders/0", "1s", "2s") == set()
    assert world.seen("orders/0", "2s", "3s") == OK == world.seen("orders/1", "2s", "3s")
    assert world.kernel.hosts["orders/1"].boots == 2
    assert fault.fired == 2


def test_any_crashes_one_living_replica_each_time(world: FaultWorld) -> None:
    """`every` with `/any` takes one living replica after the other, and fires no more when none is left."""
    fault = world.fault(every="1s", crash="orders/any")
    world.run("4.5s")
    assert sorted(host for _, host, _ in world.events("crash")) == ["orders/0", "orders/1"]
    assert [at for at, *_ in world.events("crash")] == [1000, 2000]
    assert fault.fired == 2
    assert fault.occurrences == 4


def test_a_pause_holds_a_host_and_its_connections(world: FaultWorld) -> None:
    """A paused host does nothing, loses nothing, and goes on where it stood; two pauses hold it for both."""
    world.fault(at="1s", **{"for": "1s"}, pause="orders/0")
    world.fault(at="1.5s", **{"for": "1s"}, pause="orders/0")
    world.run("4s")
    assert world.seen("orders/0", "1.05s", "2.5s") == set()
    assert world.seen("orders/0", "2.6s", "4s") == OK
    assert world.kernel.hosts["orders/0"].boots == 1
    assert [at for at, *_ in world.events("pause")] == [1000, 1500]
    assert [at for at, *_ in world.events("resume")] == [2000, 2500]


def test_a_healed_pause_is_over(world: FaultWorld) -> None:
    """`heal()` of a pause without an end lets the host go on."""
    with world.fault(pause="orders/0"):
        world.run("1s")
    world.run("1s")
    assert world.seen("orders/0", "50ms", "1s") == set()
    assert world.seen("orders/0", "1.1s", "2s") == OK


def test_terminate_runs_the_handler_in_the_main_task_of_the_host(world: FaultWorld) -> None:
    """SIGTERM reaches the service's own handler, in its own flow, and a host without one dies."""
    seen: list[tuple[str, str]] = []

    def main() -> None:
        main_thread.become_main_thread()
        signal.signal(signal.SIGTERM, lambda *_: seen.append((world.kernel.active.host.name, "SIGTERM")))
        world.kernel.sleep(10**12)

    host = world.kernel.hosts["orders/0"]
    world.kernel.kill(host.process, -9)
    world.kernel.spawn(world.kernel.boot(host), main)
    fault = world.fault(at="1s", terminate="orders")
    world.run("2s")
    assert seen == [("orders/0", "SIGTERM")]
    assert host.alive
    assert not world.kernel.hosts["orders/1"].alive
    assert fault.fired == 2


def test_a_crash_at_a_reply_ends_the_caller_before_it_does_anything_more(world: FaultWorld) -> None:
    """`replied` with `crash: caller` strikes in the caller's own flow, at the third reply and no other."""
    fault = world.fault(when="orders/0 -> cache GET replied", nth=3, crash="caller")
    world.run("1s")
    assert [what for name, _, what in world.outcomes if name == "orders/0"] == ["ok", "ok"]
    assert sum(1 for call in world.recorder.calls if call.caller == "orders/0" and call.answered) == 3
    assert world.seen("orders/1", "0s", "1s") == OK
    assert fault.fired == 1
    assert world.recorder.observers == []


def test_a_trigger_may_name_the_target_and_a_delay(world: FaultWorld) -> None:
    """`crash: target` strikes who was called, `plus` after the event."""
    world.fault(when="shop -> cache sent", nth=2, plus="1s", crash="target")
    world.run("3s")
    ((at_ms, host, _),) = world.events("crash")
    sent = [call.sent_ns for call in world.recorder.calls if call.caller == "shop/0"]
    assert host == "cache"
    assert at_ms == (sent[1] + 10**9) // 10**6


def test_the_test_itself_is_never_crashed(world: FaultWorld) -> None:
    """A trigger whose caller is the test meets nothing."""
    fault = world.fault(when="test -> cache sent", crash="caller")
    world.recorder.call_sent("echo", "test", "cache", "GET")
    assert not fault.fired
    world.run("1ms")


def _crash_many(world: FaultWorld) -> None:
    world.fault(every="200ms..900ms", crash="orders/any")
    world.fault(between="1s..3s", restart="orders/any")


def _lose_some(world: FaultWorld) -> None:
    world.fault(partition={"to": ["orders", "cache"], "probability": 0.3})


@pytest.mark.parametrize("plan", [_crash_many, _lose_some])
def test_the_same_seed_breaks_the_same_way(plan: Callable[[FaultWorld], None]) -> None:
    """Two runs of a seed have one hash, on both carriers; another seed has another."""

    def run(seed: int, carrier: str) -> Any:
        with FaultWorld(seed, carrier, restart_ns=100_000_000) as world:
            plan(world)
            world.run("4s")
            return world.recorder.hash

    first = run(7, "greenlet")
    assert run(7, "greenlet") == first
    assert run(7, "thread") == first
    assert run(8, "greenlet") != first


def test_one_fault_more_leaves_the_moments_of_others_alone() -> None:
    """Each fault draws from a stream of its own."""

    def crashes(*, more: bool) -> list[tuple[int, str, str]]:
        with FaultWorld(3) as world:
            if more:
                world.fault(between="1s..5s", pause="shop/any", **{"for": "1ms"})
            world.fault(every="300ms..2s", crash="orders/any")
            world.run("6s")
            return world.events("crash")

    assert crashes(more=True) == crashes(more=False)
