"""What the storefront reads from its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass

from redis.backoff import NoBackoff
from redis.retry import Retry


def _sentinels(text: str) -> list[tuple[str, int]]:
    """Split ``host:port,host:port`` into pairs."""
    pairs = []
    for entry in text.split(","):
        host, _, port = entry.strip().partition(":")
        pairs.append((host, int(port or 26379)))
    return pairs


@dataclass(frozen=True)
class Settings:
    """The storefront's settings, with what production uses as defaults."""

    redis_sentinels: list[tuple[str, int]]
    redis_master: str
    mail_url: str
    order_attempts: int
    order_deadline_s: float
    order_timeout_s: int

    @classmethod
    def from_env(cls) -> Settings:
        """Read the settings from the environment variables."""
        env = os.environ
        return cls(
            redis_sentinels=_sentinels(env.get("REDIS_SENTINELS", "localhost:26379")),
            redis_master=env.get("REDIS_MASTER", "cache"),
            mail_url=env.get("MAIL_URL", "https://api.mail.example.com"),
            order_attempts=int(env.get("ORDER_ATTEMPTS", "12")),
            order_deadline_s=float(env.get("ORDER_DEADLINE_S", "20")),
            order_timeout_s=int(env.get("ORDER_TIMEOUT_S", "4")),
        )

    def client_routing(self) -> dict[str, dict[str, object]]:
        """Say to PySOA where the orders service listens: on a queue behind Sentinel."""
        # Sentinel is asked on every reconnect, so one that hangs must cost a second and no more; redis-py's
        # own ten retries would cost most of a shopper's patience. socket_timeout must be longer than the
        # BLPOP that waits for the answer, or redis-py gives up on the socket at the moment when Redis
        # answers "nothing".
        no_retry = Retry(NoBackoff(), 0)
        return {
            "orders": {
                "transport": {
                    "path": "pysoa.common.transport.redis_gateway.client:RedisClientTransport",
                    "kwargs": {
                        "backend_type": "redis.sentinel",
                        "backend_layer_kwargs": {
                            "hosts": self.redis_sentinels,
                            "sentinel_services": [self.redis_master],
                            "sentinel_failover_retries": 2,
                            "sentinel_kwargs": {
                                "socket_timeout": 1.0,
                                "socket_connect_timeout": 1.0,
                                "retry": no_retry,
                            },
                            "connection_kwargs": {
                                "socket_timeout": self.order_timeout_s + 2.0,
                                "socket_connect_timeout": 1.0,
                                "max_connections": 1000,
                            },
                        },
                    },
                },
            },
        }
