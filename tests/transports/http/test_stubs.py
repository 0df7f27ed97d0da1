"""Answers of a test's own, given instead of a service's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
import pytest
import requests
import responses
from responses import matchers
from responses.registries import OrderedRegistry

from meshsim import UnsupportedOperation, UsageError
from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

app = flask.Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def root() -> dict[str, str]:
    """Answer as the service itself does."""
    return {"from": "the service"}


@pytest.fixture
def mesh() -> Iterator[World]:
    """A service that answers, and something that cannot be stubbed."""
    with World(seed=1).service("a", wsgi=app).platform("cache", redis={}) as world:
        yield world


def test_a_reply_stands_in_for_the_service_until_it_is_removed(mesh: World) -> None:
    """A stub answers, knows its calls, and goes away."""
    session = mesh.http("a")
    route = mesh.stub("a GET /", reply={"x": 9})
    assert not route.called
    assert session.get("/").json() == {"x": 9}
    assert route.call_count == 1
    assert route.calls[0].answered
    assert route.calls[0].sent_at >= 0
    assert session.post("/").json() == {"from": "the service"}
    route.remove()
    assert session.get("/").json() == {"from": "the service"}


@pytest.mark.parametrize(
    ("reply", "status", "text"),
    [
        ("hi", 200, "hi"),
        ((404, "no"), 404, "no"),
        ((201, {"a": 1}, {"X": "y"}), 201, '{"a": 1}'),
        (None, 200, ""),
    ],
)
def test_a_reply_is_a_body_or_a_tuple(mesh: World, reply: Any, status: int, text: str) -> None:
    """The forms of a reply that need no library."""
    with mesh.stub("a", reply=reply):
        got = mesh.http("a").get("/")
    assert (got.status_code, got.text) == (status, text)


@pytest.mark.parametrize(
    ("error", "expected"), [("timeout", requests.ReadTimeout), ("reset", requests.ConnectionError)]
)
def test_an_error_is_what_the_client_library_raises(
    mesh: World, error: str, expected: type[Exception]
) -> None:
    """A stub that does not answer shows in the caller as a service that does not."""
    with mesh.stub("a GET /", error=error), pytest.raises(expected):
        mesh.http("a").get("/", timeout=2)
    with mesh.stub("a GET /", error=503):
        assert mesh.http("a").get("/").status_code == 503


def test_a_dropped_request_is_a_read_timeout(mesh: World) -> None:
    """A fault that drops a request leaves the client waiting for an answer, and the next request has one."""
    with mesh.fault(drop={"to": "a GET /", "first": 1}) as fault:
        with pytest.raises(requests.ReadTimeout):
            mesh.http("a").get("/", timeout=2)
        assert mesh.http("a").get("/", timeout=2).ok
    assert fault.fired == 1


def test_a_side_effect_is_called_listed_or_raised(mesh: World) -> None:
    """The three forms that unittest.mock has."""
    session = mesh.http("a")
    with mesh.stub("a", side_effect=lambda request: (201, {"method": request.method})):
        assert session.post("/").json() == {"method": "POST"}
    with mesh.stub("a", side_effect=["one", ValueError("no"), "two"]):
        texts = [session.get("/").text for _ in range(4)]
    assert texts == ["one", "ValueError: no", "two", "meshsim: side_effect has no more replies"]


def test_responses_gives_matchers_and_registries(mesh: World) -> None:
    """What a matcher refuses goes to the service; an ordered registry answers in its order."""
    session = mesh.http("a")
    with mesh.stub("a", reply="matched", match=[matchers.json_params_matcher({"a": 1})]):
        assert session.post("/", json={"a": 1}).text == "matched"
        assert session.post("/", json={"a": 2}).json() == {"from": "the service"}
    listed = [responses.Response("GET", "http://a/", json={"n": n}) for n in (1, 2)]
    with mesh.stub("a", reply=listed, registry=OrderedRegistry):
        assert [session.get("/").json()["n"] for _ in range(2)] == [1, 2]


def test_the_newest_stub_is_asked_first(mesh: World) -> None:
    """A test can say otherwise for a while."""
    with mesh.stub("a", reply="old"), mesh.stub("a", reply="new"):
        assert mesh.http("a").get("/").text == "new"


@responses.activate
def test_a_users_own_responses_are_asked_before_the_mesh(mesh: World) -> None:
    """`@responses.activate` inside a world works, and what it lets pass reaches the service."""
    responses.add("GET", "http://elsewhere/x", json={"mine": True})
    responses.add_passthru("http://a")
    assert requests.get("http://elsewhere/x", timeout=1).json() == {"mine": True}
    assert requests.get("http://a/", timeout=1).json() == {"from": "the service"}
    assert mesh.trace.requests("test -> a")


def test_what_cannot_be_stubbed_says_so(mesh: World) -> None:
    """Bad words name the value and the cure."""
    with pytest.raises(UsageError, match="no service 'nobody'; there are a, cache"):
        mesh.stub("nobody GET /", reply=1)
    with pytest.raises(UnsupportedOperation, match="cache does not answer HTTP"):
        mesh.stub("cache", reply=1)
    with pytest.raises(UsageError, match="reply and error"):
        mesh.stub("a", reply=1, error=503)
    with pytest.raises(UsageError, match="a status, 'reset' or 'timeout'"):
        mesh.stub("a", error="UNAVAILABLE")
    with pytest.raises(UsageError, match="is no body"):
        mesh.stub("a", reply=object())
