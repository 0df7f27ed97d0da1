"""A unary call of `grpc`, client and server, with protobuf messages: through the mesh, and over the real loopback.

Both lead to the same servicer and are measured in turn in one run, so that the ratio means something on any
machine. The loopback's server has a process of its own, as services have.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from concurrent import futures
from typing import TYPE_CHECKING, Any

# A script's folder is searched first, and this one holds a file called grpc.py.
sys.path[:] = [entry for entry in sys.path if not entry.endswith("benchmarks")]

import grpc  # noqa: E402 - see above
from google.protobuf.wrappers_pb2 import Int64Value, StringValue  # noqa: E402 - see above

from meshsim.kernel.patches import time as clocks  # noqa: E402 - see above
from meshsim.world import World  # noqa: E402 - see above

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 6_000
ROUNDS = 12
# At most so many times the loopback's time.
LIMIT = 0.12
METHOD = "/shop.Shop/Price"


def make_server(address: str) -> grpc.Server:
    """Return the server that both ways lead to, started."""
    server = grpc.server(futures.ThreadPoolExecutor(4))

    def price(request: StringValue, _context: Any) -> Int64Value:
        return Int64Value(value=len(request.value))

    handler = grpc.unary_unary_rpc_method_handler(
        price, request_deserializer=StringValue.FromString, response_serializer=Int64Value.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Shop", {"Price": handler}),))
    server.add_insecure_port(address)
    server.start()
    return server


def loop_us(address: str, calls: int) -> float:
    """Return the microseconds a call, after some to begin with."""
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_unary(
            METHOD,
            request_serializer=StringValue.SerializeToString,
            response_deserializer=Int64Value.FromString,
        )
        for _ in range(calls // 5):
            if ask(StringValue(value="a-1"), timeout=10).value != len("a-1"):
                raise AssertionError
        begun = clocks.real_perf_counter()
        for _ in range(calls):
            ask(StringValue(value="a-1"))
        return (clocks.real_perf_counter() - begun) / calls * 1e6


def through_the_mesh(calls: int) -> float:
    """Measure one service that calls another, with the trace on: both have a small environment of their own."""
    found: list[float] = []

    def caller() -> None:
        while not found:
            time.sleep(1)
            found.append(loop_us("shop:50051", calls))

    def serve() -> grpc.Server:
        return make_server("0.0.0.0:50051")

    with World(seed=1).service("shop", grpc=serve).service("front", python=caller) as mesh:
        mesh.run_until(lambda: found, timeout="1h", every="1m")
    return found[0]


def over_the_loopback(calls: int) -> float:
    """Measure the server on a real socket, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    server = subprocess.Popen([sys.executable, __file__, "--serve", address])
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
        return loop_us(address, calls)
    finally:
        server.terminate()
        server.wait()


WAYS: dict[str, Callable[[int], float]] = {"mesh": through_the_mesh, "loopback": over_the_loopback}


def run(calls: int = CALLS, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the microseconds that a call takes each way: the best of a few rounds.

    The ways take turns, so that what else the machine does meets both alike.
    """
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, times in found.items():
            times.append(WAYS[way](calls // rounds))
    return {way: min(times) for way, times in found.items()}


def main() -> int:
    """Print the figures; the exit code says whether they hold."""
    found = run()
    for way, us in found.items():
        print(f"{way:10} {us:8.1f} us a call")
    ratio = found["mesh"] / found["loopback"]
    print(f"mesh / loopback   {ratio:5.3f}, at most {LIMIT}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    if "--serve" in sys.argv:
        make_server(sys.argv[-1]).wait_for_termination()
    else:
        sys.exit(main())
