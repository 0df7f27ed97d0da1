"""PySOA behind Sentinel: failovers, masters that are not found, and what redis-py 8 changed."""

from __future__ import annotations

from typing import Any

import pytest
import redis
import worlds
from pysoa.common.transport.errors import PySOATransportError

SECOND = 1_000_000_000


def call_until_answered(mesh: Any, n: int) -> int:
    """Call with a fresh client each time, as a careful caller does, and return how many calls it took."""
    for attempt in range(1, 20):
        try:
            assert mesh.client("depot").call_action("depot", "echo", {"n": n}, timeout=2).body == {"n": n}
        except PySOATransportError:
            continue
        return attempt
    raise AssertionError(n)


@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
def test_server_and_client_follow_a_failover(carrier: str) -> None:
    """After a failover both find the new master by themselves, the server by its own pauses and retries."""
    with worlds.world("sentinel", carrier) as mesh:
        assert call_until_answered(mesh, 1) == 1
        before: Any = mesh.redis("watch").sentinel_master("cache")
        mesh.fault(failover={"to": "watch"})
        call_until_answered(mesh, 2)
        after: Any = mesh.redis("watch").sentinel_master("cache")
        assert (before["ip"], before["port"]) != (after["ip"], after["port"])
        assert call_until_answered(mesh, 3) == 1
        assert mesh.host("depot/0").alive
        assert not mesh.trace.events("exit")


def test_a_server_in_blpop_on_the_old_master_goes_on_by_its_own_retry() -> None:
    """The connection that a failover closes under a BLPOP is a transient error to the server: it pauses and asks on."""
    with worlds.world("sentinel") as mesh:
        mesh.run_for("1s")
        mesh.fault(failover={"to": "watch"})
        mesh.run_for("10s")
        messages = [record.getMessage() for record in mesh.host("depot/0").logs]
        assert any("Transient error receiving message" in message for message in messages)
        assert call_until_answered(mesh, 1) == 1


def test_a_client_asks_a_sentinel_that_refuses_again() -> None:
    """While Sentinel refuses, a client's first call pauses as PySOA does between its retries, and then is answered."""
    with worlds.world("sentinel") as mesh:
        mesh.fault(refuse="test -> watch", for_="500ms")
        assert mesh.client("depot").call_action("depot", "echo", {"n": 1}).body == {"n": 1}
        assert 0.5 <= mesh.now <= 2


def test_a_client_gives_up_on_a_sentinel_that_goes_on_refusing() -> None:
    """After its three retries a client raises that the master was not found."""
    with worlds.world("sentinel") as mesh:
        mesh.fault(refuse="test -> watch", for_="1m")
        with pytest.raises(PySOATransportError, match="Master not found"):
            mesh.client("depot").call_action("depot", "echo")
        # (1 + 2 + 4) / 4 s are PySOA's own pauses; redis-py 8 has some of its own between them.
        assert 1.75 <= mesh.now <= 30


def test_a_reset_between_asking_for_a_master_and_having_it_is_a_key_error() -> None:
    """PySOA's own race: one flow's failure empties the table of masters in which another one is about to look."""
    with worlds.world("sentinel") as mesh:
        client = mesh.client("depot")
        layer = client._get_handler("depot").transport.core.backend_layer
        layer.reset_clients()
        asking = mesh.start(client.call_action, "depot", "echo", {"n": 1})
        mesh.run_for("600us")
        assert layer._master_clients
        layer.reset_clients()
        with pytest.raises(KeyError, match="cache"):
            asking.result()


def lifetime_s(layer: dict[str, Any], carrier: str = "greenlet") -> float | None:
    """Return after how many seconds an idle server behind Sentinel ended itself; None if it lived for ten minutes."""
    services = {"depot": worlds.settled("sentinel", layer)}
    with worlds.world("sentinel", carrier, services=services) as mesh:
        mesh.run_for("10m")
        events = mesh.trace.events("exit")
        return events[0].at_ns / SECOND if events else None


@pytest.mark.skipif(
    int(redis.__version__.split(".")[0]) < 8, reason="before 8 redis-py waits without end by default"
)
@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
def test_an_idle_server_ends_itself_with_redis_py_8_as_it_comes(carrier: str) -> None:
    """Six BLPOPs of 5 s lose their race against a socket timeout of 5 s, and the server shuts down after some 52 s."""
    ended = lifetime_s({}, carrier)
    assert ended is not None
    assert 45 <= ended <= 60


def test_the_race_is_between_two_times_of_five_seconds() -> None:
    """The same socket timeout, said in so many words, ends the server with any redis-py; a second more does not."""
    ended = lifetime_s({"connection_kwargs": {"socket_timeout": 5}})
    assert ended is not None
    assert 45 <= ended <= 60
    assert lifetime_s({"connection_kwargs": {"socket_timeout": 6}}) is None


def test_no_socket_timeout_is_the_cure() -> None:
    """`connection_kwargs: {socket_timeout: None}`, which settings made by the plugin have, lets the server live."""
    assert lifetime_s({"connection_kwargs": {"socket_timeout": None}}) is None
    with worlds.world("sentinel") as mesh:
        mesh.run_for("10m")
        assert not mesh.trace.events("exit")
