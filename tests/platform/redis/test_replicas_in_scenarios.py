"""The replicas of a Redis by their own names, in the faults of a scenario and in the hands of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis

from meshsim import ScenarioError, World

if TYPE_CHECKING:
    from collections.abc import Iterator

SENTINEL = {"redis_sentinel": {"master": "cache", "replicas": 2}}


def idle() -> None:
    """Be a service that does nothing."""


@pytest.fixture
def mesh() -> Iterator[World]:
    """A Redis, its Sentinel and two replicas."""
    world = World(seed=1).service("shop", python=idle).platform("cache", redis={})
    with world.platform("sentinel", **SENTINEL) as opened:
        yield opened


@pytest.mark.parametrize(
    ("words", "hosts"),
    [
        ({"crash": "cache-replica/1"}, ["cache-replica/1"]),
        ({"crash": "cache-replica"}, ["cache-replica/0", "cache-replica/1"]),
        ({"restart": "cache-replica/0"}, ["cache-replica/0"]),
    ],
)
def test_a_fault_names_a_replicas_host(mesh: World, words: dict[str, Any], hosts: list[str]) -> None:
    """One of them by its number, or all by their name; a restarted one comes back."""
    mesh.fault(words)
    mesh.run_for("1s")
    assert [event.host for event in mesh.trace.events("crash")] == hosts
    assert [mesh.host(name).alive for name in hosts] == ["restart" in words] * len(hosts)
    assert mesh.host("cache").alive
    for name in hosts:
        mesh.host(name).restart()
        assert mesh.host(name).alive


def test_a_partition_ends_at_a_replica(mesh: World) -> None:
    """Links may name replicas as well."""
    replicas = redis.Redis("cache-replica", socket_timeout=1, socket_connect_timeout=1)
    with mesh.partition("test", "cache-replica") as outage, pytest.raises(redis.TimeoutError):
        replicas.ping()
    assert outage.fired
    assert replicas.ping()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cache-replica/2", "cache-replica/2 is not there: the last one is cache-replica/1"),
        ("cache-replicas", "'cache-replicas' is neither service nor platform; did you mean 'cache-replica'?"),
    ],
)
def test_a_replica_that_is_not_there_is_a_mistake(mesh: World, name: str, said: str) -> None:
    """The message says which ones there are."""
    with pytest.raises(ScenarioError) as failure:
        mesh.fault({"crash": name})
    assert said in str(failure.value)


def test_without_a_sentinel_there_is_no_replica() -> None:
    """The name is a mistake where nobody replicates."""
    world = World(seed=1).service("shop", python=idle).platform("cache", redis={})
    with world as mesh, pytest.raises(ScenarioError, match="neither service nor platform"):
        mesh.fault({"crash": "cache-replica"})
