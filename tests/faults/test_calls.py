"""Verbs at calls, and failover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.faults import ErrorReply, Interception
from tests.faults.fault_world import spec_of

if TYPE_CHECKING:
    from tests.faults.fault_world import FaultWorld

MS = 1_000_000
POST = ("shop/0", "orders/1", "POST /orders")


def test_nothing_is_intercepted_without_a_fault(world: FaultWorld) -> None:
    """Rooms that ask get None, before and after a fault."""
    ask = world.nemesis.interceptions.for_call
    assert ask(*POST) is None
    with world.fault(error={"to": "orders POST /orders", "status": 503}) as fault:
        assert ask(*POST) == Interception(ErrorReply(503))
        assert ask("shop/0", "orders/1", "GET /orders") is None
        assert ask("shop/0", "shop/0", "POST /orders") is None
    assert ask(*POST) is None
    assert fault.fired == 1


def test_delays_add_up_and_the_first_error_stands(world: FaultWorld) -> None:
    """Faults at one call compose."""
    slow = world.fault(delay={"to": "orders", "by": "5ms"})
    world.fault(error={"to": "orders", "status": 503, "json": {"why": "busy"}})
    late = world.fault(error={"to": "orders", "status": 500})
    world.fault(delay={"to": "orders POST /orders", "by": "2ms"})
    found = world.nemesis.interceptions.for_call(*POST)
    assert found == Interception(ErrorReply(503, json={"why": "busy"}), 7 * MS)
    assert (slow.fired, late.fired) == (1, 0)


def test_a_loss_is_for_good_whatever_else_meets_the_call(world: FaultWorld) -> None:
    """`drop` loses the calls that it meets, and only those."""
    lost = world.fault(drop={"to": "orders", "first": 1})
    world.fault(delay={"to": "orders", "by": "2ms"})
    ask = world.nemesis.interceptions.for_call
    assert ask(*POST) == Interception(None, 2 * MS, drop=True)
    assert ask(*POST) == Interception(None, 2 * MS)
    assert lost.fired == 1


def test_first_and_after_calls_choose_calls(world: FaultWorld) -> None:
    """`after_calls: 2, first: 3` meets the third to the fifth call."""
    world.fault(error={"to": "orders", "status": 503, "first": 3, "after_calls": 2})
    met = [world.nemesis.interceptions.for_call(*POST) is not None for _ in range(7)]
    assert met == [False, False, True, True, True, False, False]


def test_probability_meets_a_share_of_calls(world: FaultWorld) -> None:
    """A twentieth of the calls, by the fault's own stream."""
    fault = world.fault(error={"to": "orders", "status": 503, "probability": 0.05})
    for _ in range(2000):
        world.nemesis.interceptions.for_call(*POST)
    assert 60 < fault.fired < 140


def test_a_failover_tells_the_platform_service_how_much_to_lose(world: FaultWorld) -> None:
    """`failover` calls the sentinel's platform service at its moment."""
    fault = world.fault(at="1s", failover={"to": "sentinel", "lose": "200ms"})
    world.run("900ms")
    assert world.platforms["sentinel"].failovers == []
    world.run("200ms")
    assert world.platforms["sentinel"].failovers == [200 * MS]
    assert fault.fired == 1
    assert world.events("fault") == [(1000, "", "failover sentinel")]


def test_an_error_in_force_is_noted_with_its_end(world: FaultWorld) -> None:
    """The trace says when a fault at calls began and ended."""
    world.nemesis.start([spec_of(at="1s", **{"for": "1s"}, error={"to": "orders", "status": 503})], 0)
    world.run("3s")
    assert world.events("fault") == [(1000, "", "error orders")]
    assert world.events("heal") == [(2000, "", "error orders")]
