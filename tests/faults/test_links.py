"""Verbs at links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.fault_world import FaultWorld

OK = {"ok"}


def latencies_ms(world: FaultWorld, host: str, begin_ms: int, end_ms: int) -> set[int]:
    return {
        (call.replied_ns - call.sent_ns) // 1_000_000
        for call in world.recorder.calls
        if call.caller == host
        and begin_ms <= call.sent_ns // 1_000_000 < end_ms
        and call.replied_ns is not None
    }


def test_a_partition_hits_connections_that_stand_and_ends_completely(world: FaultWorld) -> None:
    """Connections that stand fall silent, only between the two ends, and all is as before after it."""
    fault = world.fault(at="1s", **{"for": "2s"}, partition=["orders/0", "cache"])
    world.run("5s")
    assert world.seen("orders/0", "0s", "1s") == OK
    assert "ok" not in world.seen("orders/0", "1.03s", "3s")
    assert world.seen("orders/1", "0s", "5s") == OK
    assert world.seen("orders/0", "4.1s", "5s") == OK
    assert fault.fired
    assert not fault.active
    assert world.fabric.rules == []
    assert world.events("fault") == [(1000, "", "partition orders/0, cache")]
    assert world.events("heal") == [(3000, "", "partition orders/0, cache")]


def test_a_oneway_partition_lets_the_other_way_pass(world: FaultWorld) -> None:
    """In a partition of one way only packets from the first to the second are dropped."""
    world.run("100ms")
    world.fault(partition={"to": ["cache", "orders/0"], "oneway": True})
    packets: list[tuple[int, int, int]] = []
    world.fabric.on_packet = lambda source, target, kind, size, fate: packets.append((source, target, fate))
    world.run("100ms")
    cache, orders = world.kernel.hosts["cache"].index, world.kernel.hosts["orders/0"].index
    assert {fate for source, target, fate in packets if (source, target) == (cache, orders)} == {-1}
    assert all(fate >= 0 for source, target, fate in packets if (source, target) == (orders, cache))


def test_a_service_name_means_every_replica_and_a_star_everybody(world: FaultWorld) -> None:
    """`orders` cuts off both replicas, `*` whoever is there."""
    with world.fault(partition=["orders", "cache"]):
        world.run("200ms")
        assert "ok" not in world.seen("orders/0", "50ms", "200ms") | world.seen("orders/1", "50ms", "200ms")
        assert world.seen("shop/0", "0s", "200ms") == OK
    world.fault(partition="* -> cache")
    world.run("3s")
    assert "ok" not in world.seen("shop/0", "300ms", "3s")


def test_any_picks_one_living_replica(world: FaultWorld) -> None:
    """`/any` cuts off one replica and not the other."""
    world.fault(partition=["orders/any", "cache"])
    world.run("1s")
    hit = ["ok" not in world.seen(host, "100ms", "1s") for host in ("orders/0", "orders/1")]
    assert sorted(hit) == [False, True]


def test_latency_is_added_or_set_and_taken_back(world: FaultWorld) -> None:
    """`add` comes on top of the link's own 0.5 ms each way, `set` replaces it, and both end."""
    world.fault(at="1s", **{"for": "1s"}, latency={"to": ["orders/0", "cache"], "add": "3ms"})
    world.fault(at="1s", **{"for": "1s"}, latency={"to": ["orders/1", "cache"], "set": "2ms"})
    world.run("3s")
    assert latencies_ms(world, "orders/0", 1001, 1980) == {7}
    assert latencies_ms(world, "orders/1", 1001, 1980) == {4}
    assert latencies_ms(world, "orders/0", 2010, 3000) == {1}
    assert latencies_ms(world, "orders/1", 2010, 3000) == {1}


@pytest.mark.parametrize("how", ["add", "set"])
def test_a_ramp_grows_to_full_strength(world: FaultWorld, how: str) -> None:
    """With `ramp` a latency begins at the link's own and grows evenly."""
    world.fault(ramp="2s", latency={"to": ["orders/0", "cache"], how: "8ms"})
    world.run("3s")
    early, middle, late = (max(latencies_ms(world, "orders/0", at, at + 100)) for at in (0, 1000, 2500))
    assert early <= 2
    assert 7 <= middle <= 11
    assert late == (17 if how == "add" else 16)


def test_refuse_meets_new_connections_only(world: FaultWorld) -> None:
    """What stands goes on while new connections are refused."""
    world.run("100ms")
    fault = world.fault(refuse=["orders", "cache"])
    world.run("100ms")
    assert not fault.fired
    assert world.seen("orders/0", "0s", "200ms") == OK
    world.fault(at="1ms", reset=["orders/0", "cache"])
    world.run("100ms")
    assert world.seen("orders/0", "220ms", "300ms") == {"ConnectRefused"}
    assert world.seen("orders/1", "0s", "300ms") == OK
    fault.heal()
    world.run("100ms")
    assert world.seen("orders/0", "320ms", "400ms") == OK


def test_an_instant_reset_breaks_a_connection_of_each_pair_once(world: FaultWorld) -> None:
    """A reset at a moment costs each pair of hosts one connection, and the next one lives."""
    fault = world.fault(at="1s", reset=["orders", "cache"])
    world.run("2s")
    for host in ("orders/0", "orders/1"):
        assert [what for name, _, what in world.outcomes if name == host and what != "ok"] == [
            "ConnectionReset"
        ]
    assert fault.fired == 2


def test_a_lasting_reset_breaks_every_connection_while_it_lasts(world: FaultWorld) -> None:
    """With `for`, no connection carries data until it ends."""
    world.fault(at="1s", **{"for": "1s"}, reset=["orders/0", "cache"])
    world.run("3s")
    assert world.seen("orders/0", "1.02s", "2s") == {"ConnectionReset"}
    assert world.seen("orders/0", "2.02s", "3s") == OK


def test_a_blackhole_accepts_and_never_answers(world: FaultWorld) -> None:
    """Connections can be made into a blackhole; what is sent on them gets lost."""
    world.run("100ms")
    fault = world.fault(blackhole=["orders/0", "cache"])
    world.run("1s")
    assert world.seen("orders/0", "130ms", "1.1s") == {"ReceiveTimeout"}
    fault.heal()
    world.run("500ms")
    assert world.seen("orders/0", "1.2s", "1.6s") == OK


def test_probability_and_first_choose_packets(world: FaultWorld) -> None:
    """`first: 3` meets three packets, `probability` a share of them, drawn from the fault's own stream."""
    few = world.fault(refuse=["shop", "cache"], first=3)
    some = world.fault(partition={"to": ["orders", "cache"], "probability": 0.1})
    world.fault(at="1ms", **{"for": "500ms"}, reset=["shop", "cache"])
    world.run("2s")
    assert few.fired == 3
    packets = sum(1 for name, *_ in world.outcomes if name != "shop/0") * 2
    assert 0.02 * packets < some.fired < 0.4 * packets


def test_loss_costs_a_stream_its_retransmissions(world: FaultWorld) -> None:
    """A lost packet is sent again too late for an impatient client; the others pass, and all do after it."""
    fault = world.fault(at="1s", **{"for": "2s"}, loss=["orders/0", "cache"], probability="20%")
    world.run("4s")
    assert fault.fired
    assert world.seen("orders/1", "0s", "4s") == OK
    during = world.seen("orders/0", "1s", "3s")
    assert "ok" in during
    assert len(during) > 1
    assert world.seen("orders/0", "3.5s", "4s") == OK
