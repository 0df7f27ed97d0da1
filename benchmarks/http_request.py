"""A request from `requests` to Flask: through the mesh, by `responses`, and over the real loopback.

Three ways to the same handler, measured in turn in one process, so that the ratios mean something on any
machine. `responses` calls Flask's own test client from a callback, which is how such tests are written
without a mesh; the loopback is Werkzeug's threaded server in a process of its own.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import requests
import responses
from flask import Flask, jsonify, request

from meshsim.kernel.patches import time as clocks
from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 1_000
ROUNDS = 10
# At most so many times the other way's time.
LIMITS = {"responses": 1.15, "loopback": 0.5}


def make_app() -> Flask:
    """Return the application that all three ways lead to."""
    app = Flask("shop")

    @app.post("/checkout")
    def checkout() -> Any:
        return jsonify(ok=True, sku=request.get_json()["sku"]), 201

    return app


def ask(session: requests.Session, url: str) -> None:
    """Make one request."""
    reply = session.post(f"{url}/checkout", json={"sku": "a-1"})
    if reply.json() != {"ok": True, "sku": "a-1"}:
        raise AssertionError(reply.text)


def loop_us(url: str, calls: int) -> float:
    """Return the microseconds a request, after some to begin with."""
    with requests.Session() as session:
        for _ in range(calls // 5):
            ask(session, url)
        begun = clocks.real_perf_counter()
        for _ in range(calls):
            ask(session, url)
        return (clocks.real_perf_counter() - begun) / calls * 1e6


def through_the_mesh(app: Flask, calls: int) -> float:
    """Measure one service that calls another, with the trace on: both have a small environment of their own."""
    found: list[float] = []

    def caller() -> None:
        while not found:
            time.sleep(1)
            found.append(loop_us("http://shop", calls))

    with World(seed=1).service("shop", wsgi=app).service("front", python=caller) as mesh:
        mesh.run_until(lambda: found, timeout="1h", every="1m")
    return found[0]


def by_responses(app: Flask, calls: int) -> float:
    """Measure a test that `responses` answers from Flask's test client."""
    client = app.test_client()

    def answer(prepared: Any) -> tuple[int, dict[str, str], bytes]:
        headers = list(prepared.headers.items())
        reply = client.open(prepared.path_url, method=prepared.method, headers=headers, data=prepared.body)
        return reply.status_code, dict(reply.headers), reply.get_data()

    with responses.RequestsMock() as mock:
        mock.add_callback("POST", "http://shop/checkout", answer)
        return loop_us("http://shop", calls)


def over_the_loopback(_app: Flask, calls: int) -> float:
    """Measure the application on a real socket, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = [sys.executable, __file__, "--serve", str(port)]
    server = subprocess.Popen(program, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(requests.ConnectionError):
                requests.get(url, timeout=1)
                break
            time.sleep(0.05)
        return loop_us(url, calls)
    finally:
        server.terminate()
        server.wait()


WAYS: dict[str, Callable[[Flask, int], float]] = {
    "mesh": through_the_mesh,
    "responses": by_responses,
    "loopback": over_the_loopback,
}


def run(calls: int = CALLS, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the microseconds that a request takes each way: the best of a few rounds.

    The ways take turns, so that what else the machine does meets all of them alike.
    """
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, times in found.items():
            times.append(WAYS[way](make_app(), calls // rounds))
    return {way: min(times) for way, times in found.items()}


def main() -> int:
    """Print the figures; the exit code says whether they hold."""
    found = run()
    holds = True
    for way, us in found.items():
        print(f"{way:10} {us:8.0f} us a request")
    for way, limit in LIMITS.items():
        ratio = found["mesh"] / found[way]
        holds &= ratio <= limit
        print(f"mesh / {way:10} {ratio:5.2f}, at most {limit}")
    return 0 if holds else 1


if __name__ == "__main__":
    if "--serve" in sys.argv:
        make_app().run(port=int(sys.argv[-1]), threaded=True)
    else:
        sys.exit(main())
