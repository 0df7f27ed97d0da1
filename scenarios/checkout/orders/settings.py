"""The settings that the orders server is started with (``-s orders.settings``)."""

from __future__ import annotations

import os
from typing import Any

from redis.backoff import NoBackoff
from redis.retry import Retry

REDIS_MASTER = os.environ.get("REDIS_MASTER", "cache")
REDIS_SENTINELS = [
    (host, int(port or 26379))
    for host, _, port in (
        entry.strip().partition(":")
        for entry in os.environ.get("REDIS_SENTINELS", "localhost:26379").split(",")
    )
]
SENTINEL_KWARGS = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0, "retry": Retry(NoBackoff(), 0)}

REDIS_WAIT_REPLICAS = int(os.environ.get("REDIS_WAIT_REPLICAS", "2"))
REDIS_WAIT_MS = int(os.environ.get("REDIS_WAIT_MS", "500"))
REDIS_ATTEMPTS = int(os.environ.get("REDIS_ATTEMPTS", "2"))

INVENTORY_URL = os.environ.get("INVENTORY_URL", "http://localhost:8002")
SHIP_EVERY_S = float(os.environ.get("SHIP_EVERY_S", "0.5"))

SOA_SERVER_SETTINGS: dict[str, Any] = {
    "transport": {
        "path": "pysoa.common.transport.redis_gateway.server:RedisServerTransport",
        "kwargs": {
            "backend_type": "redis.sentinel",
            "backend_layer_kwargs": {
                "hosts": REDIS_SENTINELS,
                "sentinel_services": [REDIS_MASTER],
                "sentinel_failover_retries": 4,
                "sentinel_kwargs": SENTINEL_KWARGS,
                # PySOA waits in BLPOP for 5 s. redis-py 8 gives up on a silent socket after 5 s, which is the
                # same moment: an idle server would see errors and, after six of them, shut itself down.
                "connection_kwargs": {"socket_timeout": 8.0, "socket_connect_timeout": 1.0},
            },
        },
    },
    "harakiri": {"timeout": 60, "shutdown_grace": 10},
    "request_log_success_level": "DEBUG",
    "request_log_error_level": "INFO",
    "logging": {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": "pysoa.common.logging.PySOALogContextFilter"}},
        "formatters": {
            "console": {"format": "%(asctime)s %(levelname)s %(correlation_id)s %(name)s: %(message)s"}
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "console", "filters": ["context"]}
        },
        "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    },
}
