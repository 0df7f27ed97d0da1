"""Stock and reservations in Redis, written so that a failover loses nothing that was promised."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# A reservation that exists is answered again and counted, never taken from the shelf a second time. The
# count is there to make the answer a write: WAIT only covers what its own connection wrote, and so covers,
# by order, the first reservation too.
RESERVE = """
local taken = redis.call('HGET', KEYS[2], 'quantity')
if taken then
    redis.call('HINCRBY', KEYS[2], 'asked', 1)
    return {'reserved', redis.call('GET', KEYS[1])}
end
local left = redis.call('GET', KEYS[1])
if not left then
    return {'unknown_sku', '0'}
end
if tonumber(left) < tonumber(ARGV[1]) then
    return {'sold_out', left}
end
left = redis.call('DECRBY', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'sku', ARGV[2], 'quantity', ARGV[1], 'asked', 1)
return {'reserved', tostring(left)}
"""

TEMPORARY = ("UNBLOCKED", "NOREPLICAS", "MASTERDOWN", "LOADING", "TRYAGAIN")


class StockUnavailableError(Exception):
    """Redis could not be reached, or could not promise to keep what was written."""


@dataclass(frozen=True)
class Durability:
    """How many replicas must have a write before it is promised, and how long to try."""

    replicas: int
    wait_ms: int
    attempts: int


class Stock:
    """The shelves, in the Redis master that Sentinel names."""

    def __init__(self, sentinels: list[tuple[str, int]], master: str, durability: Durability) -> None:
        """Prepare the clients; the first command connects."""
        self._durability = durability
        self._sentinel = Sentinel(
            sentinels,
            sentinel_kwargs={
                "socket_timeout": 1.0,
                "socket_connect_timeout": 1.0,
                "retry": Retry(NoBackoff(), 0),
            },
            socket_timeout=1.0 + durability.wait_ms / 1000,
            socket_connect_timeout=1.0,
            max_connections=500,
            decode_responses=True,
        )
        self._redis: Any = self._sentinel.master_for(master)

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose(close_connection_pool=True)
        for sentinel in self._sentinel.sentinels:
            await sentinel.aclose()

    async def put(self, sku: str, quantity: int) -> None:
        """Set how much of a thing is on the shelf."""

        def write(pipe: Any) -> None:
            pipe.set(f"stock:{sku}", quantity)

        await self._durably(write)

    async def left(self, sku: str) -> int | None:
        """Return how much of a thing is left, None when nobody knows it."""

        async def read() -> Any:
            return await self._redis.get(f"stock:{sku}")

        answer = await self._retrying(read)
        return None if answer is None else int(answer)

    async def reserve(self, order_id: str, sku: str, quantity: int) -> tuple[str, int]:
        """Take a quantity off the shelf for an order, once, and return the outcome and what is left."""

        def write(pipe: Any) -> None:
            pipe.eval(RESERVE, 2, f"stock:{sku}", f"reservation:{order_id}", quantity, sku)

        outcome, left = await self._durably(write)
        return outcome, int(left)

    async def _durably(self, write: Callable[[Any], None]) -> Any:
        async def attempt() -> Any:
            # One pipeline is one connection: WAIT says how many replicas have what that connection wrote.
            async with self._redis.pipeline(transaction=False) as pipe:
                write(pipe)
                pipe.wait(self._durability.replicas, self._durability.wait_ms)
                answer, replicas = await pipe.execute()
            if replicas < self._durability.replicas:
                # Not tried again here: replication needs seconds to recover, and the shopper's side tries
                # again.
                message = f"{replicas} replicas have it, {self._durability.replicas} must"
                raise StockUnavailableError(message)
            return answer

        return await self._retrying(attempt)

    async def _retrying(self, attempt: Callable[[], Awaitable[Any]]) -> Any:
        failure: RedisError | None = None
        for number in range(self._durability.attempts):
            if number:
                await asyncio.sleep(random.uniform(0.5, 1.0) * 0.05 * 2**number)  # noqa: S311
            try:
                return await attempt()
            except (RedisConnectionError, RedisTimeoutError, ReadOnlyError) as error:
                failure = error
            except ResponseError as error:
                if not any(code in str(error) for code in TEMPORARY):
                    raise
                failure = error
        raise StockUnavailableError(repr(failure)) from failure
