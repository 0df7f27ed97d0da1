"""Stubs before a PySOA service: the caller's real client has the reply over the mesh's Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import worlds
from pysoa.client.client import Client
from pysoa.common.errors import Error
from pysoa.common.transport.errors import MessageReceiveTimeout
from pysoa.common.types import ActionResponse
from pysoa.server.errors import ActionError, JobError

from meshsim.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsim import World


@pytest.fixture(params=worlds.BACKENDS)
def mesh(request: pytest.FixtureRequest) -> Iterator[World]:
    """A depot, over each backend."""
    with worlds.world(request.param) as opened:
        yield opened


def code_of(mesh: World, action: str, body: dict[str, Any] | None = None) -> str:
    """Call an action and return the code of its first error."""
    with pytest.raises(Client.CallActionError) as raised:
        mesh.client("depot").call_action("depot", action, body or {})
    return str(raised.value.actions[0].errors[0].code)


def test_a_reply_reaches_the_callers_real_client_over_redis(mesh: World) -> None:
    """A stubbed action is answered with the test's body by way of Redis, and the server's code never runs."""
    before = mesh.recorder.commands.get(("depot/0", "cache"), 0)
    route = mesh.stub("depot echo", reply={"n": 7})
    answer = mesh.client("depot").call_action("depot", "echo", {"n": 1})
    assert answer.body == {"n": 7}
    assert mesh.recorder.commands.get(("depot/0", "cache"), 0) > before
    assert mesh.host("depot/0").module("depot.server").DONE == []
    assert (route.called, route.call_count, route.calls[0].body("n")) == (True, 1, 1)
    assert route.calls[0].reply is not None and route.calls[0].reply.field("n") == 7
    route.remove()
    assert mesh.client("depot").call_action("depot", "echo", {"n": 1}).body == {"n": 1}


def test_an_action_that_the_server_lacks_can_be_stubbed(mesh: World) -> None:
    """A stub stands before the server, so it may say what no action says yet."""
    assert code_of(mesh, "later") == "UNKNOWN"
    with mesh.stub("depot later", reply=ActionResponse("later", body={"soon": True})):
        assert mesh.client("depot").call_action("depot", "later").body == {"soon": True}
    assert code_of(mesh, "later") == "UNKNOWN"


@pytest.mark.parametrize(
    "error",
    [
        "FULL",
        ("FULL", "no room"),
        {"code": "FULL", "field": "size"},
        Error("FULL", "no room"),
        [("FULL", "a"), "B"],
    ],
)
def test_every_way_to_say_an_error_is_an_action_error_at_the_caller(error: Any) -> None:
    """A code, a pair, fields, an Error of PySOA and a list raise CallActionError, and the call has failed."""
    with worlds.world() as mesh:
        route = mesh.stub("depot echo", error=error)
        assert code_of(mesh, "echo") == "FULL"
        assert route.calls[0].failed and route.calls[0].status == "FULL"


def test_a_callers_error_is_an_answer(mesh: World) -> None:
    """An error that a stub marks as the caller's does not count as a failure of the service."""
    route = mesh.stub("depot echo", error={"code": "SOLD_OUT", "is_caller_error": True})
    assert code_of(mesh, "echo") == "SOLD_OUT"
    assert route.calls[0].answered and not route.calls[0].failed


def test_no_answer_is_the_clients_own_timeout(mesh: World) -> None:
    """`error="timeout"` lets the caller wait its 5 s, and the server goes on."""
    with mesh.stub("depot echo", error="timeout") as route, pytest.raises(MessageReceiveTimeout):
        mesh.client("depot").call_action("depot", "echo")
    assert 5 <= mesh.now < 5.5
    assert route.calls[0].failed and not route.calls[0].answered
    assert mesh.client("depot").call_action("depot", "echo", {"n": 1}).body == {"n": 1}


def test_a_side_effect_is_a_function_of_the_body(mesh: World) -> None:
    """A function answers what it returns, its ActionError is the caller's, and any other error is the server's."""

    def answer(body: dict[str, Any]) -> Any:
        if body.get("n") == 1:
            raise ActionError(errors=[Error("ODD", "odd")])
        if body.get("n") == 3:
            raise JobError(errors=[Error("CLOSED", "closed")])
        return {"half": body["n"] / 2}

    mesh.stub("depot echo", side_effect=answer)
    assert mesh.client("depot").call_action("depot", "echo", {"n": 4}).body == {"half": 2}
    assert code_of(mesh, "echo", {"n": 1}) == "ODD"
    assert code_of(mesh, "echo") == "SERVER_ERROR"
    with pytest.raises(Client.CallJobError, match="CLOSED"):
        mesh.client("depot").call_action("depot", "echo", {"n": 3})


def test_a_side_effect_is_a_list_of_replies_and_errors(mesh: World) -> None:
    """An iterable gives one reply a call, raises what is an exception, and says when it has no more."""
    mesh.stub("depot echo", side_effect=[{"n": 1}, ValueError("a bug"), {"n": 2}])
    client = mesh.client("depot")
    assert client.call_action("depot", "echo").body == {"n": 1}
    assert code_of(mesh, "echo") == "SERVER_ERROR"
    assert client.call_action("depot", "echo").body == {"n": 2}
    with pytest.raises(Client.CallActionError, match="has no more replies"):
        client.call_action("depot", "echo")


def test_the_other_actions_of_a_job_are_the_servers(mesh: World) -> None:
    """In a job of four actions the stubbed ones are the test's, the others run, in the order of the job."""
    mesh.stub("depot echo", side_effect=lambda body: {"stubbed": body["n"]})
    job = mesh.client("depot").call_actions(
        "depot",
        [
            {"action": "blob", "body": {"size": 1}},
            {"action": "echo", "body": {"n": 1}},
            {"action": "host", "body": {}},
            {"action": "echo", "body": {"n": 2}},
        ],
    )
    job.actions[2].body.pop("pid")
    assert [action.body for action in job.actions] == [
        {"blob": "x"},
        {"stubbed": 1},
        {"host": "depot-0"},
        {"stubbed": 2},
    ]
    assert [action.action for action in job.actions] == ["blob", "echo", "host", "echo"]
    assert job.context["correlation_id"]
    requests = mesh.trace.requests("test -> depot")
    assert [(call.operation, call.status) for call in requests] == [
        ("blob", "ok"),
        ("echo", "ok"),
        ("host", "ok"),
        ("echo", "ok"),
    ]


@pytest.mark.parametrize("go_on", [False, True])
def test_an_error_of_a_stub_ends_the_job_unless_the_caller_wants_to_go_on(go_on: bool) -> None:
    """PySOA's rule about jobs holds for stubs: a job stops at its first error but for `continue_on_error`."""
    with worlds.world() as mesh:
        mesh.stub("depot refuse", error="CLOSED")
        job = mesh.client("depot").call_actions(
            "depot",
            [{"action": "refuse", "body": {}}, {"action": "host", "body": {}}],
            continue_on_error=go_on,
            raise_action_errors=False,
        )
        assert [len(action.errors) for action in job.actions] == ([1, 0] if go_on else [1])


def test_only_the_named_caller_is_answered() -> None:
    """A stub for one caller leaves the calls of others to the service."""
    services = {
        "depot": worlds.service(),
        "back": worlds.service(server="depot.server:Back"),
    }
    with worlds.world(services=services) as mesh:
        route = mesh.stub("depot -> back echo", reply={"stubbed": True})
        body = {"action": "echo", "body": {"n": 1}}
        assert mesh.client("depot").call_action("depot", "forward", body).body == {"stubbed": True}
        assert mesh.client("back").call_action("back", "echo", {"n": 1}).body == {"n": 1}
        assert [call.caller for call in route.calls] == ["depot/0"]
        assert route.calls[0].parent == mesh.trace.requests("test -> depot forward")[0].id


def test_the_newest_stub_is_asked_first_and_one_without_an_action_means_all(mesh: World) -> None:
    """A test may say otherwise for a while."""
    mesh.stub("depot", reply={"n": 0})
    with mesh.stub("depot echo", reply={"n": 1}):
        assert mesh.client("depot").call_action("depot", "echo").body == {"n": 1}
        assert mesh.client("depot").call_action("depot", "host").body == {"n": 0}
    answer = mesh.client("depot").call_action("depot", "echo")
    assert (answer.action, answer.body) == ("echo", {"n": 0})


@pytest.mark.parametrize(
    ("selector", "words", "message"),
    [
        ("depot echo", {"reply": {}, "error": "X"}, "mesh.stub got reply and error"),
        ("depot echo", {"reply": 7}, "7 is no reply of echo"),
        ("depot echo", {"error": 503}, "503 is no error: a code"),
        ("depot echo", {"error": {"code": "A", "filed": "x"}}, "no field 'filed'; did you mean 'field'"),
        ("depot echo", {"error": {"message": "x"}}, "it has no code"),
        ("depot POST /echo", {"reply": {}}, "'POST /echo' is no action of depot"),
    ],
)
def test_what_is_no_answer_is_told_at_once(selector: str, words: dict[str, Any], message: str) -> None:
    """A stub that could not answer is refused where the test makes it, with its value."""
    with worlds.world() as mesh, pytest.raises(UsageError, match=message):
        mesh.stub(selector, **words)
