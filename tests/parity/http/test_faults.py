"""What each client raises when a server misbehaves: on the mesh exactly what it raises on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests

from tests.parity.http.peer import CLOSE, RESET, STALL, Script, Step, chunk, chunked_head, head

Client = Callable[[str], Any]
TIMEOUT_S = 0.3


def by_requests(url: str) -> Any:
    """Ask with `requests`."""
    reply = requests.get(f"{url}/x", timeout=TIMEOUT_S)
    return reply.status_code, reply.text


def by_requests_streaming(url: str) -> Any:
    """Ask with `requests`, and read the body by and by."""
    with requests.get(f"{url}/x", timeout=TIMEOUT_S, stream=True) as reply:
        return reply.status_code, list(reply.iter_content(4))


def by_requests_post(url: str) -> Any:
    """Send a body with `requests`."""
    return requests.post(f"{url}/x", json={"a": 1}, timeout=(1, TIMEOUT_S)).text


def by_httpx(url: str) -> Any:
    """Ask with `httpx`."""
    reply = httpx.get(f"{url}/x", timeout=TIMEOUT_S)
    return reply.status_code, reply.text


def by_httpx_async(url: str) -> Any:
    """Ask with `httpx.AsyncClient`."""

    async def ask() -> Any:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            reply = await client.get(f"{url}/x")
            return reply.status_code, reply.text

    return asyncio.run(ask())


CLIENTS = [by_requests, by_requests_streaming, by_requests_post, by_httpx, by_httpx_async]

BODIES: dict[str, list[Step]] = {
    "ok": [head(200, b"hello")],
    "not found": [head(404, b"no")],
    "no content": [Step("head", 204, [])],
    "chunked": [chunked_head(b"hel"), chunk(b"lo"), chunk(b"", more=False)],
    "until close": [
        Step("head", 200, [("Connection", "close")], b"hel", more=True),
        chunk(b"lo", chunked=False),
        CLOSE,
    ],
    "close before the reply": [CLOSE],
    "reset before the reply": [RESET],
    "no reply": [STALL],
    "close within the body": [head(200, b"hel", length=10), CLOSE],
    "close within chunks": [chunked_head(b"hel"), CLOSE],
    "stall within the body": [head(200, b"hel", length=10), STALL],
    "stall within chunks": [chunked_head(b"hel"), STALL],
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", BODIES)
def test_a_reply_or_its_failure_is_the_same(
    client: Client, name: str, both: Callable[[Client, Script], Any]
) -> None:
    """A client sees the same reply, or the same exception with its causes, on the mesh and the loopback."""
    fake, real = both(client, lambda _method, _target: BODIES[name])
    assert fake == real
