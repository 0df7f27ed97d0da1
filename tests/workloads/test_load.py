"""Workloads under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim.workloads.client import check_call
from tests.workloads.load_world import MS, SECOND, SEEN, LoadWorld, app, spec_of

if TYPE_CHECKING:
    from pathlib import Path


def test_an_open_workload_calls_on_time_however_long_calls_take(world: LoadWorld) -> None:
    """At 100/s calls of 30 ms overlap, and each knows when it was due."""
    load = world.load(1.0, call="orders POST /x", rate="100/s", body={"a": 1})
    world.run(0.5)
    assert load.in_flight == 3
    world.run(1)
    assert load.made == len(world.plain.calls) == 100
    assert [due for _, due, *_ in world.plain.calls] == [call[0] for call in world.plain.calls]
    assert world.plain.calls[7][1] == world.plain.calls[0][0] + 70 * MS
    assert world.plain.calls[0][2:] == ("POST /x", {"a": 1})
    assert load.finished
    assert load.outcomes == {"ok": 100}


def test_each_open_call_is_a_new_client(world: LoadWorld) -> None:
    """No connection and no cookie of one call is used by the next."""
    world.load(0.5, call="shop GET /", rate="10/s")
    syns: list[int] = []
    world.fabric.on_packet = lambda source, target, kind, size, fate: syns.append(kind)
    world.run(1)
    assert len(SEEN) == 5
    assert syns.count(0) == 5
    assert not any("HTTP_COOKIE" in seen for seen in SEEN)


def test_a_closed_client_keeps_its_session_and_thinks(world: LoadWorld) -> None:
    """Clients call, think, call again on the same connection, with the cookies that they were given."""
    load = world.load(10, call="shop GET /", clients=3, think="1s")
    syns: list[int] = []
    world.fabric.on_packet = lambda source, target, kind, size, fate: syns.append(kind)
    world.run(12)
    assert 27 <= load.made <= 33
    assert syns.count(0) == 3
    assert sum("HTTP_COOKIE" in seen for seen in SEEN) == load.made - 3
    assert load.finished


def test_a_count_ends_each_kind(world: LoadWorld) -> None:
    """`count` is the number of all calls together: open, closed, and one client after the other."""
    loads = [
        world.load(name=name, call="shop GET /", count=7, **words)
        for name, words in (("a", {"rate": "50/s"}), ("b", {"clients": 4}), ("c", {}))
    ]
    world.run(5)
    assert [(load.made, load.finished, load.outcomes) for load in loads] == [(7, True, {"200": 7})] * 3


def test_moments_of_its_own(world: LoadWorld) -> None:
    """`at` delays the beginning, `for` and `until` end it."""
    until = world.load(None, name="other", call="orders POST /x", rate="10/s", at="2s", until="2.5s")
    load = world.load(None, call="orders POST /x", rate="10/s", at="2s", **{"for": "1s"})
    world.run(1.9)
    assert load.made == 0
    world.run(5)
    assert (load.made, until.made) == (10, 5)
    assert load.finished


def test_outcomes_are_statuses_and_exceptions_of_the_client(world: LoadWorld) -> None:
    """A 500 is an outcome, and so is what the client library raises; neither is a failure of the workload."""
    broken = world.load(call="shop GET /broken", count=2)
    refused = world.load(call="orders POST /x", count=1)
    world.run(1)
    assert broken.outcomes == {"500": 2}
    host = world.kernel.hosts["shop"]
    world.kernel.call_at(world.kernel.now, world.kernel.kill, host.process, -9)
    world.run(0.1)
    dead = world.load(call="shop GET /", count=2)
    world.run(1)
    assert dead.outcomes == {"ConnectionError": 2}
    assert broken.failures == dead.failures == refused.failures == []


def test_a_function_is_given_the_mesh_in_so_many_tasks(world: LoadWorld) -> None:
    """`run:` with `clients` calls the function once in each of so many tasks, at once; async ones too."""
    given: list[tuple[Any, int]] = []

    def browse(mesh: Any) -> None:
        given.append((mesh, mesh.kernel.now))
        mesh.kernel.sleep(SECOND)

    async def wander(mesh: Any) -> None:
        given.append((mesh, -1))

    began = world.kernel.now
    load = world.load(run=browse, clients=3)
    world.load(run=wander)
    world.run(2)
    assert given.count((world, began)) == 3
    assert (world, -1) in given
    assert (load.made, load.outcomes, load.finished) == (3, {"ok": 3}, True)


def test_a_function_is_repeated_by_count_or_until_its_end(world: LoadWorld) -> None:
    """`count` is of all turns together; with `for` each client goes on until then."""

    def turn(mesh: Any) -> None:
        mesh.kernel.sleep(100 * MS)

    counted = world.load(run=turn, clients=2, count=5)
    timed = world.load(None, run=turn, clients=2, **{"for": "1s"})
    world.run(3)
    assert (counted.made, timed.made) == (5, 20)
    assert counted.finished
    assert timed.finished


def test_what_a_users_function_raises_is_a_failure(world: LoadWorld) -> None:
    """An assertion in a workload function is the author's, and is kept with its traceback."""

    def picky(mesh: Any) -> None:
        assert mesh is None, "the mesh is there"

    load = world.load(run=picky)
    world.run(1)
    (failure,) = load.failures
    assert failure.error.partition("\n")[0] == "AssertionError: the mesh is there"
    assert "in picky" in failure.trace
    assert load.finished


def test_a_call_that_leaves_the_simulation_is_a_failure(world: LoadWorld) -> None:
    """What meshsim itself raises is no outcome of a client library."""
    world.services["nowhere"] = world.services["shop"]
    spec = spec_of(call="mute GET /", count=1)
    load = world.load(call="mute GET /", count=1)
    world.run(1)
    assert spec.call is not None
    assert load.failures[0].error.startswith("UsageError: no service 'mute'")
    assert load.finished


def test_clients_that_fail_at_once_do_not_stop_the_clock(world: LoadWorld) -> None:
    """A closed client without `think` whose calls take no time pays a floor of 1 ms."""

    def refuse(*_: object) -> None:
        raise ConnectionError

    world.plain.call = refuse  # type: ignore[assignment,method-assign]
    load = world.load(0.1, call="orders POST /x", clients=2)
    world.run(1)
    assert load.outcomes == {"ConnectionError": 200}
    assert load.finished


def test_a_call_that_nothing_can_make_is_a_mistake_with_its_place(world: LoadWorld) -> None:
    """An adapter without a `call` of its own cannot be asked for what is no path."""
    from dataclasses import replace

    from meshsim.core.selector import parse_selector

    spec = spec_of(call="mute GET /", count=1)
    assert check_call(world, spec) is None
    mistake = check_call(world, replace(spec, call=parse_selector("mute place_order")))
    assert mistake is not None
    assert "silent has no calls that a scenario can make" in str(mistake)
    assert check_call(world, replace(spec, call=parse_selector("orders place_order"))) is None


def test_functions_are_imported_afresh_for_each_world(tmp_path: Path) -> None:
    """A module of checks or workloads starts anew in each world, and leaves nothing in `sys.modules`."""
    import sys

    from meshsim.scenario.references import parse_attribute

    (tmp_path / "meshcounting.py").write_text(
        "seen = []\ndef count(mesh):\n    seen.append(mesh)\n    return len(seen)\n"
    )
    reference = parse_attribute("meshcounting:count", tmp_path)
    for _ in range(2):
        with LoadWorld() as world:
            assert world.functions.load(reference)(world) == 1
            assert world.functions.load(reference)(world) == 2
    assert "meshcounting" not in sys.modules


@pytest.mark.parametrize("more", [False, True])
def test_one_workload_more_leaves_the_draws_of_others_alone(more: bool) -> None:
    """Each workload draws from a stream of its own name."""

    def dues(more: bool) -> list[int | None]:
        with LoadWorld(seed=4) as world:
            world.serve("shop", "wsgi", app)
            if more:
                world.load(2, name="others", call="shop GET /:id", rate="poisson(9/s)")
            began = world.kernel.now
            world.load(2, call="orders POST /x", rate="poisson(20/s)")
            world.run(3)
            return [due - began for _, due, *_ in world.plain.calls if due is not None]

    assert dues(more) == dues(more=False)
    assert len(dues(more)) > 20
