"""Message faults at the actions of a PySOA service: `error`, `delay` and `drop`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import worlds
from pysoa.client.client import Client
from pysoa.common.transport.errors import MessageReceiveTimeout

from meshsim.errors import ScenarioError
from meshsim.scenario import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsim import World


@pytest.fixture(params=worlds.BACKENDS)
def mesh(request: pytest.FixtureRequest) -> Iterator[World]:
    """A depot, over each backend."""
    with worlds.world(request.param) as opened:
        yield opened


def test_an_error_has_the_code_and_the_message_of_the_fault(mesh: World) -> None:
    """`error:` with code and message is a CallActionError at the caller, and the server's code never runs."""
    client = mesh.client("depot")
    with mesh.fault(error={"to": "depot echo", "code": "FULL", "message": "no room", "first": 1}) as fault:
        with pytest.raises(Client.CallActionError) as raised:
            client.call_action("depot", "echo", {"n": 1})
        assert client.call_action("depot", "echo", {"n": 2}).body == {"n": 2}
    (error,) = raised.value.actions[0].errors
    assert (error.code, error.message, error.is_caller_error) == ("FULL", "no room", False)
    assert fault.fired == 1
    assert mesh.host("depot/0").module("depot.server").DONE == [{"n": 2}]
    assert [(call.failed, call.answered) for call in mesh.trace.requests("depot echo")] == [
        (True, True),
        (False, True),
    ]


def test_an_error_with_a_message_alone_is_a_server_error(mesh: World) -> None:
    """PySOA's own code for what goes wrong on a server stands where the fault says none."""
    with (
        mesh.fault(error={"to": "depot echo", "text": "burnt down"}),
        pytest.raises(Client.CallActionError, match=r"SERVER_ERROR.*burnt down"),
    ):
        mesh.client("depot").call_action("depot", "echo")


def test_a_delay_holds_one_job_up_and_not_the_server(mesh: World) -> None:
    """A job that is held up 2 s is answered 2 s later, and others are answered meanwhile."""
    mesh.fault(delay={"to": "depot echo", "by": "2s"})
    slow = mesh.start(mesh.client("depot").call_action, "depot", "echo", {"n": 1})
    mesh.run_for("500ms")
    begun = mesh.now
    assert mesh.client("depot").call_action("depot", "host").body["host"] == "depot-0"
    assert mesh.now - begun < 0.1
    assert slow.result().body == {"n": 1}
    (call,) = mesh.trace.requests("depot echo")
    assert call.replied_at is not None and call.handled_at is not None
    assert 2 <= call.handled_at - call.sent_at < call.replied_at - call.sent_at < 2.1


def test_delays_end_in_the_order_of_their_moments(mesh: World) -> None:
    """A job with a short delay overtakes one with a long delay, and each is answered to its own caller."""
    mesh.fault(delay={"to": "depot echo", "by": "2s", "first": 1})
    mesh.fault(delay={"to": "depot echo", "by": "500ms"})
    calls = [mesh.start(mesh.client("depot").call_action, "depot", "echo", {"n": n}) for n in range(3)]
    assert {call.result().body["n"] for call in calls} == {0, 1, 2}
    took = sorted(
        round((call.replied_at or 0) - call.sent_at, 1) for call in mesh.trace.requests("depot echo")
    )
    assert took == [0.5, 0.5, 2.5]


def test_a_delay_that_outlasts_the_caller_meets_its_timeout(mesh: World) -> None:
    """The caller gives up after its 5 s; the server finds the message expired and does not run it."""
    mesh.fault(delay={"to": "depot echo", "by": "8s"})
    with pytest.raises(MessageReceiveTimeout):
        mesh.client("depot").call_action("depot", "echo", {"n": 1}, timeout=5)
    mesh.run_for("10s")
    assert mesh.host("depot/0").module("depot.server").DONE == []


def test_a_job_without_an_expiry_of_its_own_is_run_when_its_delay_is_over(mesh: World) -> None:
    """A caller that gives up by its settings does not shorten the message's minute: the work is done in vain."""
    mesh.fault(delay={"to": "depot echo", "by": "8s"})
    with pytest.raises(MessageReceiveTimeout):
        mesh.client("depot").call_action("depot", "echo", {"n": 1})
    mesh.run_for("10s")
    assert mesh.host("depot/0").module("depot.server").DONE == [{"n": 1}]


def test_a_dropped_job_is_never_seen(mesh: World) -> None:
    """`drop:` leaves the caller with its timeout and the server idle, and then the next call is answered."""
    with mesh.fault(drop={"to": "depot echo", "first": 1}) as fault:
        with pytest.raises(MessageReceiveTimeout):
            mesh.client("depot").call_action("depot", "echo", {"n": 1})
        assert mesh.client("depot").call_action("depot", "echo", {"n": 2}).body == {"n": 2}
    assert fault.fired == 1
    assert mesh.host("depot/0").module("depot.server").DONE == [{"n": 2}]
    lost, found = mesh.trace.requests("depot echo")
    assert (lost.answered, lost.handled_ns, found.answered) == (False, None, True)


def test_dropping_everything_for_minutes_does_not_stop_the_server(mesh: World) -> None:
    """Each lost job is a turn of the server's loop, so that its harakiri alarm is set anew each time."""
    with mesh.fault(drop={"to": "depot echo"}):
        # More often than the 5 s after which a wait in vain is a turn of the loop anyway.
        for _ in range(200):
            mesh.client("depot").send_request("depot", [{"action": "echo", "body": {}}])
            mesh.run_for("2s")
    assert mesh.now >= 400
    assert mesh.client("depot").call_action("depot", "echo", {"n": 2}).body == {"n": 2}


def test_delay_and_error_come_together(mesh: World) -> None:
    """The error is sent when the delay is over."""
    mesh.fault(delay={"to": "depot echo", "by": "1s"})
    mesh.fault(error={"to": "depot echo", "code": "LATE"})
    with pytest.raises(Client.CallActionError, match="LATE"):
        mesh.client("depot").call_action("depot", "echo")
    assert 1 <= mesh.now < 1.1


@pytest.mark.parametrize("carrier", ["greenlet", "thread"])
def test_a_crash_takes_what_was_held_up_along(carrier: str) -> None:
    """A server that took a job and died has lost it, as PySOA's own servers do."""
    services = {"depot": worlds.service(restart="1s")}
    with worlds.world(carrier=carrier, services=services) as mesh:
        mesh.fault(delay={"to": "depot echo", "by": "2s", "first": 1})
        lost = mesh.start(mesh.client("depot").call_action, "depot", "echo", {"n": 1})
        mesh.run_for("1s")
        mesh.host("depot/0").crash()
        mesh.run_for("2s")
        assert mesh.client("depot").call_action("depot", "echo", {"n": 2}).body == {"n": 2}
        with pytest.raises(MessageReceiveTimeout):
            lost.result()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"error": "depot echo"}, "depot answers over a broker: code: and message: say the error"),
        ({"error": {"to": "depot echo", "status": 503}}, "an error has no status: but code: and message:"),
        ({"error": {"to": "depot echo", "text": "a", "message": "b"}}, "text: and message: are the same"),
        ({"drop": "depot POST /echo"}, "'POST /echo' is no operation of depot, which answers over a broker"),
        ({"drop": "cache GET"}, "cache is redis: a command on a stream is not lost alone"),
        ({"error": {"to": "cache GET", "code": "X"}}, "code: and message: are for services behind a broker"),
    ],
)
def test_what_no_fault_can_do_is_a_mistake_of_the_scenario(fault: dict[str, object], message: str) -> None:
    """A fault that PySOA has no form for is refused before anything boots."""
    with pytest.raises(ScenarioError, match=message):
        load(worlds.scenario(faults=[{"at": "1s", **fault}]))
