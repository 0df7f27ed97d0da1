"""What CONFIG GET answers before anybody sets anything: the defaults of a Redis 7 without persistence."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from meshsim.transports.redis.engine import SimpleError

if TYPE_CHECKING:
    from meshsim.transports.redis.server import RedisServer

__all__ = ["Settings"]

_DEFAULTS = """\
acl-pubsub-default=resetchannels aclfile= activedefrag=no active-expire-effort=1 activerehashing=yes
always-show-logo=no appendfilename=appendonly.aof appendfsync=everysec appendonly=no
auto-aof-rewrite-min-size=67108864 auto-aof-rewrite-percentage=100 bind=*_-::* busy-reply-threshold=5000
client-query-buffer-limit=1073741824 cluster-enabled=no cluster-node-timeout=15000 crash-log-enabled=yes daemonize=no
databases=16 dbfilename=dump.rdb dir=/data dynamic-hz=yes hash-max-listpack-entries=512 hash-max-listpack-value=64
hash-max-ziplist-entries=512 hash-max-ziplist-value=64 hll-sparse-max-bytes=3000 hz=10 io-threads=1
io-threads-do-reads=no latency-monitor-threshold=0 latency-tracking=yes lazyfree-lazy-eviction=no
lazyfree-lazy-expire=no lazyfree-lazy-server-del=no lazyfree-lazy-user-del=no lazyfree-lazy-user-flush=no
lfu-decay-time=1 lfu-log-factor=10 list-compress-depth=0 list-max-listpack-size=-2 list-max-ziplist-size=-2 logfile=
loglevel=notice lua-time-limit=5000 masterauth= masteruser= maxclients=10000 maxmemory=0
maxmemory-policy=noeviction maxmemory-samples=5 min-replicas-max-lag=10 min-replicas-to-write=0
min-slaves-max-lag=10 min-slaves-to-write=0 notify-keyspace-events= pidfile= proto-max-bulk-len=536870912
protected-mode=no rdbcompression=yes repl-backlog-size=1048576 repl-backlog-ttl=3600 repl-diskless-sync=yes
repl-timeout=60 replica-announced=yes replica-lazy-flush=no replica-priority=100 replica-read-only=yes
replica-serve-stale-data=yes save= set-max-intset-entries=512 slave-priority=100 slave-read-only=yes
slowlog-log-slower-than=10000 slowlog-max-len=128 stop-writes-on-bgsave-error=yes stream-node-max-bytes=4096
stream-node-max-entries=100 supervised=no syslog-enabled=no tcp-backlog=511 tcp-keepalive=300 timeout=0 tls-port=0
tracking-table-max-keys=1000000 unixsocket= unixsocketperm=0 zset-max-listpack-entries=128
zset-max-listpack-value=64 zset-max-ziplist-entries=128 zset-max-ziplist-value=64
"""
_FIXED = frozenset(
    {"bind", "daemonize", "databases", "cluster-enabled", "pidfile", "port", "unixsocket", "aclfile"}
)
_EVENTS = "g$lshzxeKEtmdn"
_ALL_EVENTS = "g$lshzxetd"


class Settings(dict[bytes, bytes]):
    """The settings of one server; the engine reads it as its `config`."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        for pair in _DEFAULTS.split():
            name, _, value = pair.partition("=")
            self[name.encode()] = value.replace("_", " ").encode()
        self[b"client-output-buffer-limit"] = (
            b"normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
        )
        self[b"requirepass"] = server.password
        self[b"port"] = str(server.port).encode()
        self[b"replicaof"] = self[b"slaveof"] = b""
        self._server = server

    def matching(self, patterns: tuple[bytes, ...]) -> list[bytes]:
        """Return names and values in turn for CONFIG GET, each name once."""
        wanted = [pattern.decode("utf-8", "replace").lower() for pattern in patterns]
        found: list[bytes] = []
        for name, value in self.items():
            if any(fnmatch.fnmatchcase(name.decode(), pattern) for pattern in wanted):
                found += [name, value]
        return found

    def change(self, pairs: list[tuple[bytes, bytes]]) -> None:
        """Set several settings, or none of them.

        Raises:
            SimpleError: a name is unknown, given twice, or cannot be changed.
        """
        changed: dict[bytes, bytes] = {}
        for raw, value in pairs:
            name = raw.lower()
            shown = raw.decode("utf-8", "replace")
            if name not in self:
                message = f"ERR Unknown option or number of arguments for CONFIG SET - '{shown}'"
                raise SimpleError(message)
            if name in changed:
                message = (
                    f"ERR CONFIG SET failed (possibly related to argument '{shown}') - duplicate parameter"
                )
                raise SimpleError(message)
            if name.decode() in _FIXED:
                message = f"ERR CONFIG SET failed (possibly related to argument '{shown}') - can't set immutable config"
                raise SimpleError(message)
            changed[name] = _events(value) if name == b"notify-keyspace-events" else value
        self.update(changed)
        self._server.apply_settings()


def _events(value: bytes) -> bytes:
    flags = set(value.decode("utf-8", "replace"))
    unknown = flags - set(_EVENTS) - {"A"}
    if unknown:
        message = (
            "ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - "
            "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."
        )
        raise SimpleError(message)
    if set(_ALL_EVENTS) <= flags:
        flags.add("A")
    if "A" in flags:
        flags -= set(_ALL_EVENTS)
    return "".join(flag for flag in "A" + _EVENTS if flag in flags).encode()
