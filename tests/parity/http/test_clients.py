"""What clients do on top of connections: redirects, cookies, encodings, retries, pools; in both places."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.parity.http.peer import CLOSE, Script, Step, chunked_head, head

Both = Callable[[Callable[[str], Any], Script], tuple[Any, Any]]


def site(method: str, target: str) -> list[Step]:
    """Answer as a small site does."""
    pages: dict[str, list[Step]] = {
        "/": [head(200, b"home")],
        "/moved": [head(302, b"", ("Location", "/"))],
        "/login": [head(200, b"in", ("Set-Cookie", "sid=1; Path=/"), ("Set-Cookie", "b=2; Path=/"))],
        "/gzip": [head(200, gzip.compress(b"zipped", mtime=0), ("Content-Encoding", "gzip"))],
        "/gzip-chunked": [
            chunked_head(gzip.compress(b"z" * 99, mtime=0), ("Content-Encoding", "gzip"), more=False)
        ],
        "/busy": [head(503, b"later", ("Retry-After", "0"))],
        "/closing": [head(200, b"bye", ("Connection", "close")), CLOSE],
        "/lines": [head(200, b"one\ntwo\n\nthree")],
    }
    if method == "HEAD":
        return [Step("head", 200, [("Content-Length", "4")])]
    return pages[target]


def test_redirects_and_their_history_are_the_same(both: Both) -> None:
    """A session follows a redirect and keeps its history."""

    def body(url: str) -> Any:
        reply = requests.get(f"{url}/moved", timeout=1)
        return reply.text, [past.status_code for past in reply.history], reply.url.removeprefix(url)

    fake, real = both(body, site)
    assert fake == real == [("home", [302], "/"), "1 connections"]


def test_cookies_are_the_same(both: Both) -> None:
    """A session keeps every cookie that a reply sets."""

    def body(url: str) -> Any:
        with requests.Session() as session:
            session.get(f"{url}/login", timeout=1)
            return sorted(session.cookies.items()), session.get(f"{url}/", timeout=1).request.headers.get(
                "Cookie"
            )

    fake, real = both(body, site)
    assert fake == real == [([("b", "2"), ("sid", "1")], "sid=1; b=2"), "1 connections"]


def test_decoding_is_the_same(both: Both) -> None:
    """Compressed bodies are decoded, raw ones are not."""

    def body(url: str) -> Any:
        raw = requests.get(f"{url}/gzip", timeout=1, stream=True).raw
        return (
            requests.get(f"{url}/gzip", timeout=1).text,
            requests.get(f"{url}/gzip-chunked", timeout=1).text,
            raw.read(),
            httpx.get(f"{url}/gzip-chunked").text,
        )

    fake, real = both(body, site)
    assert fake == real
    assert fake[0][:2] == ("zipped", "z" * 99)


def test_the_parts_of_a_response_are_the_same(both: Both) -> None:
    """Everything that a user can ask of a response has the same answer."""

    def body(url: str) -> Any:
        reply = requests.get(f"{url}/lines", timeout=1, stream=True)
        raw = reply.raw
        asked = [
            type(raw).__qualname__,
            raw.status,
            raw.reason,
            raw.version,
            dict(raw.headers),
            raw.closed,
            raw.read(2),
            raw.tell(),
            raw.readline(),
            list(reply.iter_lines()),
            raw.closed,
            reply.ok,
            reply.encoding,
            reply.elapsed.total_seconds() > 0,
        ]
        head_reply = requests.head(f"{url}/", timeout=1)
        return (
            asked,
            head_reply.headers["Content-Length"],
            head_reply.content,
            io.TextIOWrapper(requests.get(f"{url}/lines", timeout=1, stream=True).raw).readlines(),
        )

    fake, real = both(body, site)
    assert fake == real


def test_retries_are_the_same(both: Both) -> None:
    """An adapter's `Retry` counts, gives up and keeps its history as urllib3 does."""

    def body(url: str) -> Any:
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=Retry(total=2, status_forcelist=[503])))
            return session.get(f"{url}/busy", timeout=1)

    fake, real = both(body, site)
    assert fake == real
    assert "ResponseError" in fake[2]


def test_retries_that_return_are_the_same(both: Both) -> None:
    """With `raise_on_status` off the last reply comes back, with what was tried before."""

    def body(url: str) -> Any:
        with requests.Session() as session:
            retry = Retry(total=2, status_forcelist=[503], raise_on_status=False)
            session.mount("http://", HTTPAdapter(max_retries=retry))
            reply = session.get(f"{url}/busy", timeout=1)
            return reply.status_code, len(reply.raw.retries.history)

    fake, real = both(body, site)
    assert fake == real == [(503, 2), "1 connections"]


def test_connections_are_kept_alike(both: Both) -> None:
    """A session keeps a connection as long as the server lets it."""

    def body(url: str) -> Any:
        with requests.Session() as session, httpx.Client() as client:
            for path in ("/", "/", "/closing", "/", "/"):
                session.get(f"{url}{path}", timeout=1)
            for path in ("/", "/", "/closing", "/", "/"):
                client.get(f"{url}{path}")

    fake, real = both(body, site)
    assert fake == real == [None, "4 connections"]


def test_a_pool_without_room_is_the_same(both: Both) -> None:
    """An httpx client tells of a full pool, and of nothing else."""

    def body(url: str) -> Any:
        limits = httpx.Limits(max_connections=1)
        with (
            httpx.Client(limits=limits, timeout=httpx.Timeout(2, pool=0.1)) as client,
            client.stream("GET", f"{url}/"),
        ):
            return client.get(f"{url}/")

    fake, real = both(body, site)
    assert fake == real
    assert fake[0] == "httpx.PoolTimeout: "


def test_async_clients_share_connections_alike(both: Both) -> None:
    """An asyncio client has as many connections as it has requests at once, and no more than its limit."""

    def body(url: str) -> Any:
        async def ask() -> list[int]:
            async with httpx.AsyncClient(limits=httpx.Limits(max_connections=3)) as client:
                replies = await asyncio.gather(*[client.get(f"{url}/") for _ in range(7)])
                return [reply.status_code for reply in replies]

        return asyncio.run(ask())

    fake, real = both(body, site)
    assert fake == real == [[200] * 7, "3 connections"]


def test_threads_share_a_blocking_pool_alike(both: Both) -> None:
    """A pool that blocks lets no more connections be than it holds."""

    def body(url: str) -> Any:
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(pool_maxsize=2, pool_block=True))
            with ThreadPoolExecutor(6) as threads:
                return sorted(threads.map(lambda _: session.get(f"{url}/", timeout=2).status_code, range(6)))

    fake, real = both(body, site)
    assert fake[0] == real[0] == [200] * 6
    assert fake[1] == "2 connections"
