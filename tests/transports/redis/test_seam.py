"""redis-py inside a world: its own objects, its own errors, on virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
import redis.connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from meshsim.errors import FenceError
from meshsim.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ONCE = {"retry": Retry(NoBackoff(), 0)}
BLOCKING_POOL: Any = redis.BlockingConnectionPool
MADE_BEFORE = redis.Redis(host="cache")


@pytest.fixture(params=["greenlet", "thread"])
def mesh(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world with one Redis, on either carrier."""
    with (
        World(seed=3, carrier=request.param)
        .platform("cache", redis={})
        .link("*", "cache", latency="2ms") as world
    ):
        yield world


def client(**options: Any) -> Any:
    """Return a client that tries once."""
    return redis.Redis(**{"host": "cache", **ONCE, **options})


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [False, True])
def test_replies_are_what_the_library_makes_of_them(mesh: World, protocol: int, decode: bool) -> None:
    """Types and decoding are redis-py's: text or bytes, sets, floats, maps."""
    cache = client(protocol=protocol, decode_responses=decode)
    name = "m" if decode else b"m"
    cache.sadd("s", "m")
    cache.zadd("z", {"m": 1.5})
    cache.hset("h", mapping={"m": 1})
    assert cache.smembers("s") == {name}
    assert cache.zscore("z", "m") == 1.5
    assert cache.hgetall("h") == {name: "1" if decode else b"1"}
    assert cache.get("none") is None
    assert mesh.now > 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: MADE_BEFORE,
        lambda: redis.Redis.from_url("redis://cache:6379/0?socket_timeout=1"),
        lambda: redis.Redis(connection_pool=redis.ConnectionPool.from_url("redis://cache")),
        lambda: redis.Redis(connection_pool=BLOCKING_POOL(host="cache", max_connections=1)),
        lambda: redis.Redis(unix_socket_path="/run/cache.sock"),
        lambda: redis.Redis(host="cache", ssl=True),
        lambda: redis.Redis(host="cache", single_connection_client=True),
        lambda: redis.Redis(host="cache", health_check_interval=1),
    ],
    ids=["made before", "url", "pool", "blocking pool", "unix", "ssl", "single", "health checks"],
)
def test_however_a_client_is_made_it_reaches_the_mesh(mesh: World, make: Callable[[], Any]) -> None:
    """Clients by URL, by pool, over a Unix socket, encrypted, or made before the world: all are the mesh's."""
    cache = make()
    assert cache.set("a", "1")
    mesh.run_for("5s")
    assert cache.get("a") == b"1"
    assert mesh.trace.requests("test -> cache GET")


def test_a_command_costs_the_way_there_and_back(mesh: World) -> None:
    """With 2 ms each way a command takes 4 ms, and a pipeline no more than that."""
    cache = client()
    cache.ping()
    before = mesh.now
    cache.set("a", 1)
    assert mesh.now - before == pytest.approx(0.004)
    with cache.pipeline(transaction=True) as pipe:
        for _ in range(10):
            pipe.incr("a")
        assert pipe.execute()[-1] == 11
    assert mesh.now - before == pytest.approx(0.008)


def test_a_blocking_pop_parks_only_its_own_task(mesh: World) -> None:
    """BLPOP in one task waits until another pushes, and times out on virtual time."""
    popped = mesh.start(lambda: client(socket_timeout=None).blpop("q", timeout=0))
    mesh.run_for("30s")
    assert not popped.done
    client().rpush("q", "v")
    assert popped.result() == (b"q", b"v")
    cache = client()
    cache.ping()
    before = mesh.now
    assert cache.blpop("q", timeout=3) is None
    assert mesh.now - before == pytest.approx(3.004)


def test_a_read_that_takes_too_long_is_the_library_s_timeout(mesh: World) -> None:
    """socket_timeout ends a command with redis.TimeoutError, at its time, with its text."""
    cache = client(socket_timeout=0.5)
    cache.ping()
    with mesh.partition("test", "cache"):
        before = mesh.now
        with pytest.raises(redis.TimeoutError, match=r"^Timeout reading from"):
            cache.get("a")
        assert mesh.now - before == pytest.approx(0.5)


def test_a_connection_that_nobody_answers_is_the_library_s_timeout(mesh: World) -> None:
    """socket_connect_timeout ends an attempt to connect into a partition."""
    with mesh.partition("test", "cache"):
        before = mesh.now
        with pytest.raises(redis.TimeoutError, match=r"^Timeout connecting to server$"):
            client(socket_connect_timeout=1).ping()
        assert mesh.now - before == pytest.approx(1)


def test_a_closed_port_is_refused_with_the_real_text(mesh: World) -> None:
    """A port where nothing listens gives the error that a real one gives."""
    with pytest.raises(
        redis.ConnectionError, match=r"^Error 111 connecting to cache:7000\. Connection refused\.$"
    ):
        client(port=7000).ping()
    assert mesh.now > 0


def test_an_unknown_name_is_told_with_its_cure(mesh: World) -> None:
    """A host that the scenario does not have is a FenceError that names the nearest one."""
    with pytest.raises(FenceError, match="did you mean 'cache'"):
        client(host="cahe").ping()
    assert mesh.now >= 0


def test_a_dead_server_breaks_connections_and_a_new_one_is_empty(mesh: World) -> None:
    """A crash is seen at the next command; after a restart the data is gone, because nothing persisted it."""
    cache = client()
    cache.set("a", 1)
    mesh.host("cache").crash()
    with pytest.raises(redis.ConnectionError, match="Connection reset by peer"):
        cache.get("a")
    with pytest.raises(redis.ConnectionError, match="Connection refused"):
        cache.get("a")
    mesh.platforms["cache"].restart(mesh.kernel.hosts["cache"])
    assert cache.get("a") is None


def test_the_library_s_own_retries_run_on_virtual_time(mesh: World) -> None:
    """A client with retries outlives an outage that is shorter than they last."""
    from redis.backoff import ConstantBackoff

    cache = redis.Redis(
        host="cache", retry=Retry(ConstantBackoff(1), 5), retry_on_error=[redis.ConnectionError]
    )
    cache.ping()
    mesh.host("cache").crash()
    mesh.kernel.call_at(
        mesh.kernel.now + 2_500_000_000, mesh.platforms["cache"].restart, mesh.kernel.hosts["cache"]
    )
    before = mesh.now
    assert cache.ping()
    assert 2.5 < mesh.now - before < 6


def test_messages_come_to_a_subscriber(mesh: World) -> None:
    """get_message waits for its timeout on virtual time, and a poll in a loop does not stop the clock."""
    listener = client().pubsub(ignore_subscribe_messages=True)
    listener.subscribe("news")
    listener.get_message(timeout=1)
    before = mesh.now
    assert listener.get_message(timeout=2) is None
    assert mesh.now - before == pytest.approx(2)

    def publish_later() -> None:
        mesh.kernel.sleep(500_000_000)
        client().publish("news", "hi")

    mesh.start(publish_later)
    found, polls = None, 0
    while found is None:
        found = listener.get_message()
        polls += 1
    assert found["data"] == b"hi"
    assert polls < 20_000


def test_a_lock_of_the_library_works(mesh: World) -> None:
    """redis.lock, a script and a sleep, keeps two tasks apart."""
    order = []

    def work(name: str) -> None:
        with client().lock("l", timeout=5, sleep=0.01):
            order.append(name)
            mesh.kernel.sleep(100_000_000)
            order.append(name)

    tasks = [mesh.start(work, name) for name in "ab"]
    for task in tasks:
        task.result()
    assert order in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


def test_asyncio_clients_share_a_loop(mesh: World) -> None:
    """Coroutines wait for Redis without holding up each other, and see the library's own errors."""

    async def main() -> None:
        cache: Any = redis.asyncio.Redis(host="cache", socket_timeout=5, **_async_once())
        assert await cache.set("a", "1")
        before = mesh.now
        popped = asyncio.create_task(cache.blpop(["q"], timeout=2))
        values = await asyncio.gather(*(cache.incr("n") for _ in range(5)))
        assert sorted(values) == [1, 2, 3, 4, 5]
        assert mesh.now - before < 1
        assert await popped is None
        async with cache.pipeline(transaction=True) as pipe:
            assert await pipe.get("a").incr("n").execute() == [b"1", 6]
        async with cache.pubsub() as listener:
            await listener.subscribe("c")
            await cache.publish("c", "hi")
            found = [await listener.get_message(timeout=1) for _ in range(2)]
            assert found[-1]["data"] == b"hi"
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            await cache.lpush("a", 1)
        await cache.aclose()

    asyncio.run(main())


def test_asyncio_clients_get_the_library_s_own_failures(mesh: World) -> None:
    """Refusal, timeouts and resets have the exceptions and texts of redis.asyncio."""

    async def main() -> None:
        with pytest.raises(redis.ConnectionError, match=r"^Error 111 connecting to cache:7000"):
            await redis.asyncio.Redis(host="cache", port=7000, **_async_once()).ping()
        cache = redis.asyncio.Redis(
            host="cache", socket_timeout=0.5, socket_connect_timeout=1, **_async_once()
        )
        await cache.ping()
        with mesh.partition("test", "cache"):
            with pytest.raises(redis.TimeoutError, match=r"^Timeout reading from cache:6379$"):
                await cache.get("a")
            with pytest.raises(redis.TimeoutError, match=r"^Timeout connecting to server$"):
                await cache.get("a")
        await cache.ping()
        mesh.host("cache").crash()
        with pytest.raises(redis.ConnectionError):
            await cache.get("a")
        await cache.aclose()

    asyncio.run(main())


def _async_once() -> dict[str, Any]:
    from redis.asyncio.retry import Retry as AsyncRetry

    return {"retry": AsyncRetry(NoBackoff(), 0)}


def test_everything_is_given_back() -> None:
    """After a world the library's methods are the originals, by identity; outside nothing is replaced."""
    owners = [
        (redis.connection.Connection, "_connect"),
        (redis.connection.UnixDomainSocketConnection, "_connect"),
        (redis.asyncio.connection.Connection, "_connect"),
    ]
    before = [vars(owner)[name] for owner, name in owners]
    with World(seed=1).platform("cache", redis={}) as world:
        inside = [vars(owner)[name] for owner, name in owners]
        assert all(one is not other for one, other in zip(before, inside, strict=True))
        world.redis("cache").ping()
    assert [vars(owner)[name] for owner, name in owners] == before


def test_a_fault_at_a_command_is_the_library_s_exception(mesh: World) -> None:
    """An injected error is raised by class and text as redis-py raises a server's."""
    mesh.fault(
        {"error": {"to": "cache GET", "text": "LOADING Redis is loading the dataset in memory", "first": 1}}
    )
    cache = client()
    assert cache.set("a", 1)
    with pytest.raises(redis.exceptions.BusyLoadingError, match="Redis is loading"):
        cache.get("a")
    assert cache.get("a") == b"1"
