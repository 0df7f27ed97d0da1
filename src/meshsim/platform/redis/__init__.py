"""Redis servers of a scenario, and a Sentinel with the replicas that it may promote.

    cache:    {redis: {version: "7.4"}}
    sentinel: {redis_sentinel: {master: cache, replicas: 2, replication_lag: 50ms..300ms}}

The host of a `redis` is called as it is; it listens on 6379. A `redis_sentinel` is a host of its own, port 26379,
and for each replica a host `cache-replica/0`, `cache-replica/1`, ... The name by which a Sentinel knows the
master is the master's name in the scenario: `Sentinel([("sentinel", 26379)]).master_for("cache")`.
"""

from __future__ import annotations

from meshsim.platform.redis.provider import Redis
from meshsim.platform.redis.sentinel import RedisSentinel

__all__ = ["Redis", "RedisSentinel"]
