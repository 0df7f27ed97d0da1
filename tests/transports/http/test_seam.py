"""What is replaced, when it acts, and what a user's own mocks see."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import httpcore
import pytest
import requests
import responses
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool

from meshsim.errors import FenceError
from meshsim.network.rules import Partition
from meshsim.transports.http import seam
from tests.transports.http.small_world import SmallWorld


def hello(_environ: dict[str, Any], start: Any) -> list[bytes]:
    """Answer with one word."""
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def test_outside_of_a_world_every_name_is_the_original() -> None:
    """After a world has closed each replaced name is the object that it was."""
    import werkzeug.serving  # noqa: F401 - these three, so that their patches are made

    with SmallWorld():
        pass
    patches = [patch for _, make in seam.rooms() for patch in make()]
    names = [(patch.owner, patch.name) for patch in patches]
    before = [vars(owner).get(name) for owner, name in names]
    with SmallWorld():
        within = [vars(owner).get(name) for owner, name in names]
    after = [vars(owner).get(name) for owner, name in names]
    assert len(names) > 10
    assert all(one is not two for one, two in zip(before, within, strict=True))
    assert all(one is two for one, two in zip(before, after, strict=True))


def test_a_world_imports_no_client_library() -> None:
    """A world that speaks no HTTP imports neither urllib3 nor httpcore nor a server."""
    program = (
        "import sys\n"
        "from meshsim.kernel.simulation import Simulation; from meshsim.core.streams import Streams\n"
        "from meshsim.core.tape import Tape; from meshsim.transports.http import seam\n"
        "simulation = Simulation(Streams(1, Tape())); simulation.enter(seam.rooms()); simulation.leave()\n"
        "print(sorted({'urllib3', 'httpcore', 'h11', 'werkzeug', 'uvicorn', 'anyio'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_library_first_imported_inside_is_caught() -> None:
    """A service that imports `requests` only inside the world still speaks to the mesh."""
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from tests.transports.http import small_world\n"
        "assert 'urllib3' not in sys.modules\n"
        "def hello(environ, start):\n"
        "    start('200 OK', [])\n"
        "    return [b'hello']\n"
        "with small_world.SmallWorld() as world:\n"
        "    world.serve('shop', 'wsgi', hello)\n"
        "    import requests, httpx\n"
        "    print(requests.get('http://shop/').text, httpx.get('http://shop/').text)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "hello hello", done.stderr


def test_a_users_own_mock_is_asked_first(world: SmallWorld) -> None:
    """`@responses.activate` inside a world answers what it has, and lets the rest pass to the mesh."""
    world.serve("shop", "wsgi", hello)

    @responses.activate
    def ask() -> tuple[str, str]:
        responses.get("http://mocked/", body="mocked")
        responses.add_passthru("http://shop")
        return requests.get("http://mocked/").text, requests.get("http://shop/").text

    assert ask() == ("mocked", "hello")
    assert len(world.calls) == 1


def test_an_unknown_name_meets_the_fence(world: SmallWorld) -> None:
    """A host that is not part of the world is refused with the lines that would fake it."""
    world.serve("shop", "wsgi", hello)
    with pytest.raises(FenceError, match=r"test calls shpo:80.*did you mean 'shop'"):
        requests.get("http://shpo/")


def test_urllib3_alone_is_caught_too(world: SmallWorld) -> None:
    """A program that uses urllib3 without `requests` speaks to the mesh."""
    world.serve("shop", "wsgi", hello)
    with urllib3.PoolManager() as manager:
        assert manager.request("GET", "http://shop/").data == b"hello"


def test_other_threads_get_the_original(world: SmallWorld) -> None:
    """A thread of the runner that carries no task is not caught."""
    del world
    seen = []

    def look() -> None:
        pool = HTTPConnectionPool("127.0.0.1", 1)
        try:
            pool.urlopen("GET", "/", retries=False)
        except urllib3.exceptions.HTTPError as error:
            seen.append(type(error).__name__)

    from meshsim.kernel.patches import threading as patched

    patched.real_start_new_thread(look, ())
    from meshsim.kernel.patches.time import real_sleep

    for _ in range(100):
        if seen:
            break
        real_sleep(0.02)
    assert seen == ["NewConnectionError"]


def test_a_session_made_before_the_world_works_in_two() -> None:
    """A module's own session speaks to each world in turn, and keeps no connection from one to the next."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(1, 1))
    for _ in range(2):
        with SmallWorld() as world:
            world.serve("shop", "wsgi", hello)
            assert [session.get("http://shop/").text for _ in range(2)] == ["hello", "hello"]


def test_two_processes_do_not_share_a_pool(world: SmallWorld) -> None:
    """Processes that share a session object have connections of their own."""
    world.serve("shop", "wsgi", hello)
    session = requests.Session()
    clients = [world.process(name) for name in ("one", "two")]
    for client in clients:
        world.main(client, lambda: [session.get("http://shop/") for _ in range(2)])
    time.sleep(1)
    assert sorted(call.caller for call in world.calls) == ["one", "one", "two", "two"]
    tables = [client.tables["http.urllib3"] for client in clients]
    assert [len(table) for table in tables] == [1, 1]


def test_a_closed_session_closes_its_connections(world: SmallWorld) -> None:
    """Closing a session ends its connections, as the server sees."""
    process = world.serve("shop", "wsgi", hello)
    del process
    ends = []
    from meshsim.network.connection import Connection

    original = Connection.close

    def close(self: Any) -> None:
        ends.append(self.process.host.name)
        original(self)

    Connection.close = close  # type: ignore[method-assign]
    try:
        with requests.Session() as session:
            session.get("http://shop/")
            assert ends == []
        time.sleep(0.1)
    finally:
        Connection.close = original  # type: ignore[method-assign]
    assert ends[0] == "test"


def test_a_crash_breaks_a_pooled_connection(world: SmallWorld) -> None:
    """The next request on a connection whose server has crashed fails as on a real socket."""
    process = world.serve("shop", "wsgi", hello)
    with requests.Session() as session:
        session.get("http://shop/")
        world.kernel.kill(process, -9)
        with pytest.raises(requests.ConnectionError, match=r"Connection reset by peer|Connection aborted"):
            session.get("http://shop/", timeout=5)


def test_a_partition_is_silent(world: SmallWorld) -> None:
    """Behind a partition a request waits for its own timeout, and then says which one."""
    world.serve("shop", "wsgi", hello)
    with requests.Session() as session:
        session.get("http://shop/")
        world.fabric.install(Partition(lambda name: name == "test", lambda name: name == "shop"))
        begun = world.now_s
        with pytest.raises(requests.ReadTimeout):
            session.get("http://shop/", timeout=(1, 3))
        assert round(world.now_s - begun) == 3
        with pytest.raises(requests.ConnectTimeout):
            session.get("http://shop/", timeout=(1, 3))
        assert round(world.now_s - begun) == 4


def test_replicas_share_the_connections(world: SmallWorld) -> None:
    """A name that means several hosts gives each of them its turn."""

    def named(environ: dict[str, Any], start: Any) -> list[bytes]:
        import socket

        start("200 OK", [])
        return [f"{environ['SERVER_NAME']} {socket.gethostname()}".encode()]

    for number in range(3):
        world.serve(f"shop/{number}", "wsgi", named, "shop")
    assert len({requests.get("http://shop/").text for _ in range(3)}) == 3


def test_calls_are_written_down(world: SmallWorld) -> None:
    """The trace knows of each request who asked, when each end saw it, and on whose behalf."""

    def relay(_environ: dict[str, Any], start: Any) -> list[bytes]:
        body = requests.post("http://shop/inner?x=1", json={"order": 7}, timeout=5).content
        start("201 Created", [])
        return [body]

    world.serve("shop", "wsgi", hello)
    world.serve("front", "wsgi", relay)
    requests.get("http://front/outer", timeout=(1, 9))
    outer, inner = world.calls
    assert (outer.caller, outer.target, outer.operation, outer.status) == ("test", "front", "GET /outer", 201)
    assert (inner.caller, inner.operation, inner.parent) == ("front", "POST /inner", outer.id)
    assert inner.body("order") == 7
    assert inner.reply.text() == "hello"
    assert outer.sent_ns < outer.received_ns <= inner.sent_ns < inner.replied_ns
    assert inner.replied_ns <= outer.handled_ns < outer.replied_ns
    assert outer.deadline_ns == outer.sent_ns + 10_000_000_000


def test_failures_are_written_down(world: SmallWorld) -> None:
    """Each attempt of a retried request is a call, with the caller's exception as its error."""
    world.process("shop")
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=2))
        with pytest.raises(requests.ConnectionError):
            session.get("http://shop/")
    assert [call.attempt for call in world.calls] == [1, 2, 3]
    assert all("Connection refused" in call.error for call in world.calls)


def test_https_works_without_a_certificate(world: SmallWorld) -> None:
    """A service is reached by https too, and sees the scheme."""

    def scheme(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [environ["wsgi.url_scheme"].encode()]

    world.serve("shop", "wsgi", scheme)
    world.fabric.names.alias("shop.example.com", "shop")
    assert requests.get("https://shop.example.com/").text == "https"


def test_httpcore_is_the_seam(world: SmallWorld) -> None:
    """The pool of httpcore itself speaks to the mesh, so that what mocks it from above still does."""
    world.serve("shop", "wsgi", hello)
    with httpcore.ConnectionPool() as pool:
        assert pool.request("GET", "http://shop/").content == b"hello"
