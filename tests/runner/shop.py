"""A shop that asks a stock, and the words of a scenario around them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import requests

from meshsim.runner import Result, run_document
from meshsim.scenario import load

if TYPE_CHECKING:
    from collections.abc import Iterable

STATE = {"left": 1000}


def shop(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    """Buy: one retry, then the shop sells from memory."""
    for _ in range(2):
        try:
            reply = requests.post("http://stock/take", timeout=0.2)
        except requests.RequestException:
            continue
        start("200 OK", [("Content-Type", "application/json")])
        return [reply.content]
    start("503 Service Unavailable", [("Content-Type", "text/plain")])
    return [b"no stock"]


def stock(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    """Take one."""
    STATE["left"] -= 1
    start("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(STATE).encode()]


BUYERS: dict[str, object] = {"name": "buyers", "call": "shop POST /buy", "json": {"sku": "a"}, "rate": "20/s"}


def scenario(**words: Any) -> Any:
    """Load the shop's scenario with some words of its own."""
    STATE["left"] = 1000
    whole: dict[str, Any] = {
        "services": {"shop": {"wsgi": shop}, "stock": {"wsgi": stock, "replicas": 2, "restart": "1s"}},
        "links": {"shop -> stock": {"latency": "1ms"}},
        "duration": "3s",
        "workload": [BUYERS],
        "expect": ["no unhandled errors"],
    }
    return load({name: value for name, value in {**whole, **words}.items() if value is not None})


def run(seed: int | None = None, carrier: str = "greenlet", **words: Any) -> Result:
    """Run the shop's scenario."""
    return run_document(scenario(**words), seed, carrier=carrier)


def verdicts(result: Result) -> list[tuple[str, str]]:
    """Return verdict and headline of everything that was judged."""
    return [(str(one.verdict), one.headline) for one in result.results]
