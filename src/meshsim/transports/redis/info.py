"""The text of INFO."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsim.transports.redis.server import RedisServer

__all__ = ["render"]

_EVERYTHING = {"all", "everything", "default"}
_NO_REPLID = "0" * 40


def render(server: RedisServer, sections: list[str]) -> bytes:
    """Write the sections asked for, all of them when none is named."""
    wanted = set(sections)
    everything = not wanted or wanted & _EVERYTHING
    parts = []
    for name, make in _SECTIONS.items():
        if everything or name in wanted:
            lines = [f"{key}:{value}" for key, value in make(server).items()]
            parts.append("\r\n".join([f"# {name.capitalize() if name != 'cpu' else 'CPU'}", *lines, ""]))
    return "\r\n".join(parts).encode()


def _server(server: RedisServer) -> dict[str, object]:
    now_ns = server.clock()
    return {
        "redis_version": server.version_text,
        "redis_git_sha1": "00000000",
        "redis_git_dirty": 0,
        "redis_build_id": "meshsim",
        "redis_mode": "standalone",
        "os": "Linux x86_64",
        "arch_bits": 64,
        "monotonic_clock": "POSIX clock_gettime",
        "multiplexing_api": "epoll",
        "process_id": 1,
        "process_supervised": "no",
        "run_id": server.run_id,
        "tcp_port": server.port,
        "server_time_usec": now_ns // 1000,
        "uptime_in_seconds": server.uptime_s,
        "uptime_in_days": server.uptime_s // 86_400,
        "hz": 10,
        "configured_hz": 10,
        "lru_clock": (now_ns // 1_000_000_000) & 0xFFFFFF,
        "executable": "/usr/local/bin/redis-server",
        "config_file": "",
        "io_threads_active": 0,
    }


def _clients(server: RedisServer) -> dict[str, object]:
    return {
        "connected_clients": len(server.sockets),
        "cluster_connections": 0,
        "maxclients": 10_000,
        "blocked_clients": sum(session.parked is not None for session in server.sockets),
        "tracking_clients": 0,
        "clients_in_timeout_table": 0,
    }


def _memory(server: RedisServer) -> dict[str, object]:
    keys = sum(len(database) for database in server.dbs.values())
    used = 1_000_000 + 100 * keys  # an estimate: what Python uses is not what Redis would
    return {
        "used_memory": used,
        "used_memory_human": f"{used / 2**20:.2f}M",
        "used_memory_rss": used,
        "used_memory_peak": used,
        "used_memory_lua": 32_768,
        "number_of_cached_scripts": len(server.script_cache),
        "maxmemory": server.settings[b"maxmemory"].decode(),
        "maxmemory_human": "0B",
        "maxmemory_policy": server.settings[b"maxmemory-policy"].decode(),
        "mem_fragmentation_ratio": "1.00",
        "mem_allocator": "libc",
    }


def _persistence(server: RedisServer) -> dict[str, object]:
    return {
        "loading": 0,
        "async_loading": 0,
        "rdb_changes_since_last_save": server.dirty,
        "rdb_bgsave_in_progress": 0,
        "rdb_last_save_time": server.lastsave,
        "rdb_last_bgsave_status": "ok",
        "aof_enabled": 0,
        "aof_rewrite_in_progress": 0,
        "aof_last_write_status": "ok",
    }


def _stats(server: RedisServer) -> dict[str, object]:
    return {
        "total_connections_received": server.connections_received,
        "total_commands_processed": server.commands_processed,
        "instantaneous_ops_per_sec": 0,
        "rejected_connections": 0,
        "sync_full": len(server.links),
        "expired_keys": server.expired_keys,
        "evicted_keys": 0,
        "pubsub_channels": len(server.subscribers),
        "pubsub_patterns": len(server.psubscribers),
        "latest_fork_usec": 0,
        "total_error_replies": sum(server.errors.values()),
    }


def _replication(server: RedisServer) -> dict[str, object]:
    found: dict[str, object] = {"role": server.role}
    if server.master is not None:
        found |= {
            "master_host": server.master.name,
            "master_port": server.master.port,
            "master_link_status": "up",
            "master_last_io_seconds_ago": 0,
            "master_sync_in_progress": 0,
            "slave_read_repl_offset": server.offset,
            "slave_repl_offset": server.offset,
            "slave_priority": 100,
            "slave_read_only": 1,
            "replica_announced": 1,
        }
    found["connected_slaves"] = len(server.links)
    for number, link in enumerate(server.links):
        found[f"slave{number}"] = (
            f"ip={link.replica.name},port={link.replica.port},state=online,offset={link.acknowledged},lag=0"
        )
    return found | {
        "master_failover_state": "no-failover",
        "master_replid": server.replication_id,
        "master_replid2": _NO_REPLID,
        "master_repl_offset": server.offset,
        "second_repl_offset": -1,
        "repl_backlog_active": int(bool(server.links)),
        "repl_backlog_size": 1_048_576,
        "repl_backlog_first_byte_offset": int(bool(server.links)),
        "repl_backlog_histlen": server.offset,
    }


def _cpu(_server: RedisServer) -> dict[str, object]:
    return dict.fromkeys(
        ("used_cpu_sys", "used_cpu_user", "used_cpu_sys_children", "used_cpu_user_children"), "0.000000"
    )


def _modules(_server: RedisServer) -> dict[str, object]:
    return {}


def _errorstats(server: RedisServer) -> dict[str, object]:
    return {f"errorstat_{code}": f"count={count}" for code, count in sorted(server.errors.items())}


def _cluster(_server: RedisServer) -> dict[str, object]:
    return {"cluster_enabled": 0}


def _keyspace(server: RedisServer) -> dict[str, object]:
    found: dict[str, object] = {}
    for number, database in sorted(server.dbs.items()):
        items = [database.get(key) for key in list(database)]
        if items:
            left_ms = [(item.expireat - database.time) * 1000 for item in items if item.expireat is not None]
            mean_ms = int(sum(left_ms) / len(left_ms)) if left_ms else 0
            found[f"db{number}"] = f"keys={len(items)},expires={len(left_ms)},avg_ttl={mean_ms}"
    return found


_SECTIONS = {
    "server": _server,
    "clients": _clients,
    "memory": _memory,
    "persistence": _persistence,
    "stats": _stats,
    "replication": _replication,
    "cpu": _cpu,
    "modules": _modules,
    "errorstats": _errorstats,
    "cluster": _cluster,
    "keyspace": _keyspace,
}
