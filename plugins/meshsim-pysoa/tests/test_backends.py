"""PySOA's traffic over the mesh's Redis and Sentinel: what its transport promises, on virtual time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import worlds
from pysoa.client.client import Client
from pysoa.common.transport.errors import MessageReceiveTimeout, MessageSendError

BACKENDS = pytest.mark.parametrize("backend", worlds.BACKENDS)
KB = 1_000


@BACKENDS
def test_servers_of_one_service_share_its_calls(backend: str) -> None:
    """Thirty calls one after the other are spread over three servers, each of which has some."""
    with worlds.world(backend, services={"depot": worlds.service(backend, replicas=3)}) as mesh:
        client = mesh.client("depot")
        hosts = Counter(client.call_action("depot", "host").body["host"] for _ in range(30))
    assert set(hosts) == {"depot-0", "depot-1", "depot-2"}
    assert min(hosts.values()) >= 5


@BACKENDS
def test_parallel_calls_run_side_by_side_and_keep_their_order(backend: str) -> None:
    """Three actions of a second each take one second on three servers, and come back in the order asked."""
    with worlds.world(backend, services={"depot": worlds.service(backend, replicas=3)}) as mesh:
        actions = [{"action": "echo", "body": {"n": n, "sleep": 1}} for n in range(3)]
        answers = list(mesh.client("depot").call_actions_parallel("depot", actions))
        assert [answer.body["n"] for answer in answers] == [0, 1, 2]
        assert 1 <= mesh.now < 1.2


@BACKENDS
def test_a_future_is_waited_for_when_its_answer_is_wanted(backend: str) -> None:
    """A call by future goes on while its caller does other things; a wait that was too short can be repeated."""
    with worlds.world(backend) as mesh:
        future = mesh.client("depot").call_action_future("depot", "echo", {"n": 1, "sleep": 3})
        mesh.run_for("1s")
        with pytest.raises(MessageReceiveTimeout):
            future.result(timeout=1)
        assert mesh.now == pytest.approx(2, abs=0.1)
        assert future.result().body["n"] == 1
        (call,) = mesh.trace.requests("depot echo")
        assert call.answered and not call.failed


@BACKENDS
def test_threads_with_clients_of_their_own_do_not_see_each_others_answers(backend: str) -> None:
    """Ten flows at once, each with a client: each has the answer to its own call."""
    with worlds.world(backend) as mesh:
        calls = [mesh.start(mesh.client("depot").call_action, "depot", "echo", {"n": n}) for n in range(10)]
        assert [call.result().body["n"] for call in calls] == list(range(10))


@BACKENDS
@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_response_above_100_kb_travels_in_chunks_to_whom_can_read_them(backend: str, version: int) -> None:
    """At 102,400 bytes a chunk 450 kB are five messages for protocol 3, and too large for the protocols before it."""
    depot = worlds.settled(
        backend, chunk_messages_larger_than_bytes=102_400, maximum_message_size_in_bytes=600 * KB
    )
    with worlds.world(backend, services={"depot": depot}) as mesh:
        client = worlds.client(backend, protocol_version=version, maximum_message_size_in_bytes=600 * KB)
        assert client.call_action("depot", "blob", {"size": 10}).body == {"blob": "x" * 10}
        before = _scripts(mesh)
        if version == 3:
            assert client.call_action("depot", "blob", {"size": 450 * KB}).body == {"blob": "x" * 450 * KB}
            assert _scripts(mesh) - before == 5
        else:
            with pytest.raises(Client.CallJobError, match="RESPONSE_TOO_LARGE"):
                client.call_action("depot", "blob", {"size": 450 * KB})


def _scripts(mesh: Any) -> int:
    """Count what the depot pushed: PySOA sends by a script."""
    return sum(call.operation == "EVALSHA" for call in mesh.trace.requests("depot -> cache EVALSHA"))


@BACKENDS
@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
def test_a_crash_in_the_middle_of_a_request_loses_it(backend: str, carrier: str) -> None:
    """The caller waits in vain, nothing is done twice, and after the restart the service answers again."""
    services = {"depot": worlds.service(backend, restart="1s")}
    with worlds.world(backend, carrier, services=services) as mesh:
        lost = mesh.start(mesh.client("depot").call_action, "depot", "echo", {"n": 1, "sleep": 3})
        mesh.run_for("2s")
        mesh.host("depot/0").crash()
        with pytest.raises(MessageReceiveTimeout):
            lost.result()
        assert mesh.now == pytest.approx(5, abs=0.1)
        assert mesh.client("depot").call_action("depot", "echo", {"n": 2}).body == {"n": 2}
        assert mesh.host("depot/0").module("depot.server").DONE == [{"n": 2}]
        first, second = mesh.trace.requests("depot echo")
    assert (first.received_ns is None, first.handled_ns, first.answered) == (False, None, False)
    assert second.answered


@BACKENDS
def test_a_message_that_expired_in_its_list_is_not_run(backend: str) -> None:
    """A server that comes up after the caller's patience throws the job away; one with patience left runs it."""
    with worlds.world(backend) as mesh:
        mesh.host("depot/0").crash()
        with pytest.raises(MessageReceiveTimeout):
            mesh.client("depot").call_action("depot", "echo", {"n": 1}, timeout=3)
        patient = mesh.start(mesh.client("depot").call_action, "depot", "echo", {"n": 2}, timeout=30)
        mesh.run_for("1s")
        mesh.host("depot/0").restart()
        assert patient.result().body == {"n": 2}
        assert mesh.host("depot/0").module("depot.server").DONE == [{"n": 2}]


@BACKENDS
def test_a_client_whose_call_timed_out_waits_for_that_answer_for_ever_after(backend: str) -> None:
    """PySOA's own trap: the next call on the same client has its answer and raises for the missing one all the same."""
    with worlds.world(backend) as mesh:
        client = mesh.client("depot")
        with mesh.fault(drop={"to": "depot echo", "first": 1}), pytest.raises(MessageReceiveTimeout):
            client.call_action("depot", "echo", {"n": 1})
        with pytest.raises(MessageReceiveTimeout):
            client.call_action("depot", "echo", {"n": 2})
        assert [call.answered for call in mesh.trace.requests("depot echo")] == [False, True]
        assert mesh.client("depot").call_action("depot", "echo", {"n": 3}).body == {"n": 3}


@BACKENDS
def test_a_list_that_nobody_reads_expires_on_virtual_time(backend: str) -> None:
    """Redis forgets the jobs of a service that is gone ten seconds after the last one's expiry."""
    with worlds.world(backend) as mesh:
        mesh.host("depot/0").crash()
        with pytest.raises(MessageReceiveTimeout):
            mesh.client("depot").call_action("depot", "echo", timeout=3)
        cache = mesh.redis("cache")
        assert cache.llen("pysoa:service.depot") == 1
        mesh.run_for("9s")
        assert cache.llen("pysoa:service.depot") == 1
        mesh.run_for("2s")
        assert cache.llen("pysoa:service.depot") == 0


@BACKENDS
def test_a_full_queue_is_tried_again_and_then_an_error(backend: str) -> None:
    """With room for two jobs the third is sent again after PySOA's own pauses, and then MessageSendError."""
    with worlds.world(backend) as mesh:
        mesh.host("depot/0").crash()
        client = worlds.client(backend, queue_capacity=2, queue_full_retries=3)
        for _ in range(2):
            client.send_request("depot", [{"action": "echo", "body": {}}])
        begun = mesh.now
        with pytest.raises(MessageSendError, match="was full after 3 retries"):
            client.send_request("depot", [{"action": "echo", "body": {}}])
        # (1 + 2 + 4) / 4 s, and a quarter of a second at most by chance for each.
        assert 1.75 <= mesh.now - begun <= 2.6
        failed = mesh.trace.requests("depot echo")[-1]
        assert failed.failed and failed.received_ns is None


@BACKENDS
def test_a_full_queue_that_is_read_in_time_is_no_error(backend: str) -> None:
    """A server that comes up during the pauses makes room, and the caller does not notice more than a delay."""
    with worlds.world(backend) as mesh:
        mesh.host("depot/0").crash()
        client = worlds.client(backend, queue_capacity=1, queue_full_retries=5)
        client.send_request("depot", [{"action": "echo", "body": {"n": 0}}])
        late = mesh.start(
            worlds.client(backend, queue_capacity=1, queue_full_retries=5).call_action, "depot", "host"
        )
        mesh.run_for("1s")
        assert not late.done
        mesh.host("depot/0").restart()
        assert late.result().body["host"] == "depot-0"


def test_a_ring_of_two_servers_is_used_in_turn() -> None:
    """With two Redis masters jobs go to either, and the answers find their way back."""
    options = {"redis": ["one", "two"]}
    services = {"depot": worlds.service(pysoa=options)}
    with worlds.world(services=services, platform={"one": {"redis": {}}, "two": {"redis": {}}}) as mesh:
        client = mesh.client("depot")
        for n in range(6):
            # A server listens to its masters in turn, 5 s each.
            assert client.call_action("depot", "echo", {"n": n}, timeout=12).body == {"n": n}
        pushed = {name: count for (host, name), count in mesh.recorder.commands.items() if host == "test"}
    assert set(pushed) == {"one", "two"}
