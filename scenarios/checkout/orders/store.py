"""Orders and their outbox in Redis, written so that a failover loses nothing that was promised."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.sentinel import Sentinel

from orders import settings

if TYPE_CHECKING:
    from collections.abc import Callable

# The order and the duty to ship it are one step. An order that exists is counted and answered again: the
# count makes the answer a write, because WAIT covers only what its own connection wrote (and all that came
# before).
ACCEPT = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('HSET', KEYS[1], 'sku', ARGV[2], 'quantity', ARGV[3], 'status', 'accepted')
    redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
end
redis.call('HINCRBY', KEYS[1], 'asked', 1)
return redis.call('HMGET', KEYS[1], 'sku', 'quantity', 'status')
"""

# Taking the order out of the outbox, marking it and handing it to the carrier are one step too. Several
# shippers may try; the first one ships. Should a failover take the step back, it takes back all of it.
SHIP = """
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then
    return 0
end
redis.call('HSET', KEYS[1], 'status', 'shipped')
redis.call('RPUSH', KEYS[3], ARGV[1])
return 1
"""

OUTBOX = "outbox"
SHIPMENTS = "shipments"

TEMPORARY = ("UNBLOCKED", "NOREPLICAS", "MASTERDOWN", "LOADING", "TRYAGAIN")


class StoreUnavailableError(Exception):
    """Redis could not be reached, or could not promise to keep what was written."""


@dataclass(frozen=True)
class Order:
    """One order."""

    order_id: str
    sku: str
    quantity: int
    status: str

    def as_dict(self) -> dict[str, Any]:
        """Return the order as a message body."""
        return asdict(self)


class OrderStore:
    """The orders, in the Redis master that Sentinel names."""

    def __init__(self) -> None:
        """Prepare the client; the first command connects."""
        sentinel = Sentinel(
            settings.REDIS_SENTINELS,
            sentinel_kwargs=settings.SENTINEL_KWARGS,
            socket_timeout=1.0 + settings.REDIS_WAIT_MS / 1000,
            socket_connect_timeout=1.0,
            decode_responses=True,
        )
        self._redis: Any = sentinel.master_for(settings.REDIS_MASTER)

    def accept(self, order: Order) -> Order:
        """Write an order down, once, and return it as it stands."""
        key = f"order:{order.order_id}"
        score = time.time()

        def write(pipe: Any) -> None:
            pipe.eval(ACCEPT, 2, key, OUTBOX, order.order_id, order.sku, order.quantity, score)

        sku, quantity, status = self._durably(write)[0]
        return Order(order.order_id, sku, int(quantity), status)

    def get(self, order_id: str) -> Order | None:
        """Return an order, None when nobody placed it."""
        found = self._retrying(lambda: self._redis.hgetall(f"order:{order_id}"))
        if not found:
            return None
        return Order(order_id, found["sku"], int(found["quantity"]), found["status"])

    def outbox(self, most: int) -> list[str]:
        """Return the ids of the oldest orders that wait for shipment."""
        return list(self._retrying(lambda: self._redis.zrange(OUTBOX, 0, most - 1)))

    def ship(self, order_ids: list[str]) -> int:
        """Ship orders, each at most once, and return how many this call shipped."""

        def write(pipe: Any) -> None:
            for order_id in order_ids:
                pipe.eval(SHIP, 3, f"order:{order_id}", OUTBOX, SHIPMENTS, order_id)

        return sum(self._durably(write))

    def _durably(self, write: Callable[[Any], None]) -> list[Any]:
        def attempt() -> list[Any]:
            # One pipeline is one connection: WAIT says how many replicas have what that connection wrote.
            with self._redis.pipeline(transaction=False) as pipe:
                write(pipe)
                pipe.wait(settings.REDIS_WAIT_REPLICAS, settings.REDIS_WAIT_MS)
                answers: list[Any] = pipe.execute()
            replicas = answers.pop()
            if replicas < settings.REDIS_WAIT_REPLICAS:
                # Not tried again here: replication needs seconds to recover, and whoever asked has more
                # patience than this process, which serves one request at a time.
                message = f"{replicas} replicas have it, {settings.REDIS_WAIT_REPLICAS} must"
                raise StoreUnavailableError(message)
            return answers

        return list(self._retrying(attempt))

    def _retrying(self, attempt: Callable[[], Any]) -> Any:
        failure: RedisError | None = None
        for number in range(settings.REDIS_ATTEMPTS):
            if number:
                time.sleep(random.uniform(0.5, 1.0) * 0.05 * 2**number)  # noqa: S311
            try:
                return attempt()
            except (RedisConnectionError, RedisTimeoutError, ReadOnlyError) as error:
                failure = error
            except ResponseError as error:
                if not any(code in str(error) for code in TEMPORARY):
                    raise
                failure = error
        raise StoreUnavailableError(repr(failure)) from failure
