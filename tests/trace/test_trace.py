"""The questions a trace answers: calls by selector, events, windows, spans, and its file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from meshsim.errors import UsageError
from meshsim.trace import MISSING, Call, Message, Recorder, Trace, Window
from meshsim.trace.message import BODY_BYTES_MAX

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 10**9


class World:
    """A recorder with a clock that tests set."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.recorder = Recorder(lambda: self.now_ns)
        self.trace = Trace(self.recorder)

    def call(self, caller: str, target: str, operation: str, parent: Call | None = None) -> Call:
        call = self.recorder.call_sent("http", caller, target, operation, parent=parent)
        self.recorder.call_received(call, f"{target}/0")
        return call


@pytest.fixture
def world() -> World:
    return World()


def test_requests_are_picked_by_a_selector(world: World) -> None:
    """A selector's caller, target, replica and operation each narrow the calls."""
    place = world.call("storefront/0", "orders", "place_order")
    world.call("storefront/0", "orders", "cancel_order")
    stock = world.call("orders/0", "inventory", "GET /stock/7")
    trace = world.trace
    assert trace.requests("storefront -> orders place_order") == [place]
    assert len(trace.requests("orders")) == 2
    assert trace.requests("orders/1") == []
    assert trace.requests("* -> inventory GET /stock/{sku}") == [stock]
    assert len(trace.requests()) == 3


def test_a_wrong_selector_is_refused(world: World) -> None:
    """Text that is no selector is a UsageError."""
    with pytest.raises(UsageError, match="two arrows"):
        world.trace.requests("a -> b -> c")


def test_commands_answer_to_selectors_too(world: World) -> None:
    """Redis commands, recorded without a Call, come back as calls with their moments, errors and text."""
    world.now_ns = SECOND
    world.recorder.command("orders/0", "cache", "SET stock:a 5", took_ns=1_000_000)
    world.recorder.command("orders/0", "cache", "GET stock:a", error="ReadTimeout")
    world.call("orders/0", "inventory", "GET /stock/7")
    found = world.trace.requests("orders -> cache SET")
    assert [call.operation for call in found] == ["SET"]
    assert (found[0].sent_ns, found[0].replied_ns) == (SECOND - 1_000_000, SECOND)
    assert found[0].request is not None
    assert found[0].request.path == "stock:a 5"
    (failed,) = world.trace.requests("cache GET")
    assert failed.failed
    assert not failed.answered
    assert world.trace.requests("storefront -> cache") == []


def test_calls_know_their_moments_in_seconds(world: World) -> None:
    """The *_at properties count seconds as mesh.now does, the *_ns slots nanoseconds."""
    world.now_ns = 3 * SECOND
    call = world.call("a/0", "b", "GET /")
    assert not call.answered
    assert (call.sent_at, call.received_at, call.handled_at, call.replied_at) == (3.0, 3.0, None, None)
    world.now_ns = 4 * SECOND
    world.recorder.call_handled(call, 200)
    world.recorder.call_replied(call, 200)
    assert (call.handled_at, call.replied_at, call.answered, call.failed) == (4.0, 4.0, True, False)


@pytest.mark.parametrize(
    ("status", "error", "failed"),
    [
        (200, "", False),
        (404, "", False),
        (500, "", True),
        ("ok", "", False),
        ("UNAVAILABLE", "", True),
        (200, "x", True),
    ],
)
def test_what_counts_as_an_error(world: World, status: int | str, error: str, failed: bool) -> None:
    """500 and above, a status word other than ok, or an error in the reply fail a call; 404 does not."""
    call = world.call("a/0", "b", "GET /")
    world.recorder.call_replied(call, status, error=error)
    assert call.failed is failed


def test_events_are_picked_by_kind_and_host(world: World) -> None:
    """events() narrows by kind and by host and keeps the order."""
    world.recorder.event("boot", "a/0", "up")
    world.recorder.event("crash", "a/0", "fault", code=9)
    world.recorder.event("crash", "b/0", "fault")
    assert [event.host for event in world.trace.events("crash")] == ["a/0", "b/0"]
    assert [event.kind for event in world.trace.events(host="a/0")] == ["boot", "crash"]
    assert world.trace.events("crash", "a/0")[0].data == {"code": 9}


def test_windows_are_the_parts_of_a_run(world: World) -> None:
    """Faults reaches from its phase to settle, settle to the end, all over everything."""
    assert world.trace.window("faults") == Window(0, 1)
    assert world.trace.window("settle") is None
    world.now_ns = SECOND
    world.recorder.phase("faults")
    world.now_ns = 5 * SECOND
    world.recorder.phase("settle")
    world.now_ns = 9 * SECOND
    assert world.trace.window("faults") == Window(SECOND, 5 * SECOND)
    assert world.trace.window("settle") == Window(5 * SECOND, 9 * SECOND + 1)
    assert world.trace.window("all") == Window(0, 9 * SECOND + 1)
    assert not Window(1, 2).holds(2)


def test_spans_put_calls_under_their_parents(world: World) -> None:
    """A call whose parent handled it hangs below that one; the walk gives depths."""
    root = world.call("test", "storefront", "POST /checkout")
    child = world.call("storefront/0", "orders", "place_order", parent=root)
    world.call("orders/0", "inventory", "GET /stock/7", parent=child)
    world.call("test", "storefront", "GET /")
    first, second = world.trace.spans()
    assert [(depth, call.id) for depth, call in first.walk()] == [(0, 1), (1, 2), (2, 3)]
    assert second.children == []


def test_a_trace_is_saved_as_lines_of_json(world: World, tmp_path: Path) -> None:
    """The file has the hash at its head, every record by name, every call in full."""
    recorder = world.recorder
    recorder.host(0, "a/0")
    recorder.switch(3)
    recorder.packet(0, 0, 1, 10, -1)
    recorder.command("a/0", "cache", "GET x")
    call = recorder.call_sent(
        "http", "a/0", "b", "POST /", request=Message("POST", "/", [("A", "secret")], b'{"q": 1}')
    )
    recorder.call_failed(call, "refused")
    world.trace.save(tmp_path / "deep" / "run.jsonl")
    text = (tmp_path / "deep" / "run.jsonl").read_text("utf-8")
    found = [json.loads(line) for line in text.splitlines()]
    assert found[0]["hash"] == world.trace.hash
    assert {"at_ns": 0, "kind": "switch", "task": 3} in found
    packet = next(line for line in found[1:] if line["kind"] == "packet")
    assert (packet["size_bytes"], packet["fate"]) == (10, -1)
    sent = next(line for line in found[1:] if line["kind"] == "call sent")
    assert (sent["caller"], sent["service"], sent["deadline_ns"]) == ("a/0", "b", None)
    last = found[-1]
    assert (last["kind"], last["request"], last["error"]) == ("call", '{"q": 1}', "refused")
    assert "secret" not in text


def test_body_fields_are_looked_up_by_path() -> None:
    """body() walks maps and lists; what is not there, or not JSON, is MISSING or the default."""
    call = Call(1, "http", "a/0", "b", "POST /", 0)
    assert call.body("order_id") is MISSING
    call.request = Message(body=b'{"order_id": 7, "items": [{"sku": "a"}], "none": null}')
    assert call.body("order_id") == 7
    assert call.body("items.0.sku") == "a"
    assert call.body("items.1.sku", "-") == "-"
    assert call.body("none") is None
    call.request = Message(body=b"not json")
    assert call.body("order_id") is MISSING


def test_form_bodies_have_fields_too() -> None:
    """A form's fields are looked up as those of JSON are, the first of several."""
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    message = Message("POST", "/v1/charges", headers, b"order=17&order=18&amount=5")
    assert message.field("order") == "17"
    assert message.field("customer") is MISSING


def test_an_object_body_is_copied() -> None:
    """A body given as an object does not change with it, and foreign types become text without addresses."""
    body = {"ids": {"b", "a"}, "raw": b"x", "thing": object(), "deep": [1]}
    message = Message(body=body)
    body["deep"].append(2)  # type: ignore[attr-defined]
    assert message.json() == {"ids": ["a", "b"], "raw": "x", "thing": "<object>", "deep": [1]}


def test_a_large_body_is_hashed_and_not_kept() -> None:
    """Above the bound only size and checksum stay."""
    message = Message(body=b"x" * (BODY_BYTES_MAX + 1))
    assert message.body is None
    assert message.truncated
    assert message.crc != Message(body=b"y" * (BODY_BYTES_MAX + 1)).crc
    assert message.text() == f"<{BODY_BYTES_MAX + 1} bytes>"


def test_headers_are_found_in_any_case() -> None:
    """header() ignores case and gives None for what is not there."""
    message = Message(headers=[("Content-Type", "text/plain")])
    assert message.header("content-type") == "text/plain"
    assert message.header("accept") is None
