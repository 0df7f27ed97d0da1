"""Replicas follow their master exactly, late, and a failover loses what had not reached them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.errors import UsageError
from meshsim.transports.redis.replication import ReplicaGroup
from tests.transports.redis.small_server import MS, SECOND, Client, Clock, server

if TYPE_CHECKING:
    from meshsim.transports.redis.server import RedisServer

LAG_NS = 50 * MS


def group(replicas: int = 2, lag_ns: Any = lambda: LAG_NS) -> tuple[Clock, ReplicaGroup]:
    """Return a master and replicas, all on one clock."""
    clock = Clock()
    master = server(clock, "cache", 1)
    followers = [server(clock, f"replica-{number}", 10 + number) for number in range(replicas)]
    return clock, ReplicaGroup("cache", master, followers, lag_ns)


def contents(of: RedisServer) -> Any:
    """Return all of a server's data, by database and key, with when it expires."""
    reader = Client(of)
    found: dict[Any, tuple[bytes, ...]] = {}
    for number in sorted(of.dbs):
        reader.ask("SELECT", number)
        for key in sorted(of.dbs[number]):
            kind = reader.ask("TYPE", key)[1:-2].decode()
            words: dict[str, tuple[Any, ...]] = {
                "string": ("GET", key),
                "list": ("LRANGE", key, 0, -1),
                "set": ("SMEMBERS", key),
                "hash": ("HGETALL", key),
                "zset": ("ZRANGE", key, 0, -1, "WITHSCORES"),
                "stream": ("XRANGE", key, "-", "+"),
            }
            found[number, key] = reader.ask(*words[kind]), reader.ask("PEXPIRETIME", key)
            if kind == "stream":
                found[number, key] += (reader.ask("XINFO", "GROUPS", key), reader.ask("XPENDING", key, "g"))
    reader.session.close()
    return found


def test_a_write_is_seen_on_a_replica_after_the_lag_and_not_before() -> None:
    """A replica answers with the old value until the lag is over."""
    clock, cluster = group()
    writer, reader = Client(cluster.master), Client(cluster.replicas[0])
    writer.ask("SET", "a", 1)
    clock.run(LAG_NS - 1)
    assert reader.ask("GET", "a") == b"$-1\r\n"
    clock.run(1)
    assert reader.ask("GET", "a") == b"$1\r\n1\r\n"


def test_a_slow_write_is_not_overtaken() -> None:
    """Writes arrive in order, also when a later one had the smaller lag."""
    lags = iter([100 * MS, 1 * MS])
    clock, cluster = group(1, lambda: next(lags))
    writer, reader = Client(cluster.master), Client(cluster.replicas[0])
    writer.ask("SET", "a", 1)
    writer.ask("SET", "a", 2)
    clock.run(99 * MS)
    assert reader.ask("GET", "a") == b"$-1\r\n"
    clock.run(1 * MS)
    assert reader.ask("GET", "a") == b"$1\r\n2\r\n"


KEYS = st.sampled_from(["a", "b", "c"])
SMALL = st.integers(-2, 5)
WRITES = st.one_of(
    st.tuples(st.sampled_from(["INCR", "SPOP", "LPOP", "DEL", "PERSIST"]), KEYS),
    st.tuples(st.sampled_from(["RPUSH", "SADD", "APPEND", "SET"]), KEYS, SMALL),
    st.tuples(st.just("SPOP"), KEYS, st.just(2)),
    st.tuples(st.just("PEXPIRE"), KEYS, st.sampled_from([1, 30, 70, 5000])),
    st.tuples(st.just("XADD"), KEYS, st.just("*"), st.just("f"), SMALL),
    st.tuples(st.just("XGROUP"), st.just("CREATE"), KEYS, st.just("g"), st.just("0"), st.just("MKSTREAM")),
    st.tuples(*map(st.just, ("XREADGROUP", "GROUP", "g", "me", "COUNT", 1, "STREAMS")), KEYS, st.just(">")),
    st.tuples(st.just("XACK"), KEYS, st.just("g"), st.just("1767225600000-0")),
    st.tuples(st.just("BLPOP"), KEYS, st.just("0.05")),
    st.tuples(st.just("ZADD"), KEYS, SMALL, SMALL),
    st.tuples(st.just("SELECT"), st.sampled_from([0, 1])),
    st.tuples(st.sampled_from(["MULTI", "EXEC", "DISCARD", "FLUSHDB"])),
    st.tuples(
        st.just("EVAL"),
        st.sampled_from(
            [
                "return redis.call('RPUSH', KEYS[1], math.random(1000), redis.call('TIME')[2])",
                "redis.call('SPOP', KEYS[1]); return redis.call('SADD', 'x', math.random(9))",
                "return redis.pcall('HSET', KEYS[1], 'f', redis.call('DBSIZE'))",
            ]
        ),
        st.just(1),
        KEYS,
    ),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 2), WRITES, st.sampled_from([0, 0, 1, 40])), max_size=25))
def test_once_everything_has_arrived_a_replica_equals_its_master(steps: list[Any]) -> None:
    """Whatever several clients write, random, scripted, blocking or expiring, the replica ends up the same."""
    lag = random.Random(4)
    clock, cluster = group(1, lambda: lag.randrange(100 * MS))
    clients = [Client(cluster.master, f"c:{number}") for number in range(3)]
    for who, words, wait_ms in steps:
        clients[who].ask(*words)
        clock.run(wait_ms * MS)
    clock.run(SECOND)
    assert contents(cluster.replicas[0]) == contents(cluster.master)


def test_a_replica_takes_no_write_of_a_client_but_answers_reads() -> None:
    """A client's write on a replica is refused, also from a script and inside a transaction."""
    _, cluster = group()
    client = Client(cluster.replicas[0])
    refused = b"-READONLY You can't write against a read only replica."
    assert client.ask("SET", "a", 1).startswith(refused)
    assert client.ask("EVAL", "return redis.call('SET', 'a', 1)", 0).startswith(refused)
    client.ask("MULTI")
    assert client.ask("SET", "a", 1).startswith(refused)
    assert client.ask("EXEC").startswith(b"-EXECABORT ")
    assert client.ask("GET", "a") == b"$-1\r\n"
    assert client.ask("ROLE").startswith(b"*5\r\n$5\r\nslave\r\n$5\r\ncache\r\n")


def test_a_failover_loses_exactly_what_had_not_arrived() -> None:
    """Acknowledged writes younger than `lose` that had not gone over are gone, older ones are there."""
    clock, cluster = group(1, lambda: 300 * MS)
    writer = Client(cluster.master)
    for number in range(4):
        writer.ask("SET", f"k{number}", number)
        clock.run(100 * MS)
    switched = cluster.failover(lose_ns=250 * MS)
    assert [write.fields[1] for write in switched.lost] == [b"k2", b"k3"]
    assert sorted(switched.new.dbs[0]) == [b"k0", b"k1"]
    assert contents(switched.old) == contents(switched.new)
    assert cluster.master is switched.new
    assert switched.new.name == "replica-0"


def test_a_failover_disconnects_everybody_and_turns_the_old_master_into_a_replica() -> None:
    """Clients of the old master lose their connection; who comes back finds a server that takes no writes."""
    clock, cluster = group()
    old = cluster.master
    client, waiting = Client(old), Client(old)
    waiting.ask("BLPOP", "q", 0)
    cluster.failover()
    assert client.closed
    assert waiting.closed
    assert Client(old).ask("SET", "a", 1).startswith(b"-READONLY ")
    Client(cluster.master).ask("SET", "a", 1)
    clock.run(LAG_NS)
    assert Client(old).ask("GET", "a") == b"$1\r\n1\r\n"


def test_scripts_that_a_replica_never_ran_are_unknown_to_it() -> None:
    """After a failover EVALSHA answers NOSCRIPT: replicas get what scripts do, not the scripts."""
    clock, cluster = group(1)
    client = Client(cluster.master)
    digest = client.ask("SCRIPT", "LOAD", "return redis.call('INCR', KEYS[1])")[5:-2]
    assert client.ask("EVALSHA", digest, 1, "n") == b":1\r\n"
    clock.run(SECOND)
    cluster.failover()
    client = Client(cluster.master)
    assert client.ask("GET", "n") == b"$1\r\n1\r\n"
    assert client.ask("EVALSHA", digest, 1, "n") == b"-NOSCRIPT No matching script. Please use EVAL.\r\n"


def test_wait_answers_when_the_replicas_have_it() -> None:
    """WAIT blocks until so many replicas have the connection's writes, or its time is over."""
    clock, cluster = group(2)
    client = Client(cluster.master)
    client.ask("SET", "a", 1)
    assert client.ask("WAIT", 2, 0) == b""
    clock.run(LAG_NS)
    assert client.got() == b":2\r\n"
    client.ask("SET", "a", 2)
    assert client.ask("WAIT", 3, 10) == b""
    clock.run(10 * MS)
    assert client.got() == b":0\r\n"


def test_an_isolated_master_goes_on_and_loses_it_all_when_it_is_found_again() -> None:
    """A master that was out of reach keeps taking writes until it rejoins, and then copies the new one."""
    clock, cluster = group(1)
    old = cluster.master
    client = Client(old)
    client.ask("SET", "a", 1)
    clock.run(SECOND)
    cluster.failover(isolated=True)
    assert client.ask("SET", "a", 2) == b"+OK\r\n"
    assert Client(cluster.master).ask("GET", "a") == b"$1\r\n1\r\n"
    cluster.rejoin(old)
    assert client.closed
    assert Client(old).ask("GET", "a") == b"$1\r\n1\r\n"
    assert cluster.replicas == [old]


def test_a_master_without_replicas_cannot_fail_over() -> None:
    """A failover without a replica is an error that names the cure."""
    _, cluster = group(0)
    with pytest.raises(UsageError, match="has no replica to fail over to; give it `replicas: 1`"):
        cluster.failover()


def test_published_messages_reach_subscribers_of_replicas() -> None:
    """PUBLISH on the master is heard on a replica, after the lag."""
    clock, cluster = group(1)
    listener = Client(cluster.replicas[0])
    listener.ask("SUBSCRIBE", "c")
    Client(cluster.master).ask("PUBLISH", "c", "hi")
    assert listener.got() == b""
    clock.run(LAG_NS)
    assert listener.got() == b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n"


def test_a_replica_that_nobody_reads_does_its_work_when_somebody_comes() -> None:
    """It has acknowledged the writes, ran none of them, and shows all of them to the first client."""
    clock, cluster = group()
    replica = cluster.replicas[0]
    writer = Client(cluster.master)
    for number in range(100):
        writer.ask("INCR", "n")
        writer.ask("SET", f"k{number}", number, "PX", 10)
    clock.run(LAG_NS)
    assert cluster.master.replicas_at(cluster.master.offset) == 2
    assert len(replica.arrears) == 200
    assert contents(replica) == contents(cluster.master)
    assert not replica.arrears


def test_a_replica_that_was_behind_in_its_work_leads_with_all_of_it() -> None:
    """What was acknowledged and not yet run is there after a failover, on the new master and its replica."""
    clock, cluster = group()
    writer = Client(cluster.master)
    writer.ask("RPUSH", "list", "a", "b")
    clock.run(LAG_NS)
    switched = cluster.failover()
    assert not switched.lost
    for server_now in (cluster.master, *cluster.replicas):
        assert Client(server_now).ask("LLEN", "list") == b":2\r\n"
