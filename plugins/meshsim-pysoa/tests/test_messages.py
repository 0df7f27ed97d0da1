"""What travels in PySOA's messages over the mesh: types, contexts, jobs, expansions, middleware."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import currint
import pytest
import pytz  # type: ignore[import-untyped]  # what PySOA takes for UTC
import worlds
from pysoa.client.client import Client

BACKENDS = pytest.mark.parametrize("backend", worlds.BACKENDS)
SERIALIZER = "pysoa.common.serializer"
JSON = {"path": f"{SERIALIZER}.json_serializer:JSONSerializer"}
FORWARD = {"action": "context", "body": {}}


@BACKENDS
def test_messagepack_brings_each_extension_type_back(backend: str) -> None:
    """Moments, dates, times, decimals and amounts of money arrive as what they were."""
    body = {
        "moment": dt.datetime(2026, 1, 2, 3, 4, 5, 500_000),
        "utc": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=pytz.UTC),
        "date": dt.date(2026, 1, 2),
        "time": dt.time(3, 4, 5, 678),
        "decimal": Decimal("1.10"),
        "amount": currint.Amount.from_code_and_minor("EUR", 110),
        "text": "größer",
        "bytes": b"\x00\xff",
    }
    with worlds.world(backend) as mesh:
        answer = mesh.client("depot").call_action("depot", "echo", body).body
        assert answer == body
        assert [type(answer[name]) for name in body] == [type(value) for value in body.values()]
        (call,) = mesh.trace.requests("depot echo")
        assert call.body("text") == "größer"


@BACKENDS
def test_json_is_answered_in_json(backend: str) -> None:
    """A client that speaks JSON is understood by a server that speaks MessagePack, and is answered in its own."""
    with worlds.world(backend) as mesh:
        client, cache = worlds.client(backend, default_serializer_config=JSON), mesh.redis("cache")
        mesh.host("depot/0").crash()
        client.send_request("depot", [{"action": "echo", "body": {"n": 1}}])
        (job,) = cache.lrange("pysoa:service.depot", 0, -1)
        mesh.host("depot/0").restart()
        mesh.run_for("1s")
        (answer,) = cache.lrange(cache.keys("*!*")[0], 0, -1)
        assert all(b"content-type:application/json;" in message for message in (job, answer))
        ((_, response),) = client.get_all_responses("depot")
        assert response.actions[0].body == {"n": 1}


@BACKENDS
def test_context_and_correlation_id_go_from_service_to_service(backend: str) -> None:
    """A call that an action makes on behalf of another one has its correlation id and its context, and its parent."""
    services = {
        "depot": worlds.service(backend),
        "back": worlds.service(backend, server="depot.server:Back"),
    }
    with worlds.world(backend, services=services) as mesh:
        answer = mesh.client("depot").call_action(
            "depot", "forward", FORWARD, correlation_id="c-1", context={"tenant": "t"}, switches=[7]
        )
        context: dict[str, Any] = answer.body["context"]
        assert (context["correlation_id"], context["tenant"], context["calling_service"]) == (
            "c-1",
            "t",
            "depot",
        )
        assert answer.body["switched"] is True
        first, second = (call for call in mesh.trace.calls if call.room == "pysoa")
        assert (first.origin, second.origin, second.parent) == ("c-1", "c-1", first.id)
        assert (first.target, second.target) == ("depot/0", "back/0")


@BACKENDS
@pytest.mark.parametrize("go_on", [False, True])
def test_a_job_stops_at_its_first_error_unless_told_otherwise(backend: str, go_on: bool) -> None:
    """The actions after an error are run only with `continue_on_error`, and the trace says which were."""
    actions: list[dict[str, Any]] = [{"action": name, "body": {}} for name in ("echo", "refuse", "host")]
    with worlds.world(backend) as mesh:
        job = mesh.client("depot").call_actions(
            "depot", actions, continue_on_error=go_on, raise_action_errors=False
        )
        assert len(job.actions) == (3 if go_on else 2)
        calls = mesh.trace.requests("test -> depot")
        assert [call.operation for call in calls] == ["echo", "refuse", "host"]
        assert [call.answered for call in calls] == [True, True, go_on]
        assert calls[2].failed is not go_on


@BACKENDS
def test_a_response_that_is_not_wanted_is_not_sent(backend: str) -> None:
    """With `suppress_response` the work is done, nobody waits, and the call counts as done when it is sent."""
    with worlds.world(backend) as mesh:
        client = mesh.client("depot")
        client.send_request("depot", [{"action": "echo", "body": {"n": 1}}], suppress_response=True)
        mesh.run_for("1s")
        assert mesh.host("depot/0").module("depot.server").DONE == [{"n": 1}]
        assert mesh.redis("cache").keys("*!*") == []
        (call,) = mesh.trace.requests("depot echo")
        assert call.answered and call.replied_at is not None
        assert call.replied_at < 0.1


@BACKENDS
def test_expansions_are_calls_of_their_own(backend: str) -> None:
    """A client that expands what it got asks the service again, once for all objects of a type."""
    expansions = {
        "type_routes": {
            "items": {
                "service": "depot",
                "action": "items",
                "request_field": "ids",
                "response_field": "items",
            }
        },
        "type_expansions": {
            "order": {
                "what": {
                    "type": "item",
                    "route": "items",
                    "source_field": "item_id",
                    "destination_field": "item",
                }
            }
        },
    }
    body = {"orders": [{"_type": "order", "item_id": "a"}, {"_type": "order", "item_id": "b"}]}
    with worlds.world(backend) as mesh:
        client = Client(
            {"depot": {"transport": worlds.transport("client", backend)}}, expansion_config=expansions
        )
        answer = client.call_action("depot", "echo", body, expansions={"order": ["what"]})
        assert [order["item"]["name"] for order in answer.body["orders"]] == ["A", "B"]
        assert [call.operation for call in mesh.trace.requests("depot")] == ["echo", "items"]


@BACKENDS
def test_a_servers_middleware_runs_and_a_stubbed_action_never_meets_it(backend: str) -> None:
    """Middleware of the settings wraps jobs and actions; what a stub answers does not reach it."""
    depot = worlds.settled(backend, server={"middleware": [{"path": "depot.server:Stamp"}]})
    with worlds.world(backend, services={"depot": depot}) as mesh:
        client = mesh.client("depot")
        assert client.call_action("depot", "echo", {"n": 1}).body == {"n": 1, "jobs": 1}
        with mesh.stub("depot echo", reply={"n": 0}):
            assert client.call_action("depot", "echo", {"n": 1}).body == {"n": 0}
        assert client.call_action("depot", "echo", {"n": 1}).body == {"n": 1, "jobs": 2}
