"""What a client sees when the network or its server fails: the same as behind a proxy that misbehaves."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from meshsim.world import World
from tests.parity.grpc.arms import attempt, make_server
from tests.parity.grpc.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

ECHO, MANY = "/shop.Shop/Echo", "/shop.Shop/Many"


def echo(request: bytes, context: grpc.ServicerContext) -> bytes:
    return request


def slowly(request: bytes, context: grpc.ServicerContext) -> Any:
    yield b"0"
    time.sleep(0.4)
    yield b"1"


HANDLERS = {
    ECHO: grpc.unary_unary_rpc_method_handler(echo),
    MANY: grpc.unary_stream_rpc_method_handler(slowly),
}
# Each fault as the mesh has it; as the proxy has it.
FAULTS = {"partition": "stall", "reset": "reset"}


def calls(channel: grpc.Channel, address: str, begin: Callable[[], None], end: Callable[[], None]) -> Any:
    """Make calls before, in and after a fault."""
    method = channel.unary_unary(ECHO)
    found = [attempt(lambda: method(b"before", timeout=10), address)]
    begin()
    found.append(attempt(lambda: method(b"in", timeout=0.5), address))
    end()
    found.append(attempt(lambda: method(b"after", timeout=20, wait_for_ready=True), address))
    stream = channel.unary_stream(MANY)(b"", timeout=10)
    found.append(next(stream))
    begin()
    found.append(attempt(lambda: next(stream), address)[:3])
    end()
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_link_is_the_same(fault: str) -> None:
    """A call in a partition ends by its deadline and one that is reset is UNAVAILABLE; the next one goes through."""

    def serve() -> grpc.Server:
        server = make_server(HANDLERS)
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    with World(seed=1).service("svc", grpc=serve) as mesh:
        standing: list[Any] = []
        with mesh.grpc("svc") as channel:
            fake = calls(
                channel,
                "svc:50051",
                lambda: standing.append(mesh.fault({fault: ["test", "svc"]})),
                lambda: standing.pop().heal(),
            )
    server = make_server(HANDLERS)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with Proxy(port) as proxy, grpc.insecure_channel(f"127.0.0.1:{proxy.port}") as channel:

            def begin() -> None:
                proxy.mode = FAULTS[fault]

            def end() -> None:
                proxy.mode = "pass"

            real = calls(channel, f"127.0.0.1:{proxy.port}", begin, end)
    finally:
        server.stop(None).wait()
    if fault == "partition":
        # What the proxy has swallowed is lost; a real link, and the mesh's, sends it again.
        fake, real = fake[:2], real[:2]
    assert fake == real


def test_a_partition_that_ends_is_forgotten() -> None:
    """What was sent in a partition arrives behind it, and the connection goes on."""

    def serve() -> grpc.Server:
        server = make_server(HANDLERS)
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    with World(seed=1).service("svc", grpc=serve) as mesh, mesh.grpc("svc") as channel:
        method = channel.unary_unary(ECHO)
        method(b"before")
        mesh.partition("test", "svc", for_="5s")
        begun = time.time()
        assert method(b"in", timeout=60) == b"in"
        assert time.time() - begun >= 5


def test_a_crash_and_what_comes_after() -> None:
    """Calls to a crashed host end by a deadline, a reset and a refusal; one that waits is answered at last."""

    def late(request: bytes, context: grpc.ServicerContext) -> bytes:
        time.sleep(2)
        return request

    def serve() -> grpc.Server:
        server = make_server({ECHO: grpc.unary_unary_rpc_method_handler(late)})
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    with World(seed=1).service("svc", grpc=serve) as mesh, mesh.grpc("svc") as channel:
        method = channel.unary_unary(ECHO)
        method(b"before")
        open_call = method.future(b"in", timeout=4)
        mesh.run_for("1s")
        mesh.host("svc/0").crash()
        assert attempt(open_call.result, "")[1] == "StatusCode.DEADLINE_EXCEEDED"
        assert attempt(lambda: method(b"x", timeout=4), "")[1] == "StatusCode.UNAVAILABLE"
        refused = attempt(lambda: method(b"x", timeout=4), "")
        assert refused[1] == "StatusCode.UNAVAILABLE" and refused[2].endswith("Connection refused")
        mesh.host("svc/0").restart()
        assert method(b"again", timeout=60, wait_for_ready=True) == b"again"


def test_keepalive_finds_a_connection_that_is_dead() -> None:
    """With keepalive a call in a partition is UNAVAILABLE once a ping has not been answered."""

    def serve() -> grpc.Server:
        server = make_server(HANDLERS)
        server.add_insecure_port("0.0.0.0:50051")
        server.start()
        return server

    options = [("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 2_000)]
    with World(seed=1).service("svc", grpc=serve) as mesh, mesh.grpc("svc", options=options) as channel:
        method = channel.unary_unary(ECHO)
        method(b"before")
        with mesh.partition("test", "svc"):
            begun = time.time()
            assert attempt(lambda: method(b"in", timeout=600), "")[1:3] == [
                "StatusCode.UNAVAILABLE",
                "ping timeout",
            ]
            assert time.time() - begun < 25


def test_the_back_off_grows() -> None:
    """A channel that cannot connect tries again after about 1, 1.6, 2.56 ... seconds."""
    with World(seed=1).service("svc", python=lambda: time.sleep(1e6)) as mesh:
        tried: list[float] = []
        kept = mesh.fabric.on_packet

        def note(source: int, target: int, kind: int, size: int, fate: int) -> object:
            if kind == 0:
                tried.append(time.time())
            return kept(source, target, kind, size, fate) if kept is not None else None

        mesh.fabric.on_packet = note
        with grpc.insecure_channel("svc:50051") as channel:
            call = channel.unary_unary(ECHO).future(b"x", wait_for_ready=True, timeout=15)
            assert attempt(call.result, "")[1] == "StatusCode.DEADLINE_EXCEEDED"
        gaps = [later - earlier for earlier, later in pairwise(tried)]
        assert len(gaps) >= 3
        for number, gap in enumerate(gaps):
            assert 0.75 * 1.6**number < gap < 1.25 * 1.6**number
