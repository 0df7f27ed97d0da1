"""A Redis with a Sentinel in a world: who leads is found, and found again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.sentinel import MasterNotFoundError, Sentinel

from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def mesh() -> Iterator[World]:
    """A master, two replicas and a Sentinel."""
    world = World(seed=5).platform("cache", redis={})
    world.platform(
        "sentinel", redis_sentinel={"master": "cache", "replicas": 2, "replication_lag": "50ms..300ms"}
    )
    with world:
        yield world


def sentinel() -> Any:
    """Return redis-py's Sentinel client."""
    make: Any = Sentinel
    return make([("sentinel", 26379)], socket_timeout=1)


def test_master_and_replicas_are_found(mesh: World) -> None:
    """The Sentinel tells the master by its name in the scenario, and its replicas."""
    assert sentinel().discover_master("cache") == ("cache", 6379)
    assert sentinel().discover_slaves("cache") == [("cache-replica-0", 6379), ("cache-replica-1", 6379)]
    with pytest.raises(MasterNotFoundError):
        sentinel().discover_master("other")
    assert mesh.now > 0


def test_reads_from_a_replica_are_stale_until_the_lag_is_over(mesh: World) -> None:
    """A value written to the master appears on a replica within the replication lag."""
    master, replica = sentinel().master_for("cache"), sentinel().slave_for("cache")
    replica.ping()
    master.set("a", 1)
    assert replica.get("a") is None
    mesh.run_for("301ms")
    assert replica.get("a") == b"1"
    with pytest.raises(redis.ReadOnlyError):
        replica.set("a", 2)


def test_clients_of_the_sentinel_follow_a_failover(mesh: World) -> None:
    """After a failover master_for writes to the new master; unreplicated writes are gone, and said so."""
    master = sentinel().master_for("cache")
    master.set("old", 1)
    mesh.run_for("1s")
    master.set("young", 1)
    switched = mesh.platforms["sentinel"].failover()
    assert [write.fields[1] for write in switched.lost] == [b"young"]
    mesh.run_for("10ms")  # for the pool to see that its connection was closed
    assert master.get("old") == b"1"
    assert master.get("young") is None
    assert sentinel().discover_master("cache") == (switched.new.name, 6379)
    assert "1 acknowledged writes lost" in mesh.trace.events("failover")[0].text


def test_a_crashed_master_is_replaced_after_thirty_seconds(mesh: World) -> None:
    """The Sentinel pings its master, and promotes a replica when nothing came back for 30 s."""
    master = sentinel().master_for("cache", socket_timeout=1)
    master.set("a", 1)
    mesh.run_for("2s")
    mesh.host("cache").crash()
    mesh.run_for("25s")
    assert sentinel().discover_master("cache")[0] == "cache"
    mesh.run_for("10s")
    assert sentinel().discover_master("cache")[0].startswith("cache-replica-")
    with pytest.raises(redis.ConnectionError):
        master.get("a")  # the old connection: only now does it see that nobody is there
    assert master.get("a") == b"1"


def test_a_master_that_only_the_sentinel_cannot_reach_loses_its_writes(mesh: World) -> None:
    """Split brain: the cut-off master takes writes that are gone when it is found again."""
    direct = mesh.redis("cache")
    direct.set("a", 1)
    mesh.run_for("1s")
    with mesh.partition("sentinel", "cache"):
        mesh.run_for("40s")
        assert direct.set("a", 2)
        leader = sentinel().discover_master("cache")[0]
        assert leader != "cache"
    mesh.run_for("20s")
    with pytest.raises(redis.ReadOnlyError):
        direct.set("a", 3)
    assert direct.get("a") == b"1"


def test_a_restarted_master_brings_its_emptiness_to_its_replicas(mesh: World) -> None:
    """A master without persistence that is back before the Sentinel noticed wipes its replicas, as in reality."""
    mesh.redis("cache").set("a", 1)
    mesh.run_for("1s")
    mesh.host("cache").crash()
    mesh.platforms["cache"].restart(mesh.kernel.hosts["cache"])
    mesh.run_for("1s")
    assert sentinel().slave_for("cache").get("a") is None
    assert sentinel().discover_master("cache")[0] == "cache"


def test_asyncio_clients_follow_too(mesh: World) -> None:
    """redis.asyncio's Sentinel finds the new master after a failover."""

    async def main() -> None:
        make: Any = AsyncSentinel
        found = make([("sentinel", 26379)])
        master = found.master_for("cache")
        assert await master.set("a", 1)
        await asyncio.sleep(1)
        mesh.platforms["sentinel"].failover()
        await asyncio.sleep(0.01)
        assert await master.get("a") == b"1"
        await master.aclose()
        for client in found.sentinels:
            await client.aclose()

    asyncio.run(main())


def test_the_same_seed_gives_the_same_run() -> None:
    """Two worlds of one seed, with random lags and a failover, have the same trace hash."""

    def run() -> str:
        world = World(seed=9).platform("cache", redis={})
        world.platform(
            "sentinel", redis_sentinel={"master": "cache", "replicas": 2, "replication_lag": "50ms..300ms"}
        )
        with world as mesh:
            master = sentinel().master_for("cache")
            for number in range(30):
                master.rpush("l", number)
                master.spop("s")
                mesh.run_for("10ms")
            mesh.platforms["sentinel"].failover()
            mesh.run_for("10ms")
            master.lrange("l", 0, -1)
            mesh.run_for("3s")
            return mesh.hash

    assert run() == run()
