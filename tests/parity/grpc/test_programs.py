"""Random conversations: both ends see the same messages, in the same order, to the same end, as for real."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshsim.world import World
from tests.parity.grpc.arms import attempt, make_server

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS = {
    "unary_unary": "/a.B/UU",
    "unary_stream": "/a.B/US",
    "stream_unary": "/a.B/SU",
    "stream_stream": "/a.B/SS",
}

# What a server does with a call: for each message that it reads, answer so often; then end so.
SCRIPT = st.fixed_dictionaries(
    {
        "reads": st.integers(0, 4),
        "answers": st.integers(0, 3),
        "size": st.sampled_from([0, 1, 5_000, 70_000]),
        "initial": st.booleans(),
        "trailing": st.booleans(),
        "end": st.sampled_from(["return", "raise", "abort"]),
        "code": st.sampled_from(["ABORTED", "UNAVAILABLE"]),
    }
)
CALL = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(sorted(METHODS)),
        "script": SCRIPT,
        "sends": st.integers(0, 4),
        "ask": st.booleans(),
    }
)


def begin(script: dict[str, Any], context: grpc.ServicerContext) -> None:
    if script["initial"]:
        context.send_initial_metadata((("initial", "yes"),))
    if script["trailing"]:
        context.set_trailing_metadata((("trailing", "yes"),))


def end(script: dict[str, Any], context: grpc.ServicerContext) -> None:
    if script["end"] == "raise":
        raise ValueError("as the script says")
    if script["end"] == "abort":
        context.abort(getattr(grpc.StatusCode, script["code"]), "as the script says")


def one(script: dict[str, Any], context: grpc.ServicerContext, heard: int) -> bytes:
    begin(script, context)
    end(script, context)
    return b"%d:" % heard + b"x" * script["size"]


def some(script: dict[str, Any], context: grpc.ServicerContext, requests: Iterator[bytes]) -> Iterator[bytes]:
    begin(script, context)
    for number in range(script["reads"]):
        request = next(requests, None)
        if request is None:
            break
        for answer in range(script["answers"]):
            yield b"%d.%d:" % (number, answer) + request[:10] + b"x" * script["size"]
    end(script, context)


def unary_unary(request: bytes, context: grpc.ServicerContext) -> bytes:
    return one(json.loads(request), context, 1)


def unary_stream(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    return some(json.loads(request), context, iter([request] * 4))


def stream_unary(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    script = json.loads(next(requests))
    return one(script, context, sum(1 for _ in requests))


def stream_stream(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    return some(json.loads(next(requests)), context, requests)


HANDLERS = {
    METHODS["unary_unary"]: grpc.unary_unary_rpc_method_handler(unary_unary),
    METHODS["unary_stream"]: grpc.unary_stream_rpc_method_handler(unary_stream),
    METHODS["stream_unary"]: grpc.stream_unary_rpc_method_handler(stream_unary),
    METHODS["stream_stream"]: grpc.stream_stream_rpc_method_handler(stream_stream),
}


def run(channel: grpc.Channel, call: dict[str, Any], address: str) -> Any:
    """Make one call, and return all that its client sees."""
    kind, script = call["kind"], json.dumps(call["script"]).encode()
    method = getattr(channel, kind)(METHODS[kind])
    requests: Any = script
    if kind.startswith("stream"):
        requests = iter([script, *(b"%d" % number + b"y" * 20_000 for number in range(call["sends"]))])
    if kind.endswith("unary"):
        if call["ask"]:
            return attempt(lambda: method(requests, timeout=20), address)
        made = method.future(requests, timeout=20)
        found = [attempt(made.result, address)]
    else:
        made, heard = method(requests, timeout=20), []
        found = [attempt(lambda: heard.extend(made), address), heard]
        # A message that is still unread when an error comes, core may drop.
        failed = made.code() is not grpc.StatusCode.OK
        found = [found[0], None if failed else found[1]]
    return [*found, str(made.code()), made.initial_metadata() if str(made.code()).endswith("OK") else None]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(CALL, min_size=1, max_size=4))
def test_a_random_program_is_the_same(program: list[dict[str, Any]]) -> None:
    """A random program of calls of all four kinds gives the same messages, in order, and the same statuses."""

    def serve() -> grpc.Server:
        server = make_server(HANDLERS)
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    with World(seed=1).service("svc", grpc=serve), grpc.insecure_channel("svc:50051") as channel:
        fake = [run(channel, call, "svc:50051") for call in program]
    server = make_server(HANDLERS)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            real = [run(channel, call, f"127.0.0.1:{port}") for call in program]
    finally:
        server.stop(None).wait()
    assert fake == real
