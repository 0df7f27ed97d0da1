"""A Sentinel says who leads, and tells its subscribers when that changes."""

from __future__ import annotations

import random

import pytest

from meshsim.transports.redis.sentinel import SentinelServer
from tests.transports.redis.small_server import Client
from tests.transports.redis.test_replication import group


def sentinel(replicas: int = 2) -> tuple[SentinelServer, Client]:
    """Return a Sentinel of one master called `cache`, and a client of it."""
    _, cluster = group(replicas)
    made = SentinelServer("sentinel", [cluster], random=random.Random(1))
    return made, Client(made)


def test_the_master_s_address_is_told() -> None:
    """GET-MASTER-ADDR-BY-NAME gives host and port, and null for a name that means nothing."""
    _, client = sentinel()
    assert (
        client.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "cache") == b"*2\r\n$5\r\ncache\r\n$4\r\n6379\r\n"
    )
    assert client.ask("SENTINEL", "get-master-addr-by-name", "other") == b"*-1\r\n"


@pytest.mark.parametrize(("protocol", "sign"), [(2, b"*"), (3, b"%")])
def test_masters_and_replicas_are_described(protocol: int, sign: bytes) -> None:
    """MASTERS, REPLICAS and SLAVES describe each server as a map, flat in RESP2."""
    _, client = sentinel()
    client.ask("HELLO", protocol)
    masters = client.ask("SENTINEL", "MASTERS")
    assert masters.startswith(b"*1\r\n" + sign)
    assert b"$5\r\nflags\r\n$6\r\nmaster\r\n" in masters
    assert b"$10\r\nnum-slaves\r\n$1\r\n2\r\n" in masters
    replicas = client.ask("SENTINEL", "REPLICAS", "cache")
    assert replicas.startswith(b"*2\r\n" + sign)
    assert client.ask("SENTINEL", "SLAVES", "cache") == replicas
    assert client.ask("SENTINEL", "SENTINELS", "cache") == b"*0\r\n"


@pytest.mark.parametrize("sub", ["MASTER", "REPLICAS", "SENTINELS", "CKQUORUM", "FAILOVER"])
def test_an_unknown_master_is_an_error(sub: str) -> None:
    """Every question about a master that is not watched gets Sentinel's own error."""
    _, client = sentinel()
    assert client.ask("SENTINEL", sub, "other") == b"-ERR No such master with that name\r\n"


def test_a_switch_is_told_to_subscribers() -> None:
    """Subscribers of +switch-master get old and new address; the next question gets the new one."""
    made, client = sentinel()
    listener = Client(made)
    listener.ask("SUBSCRIBE", "+switch-master")
    assert client.ask("SENTINEL", "FAILOVER", "cache") == b"+OK\r\n"
    text = b"cache cache 6379 replica-0 6379"
    assert listener.got() == b"*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$%d\r\n%b\r\n" % (
        len(text),
        text,
    )
    assert b"replica-0" in client.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "cache")


def test_a_failover_without_replicas_is_refused() -> None:
    """SENTINEL FAILOVER says that it has nobody to promote."""
    _, client = sentinel(0)
    assert client.ask("SENTINEL", "FAILOVER", "cache") == b"-NOGOODSLAVE No suitable replica to promote\r\n"


def test_a_sentinel_is_no_redis() -> None:
    """Commands of a Redis that Sentinel does not have are unknown; PING, ROLE, INFO and HELLO are there."""
    _, client = sentinel()
    assert client.ask("GET", "a") == b"-ERR unknown command 'GET', with args beginning with: 'a' \r\n"
    assert client.ask("PING") == b"+PONG\r\n"
    assert client.ask("ROLE") == b"*2\r\n$8\r\nsentinel\r\n*1\r\n$5\r\ncache\r\n"
    assert b"sentinel_masters:1" in client.ask("INFO")
    assert b"sentinel" in client.ask("HELLO", 3)
    assert client.ask("SENTINEL", "MASTER").startswith(
        b"-ERR wrong number of arguments for 'sentinel|master'"
    )
