"""What of Redis is here: every command of the server, what is missing and why, and where answers differ.

The documentation's table is made from this file; a test compares it with a real server's own list of commands,
so that nothing is missing in silence.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshsim.transports.redis.dispatch import ALWAYS, entries

__all__ = ["DIFFERENCES", "MISSING", "Difference", "Operation", "operations"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One command.

    Attributes:
        name: as in `XGROUP CREATE`.
        since: the version that brought it, "" for one that every version has.
        writes: whether a replica refuses it.
    """

    name: str
    since: str
    writes: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Where an answer is not that of a real server: what, how, and why it is left so."""

    what: str
    how: str
    why: str


def operations() -> list[Operation]:
    """Return every command of the server, by name; module commands (`JSON.GET`) come from fakeredis as they are."""
    return [
        Operation(
            name.upper(), "" if entry.since is ALWAYS else ".".join(map(str, entry.since)), entry.writes
        )
        for name, entry in sorted(entries().items())
    ]


_CLUSTER = (
    "addslots addslotsrange bumpepoch count-failure-reports countkeysinslot delslots delslotsrange failover flushslots "
    "forget getkeysinslot help keyslot links meet myid replicas replicate reset saveconfig set-config-epoch setslot "
    "shards slaves"
)

MISSING: dict[str, str] = {
    **{f"cluster {sub}": "Redis Cluster is not simulated" for sub in _CLUSTER.split()},
    "asking": "Redis Cluster is not simulated",
    **dict.fromkeys(
        ("client caching", "client getredir", "client tracking", "client trackinginfo"),
        "client-side caching is not simulated; redis-py with cache_config is refused as by a server without it",
    ),
    **dict.fromkeys(
        ("migrate", "psync", "replconf", "sync", "restore-asking", "failover"),
        "servers do not speak the replication protocol: the scenario says who replicates whom",
    ),
    **dict.fromkeys(
        ("module load", "module loadex", "module unload", "script debug", "pfdebug", "pfselftest", "monitor", "lolwut"),
        "of no use to a service",
    ),
    **dict.fromkeys(
        ("memory doctor", "memory malloc-stats", "memory stats", "latency doctor", "latency graph", "latency histogram",
         "latency history"),
        "there is no memory and no latency of a server's own to measure",
    ),
    **dict.fromkeys(("acl dryrun", "command docs", "command getkeysandflags"), "not asked for by a client library"),
    **dict.fromkeys(
        ("acl help", "client help", "command help", "config help", "latency help", "memory help", "module help",
         "object help", "slowlog help", "xgroup help", "xinfo help"),
        "texts for people",
    ),
}  # fmt: skip

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "GEO*", "positions and distances differ in the sixth digit", "fakeredis' geohash is a coarser one"
    ),
    Difference("PF*", "HyperLogLogs count exactly", "fakeredis keeps a set"),
    Difference("DUMP, RESTORE", "the payload is not Redis' RDB format", "only the same server reads it back"),
    Difference(
        "ZRANGEBYLEX and its kin",
        "members of different scores are compared by score",
        "Redis leaves it undefined",
    ),
    Difference(
        "SCAN and its kin",
        "go in sorted order, cursors are small",
        "the order must not depend on a hash seed",
    ),
    Difference(
        "SMEMBERS, KEYS, HGETALL, SPOP, RANDOMKEY",
        "go in the order of insertion, and random ones by the seed",
        "Redis has no order; here a run must repeat",
    ),
    Difference("XINFO STREAM", "radix-tree-nodes is an estimate", "there is no radix tree"),
    Difference("INFO, MEMORY USAGE", "sizes are estimates, CPU time is 0", "Python's memory is not Redis'"),
    Difference("MEMORY, maxmemory", "nothing is ever evicted", "memory is not modelled"),
    Difference("OBJECT FREQ", "always refused", "there is no LFU policy"),
    Difference(
        "keyspace events",
        "an event carries the command's name (setex, not set and expire); expired comes when the key is looked at",
        "fakeredis tells commands, not effects",
    ),
    Difference("Lua", "cmsgpack and struct do not exist; texts of JSON errors differ", "not built"),
    Difference("FUNCTION, FCALL", "run on fakeredis' own interpreter, with its error texts", "not rebuilt"),
    Difference(
        "SAVE, BGSAVE, BGREWRITEAOF", "answer as if they did", "nothing is persisted: a crash loses all data"
    ),
    Difference(
        "SHUTDOWN, REPLICAOF", "are refused with the scenario's way of saying it", "hosts are the scenario's"
    ),
    Difference("time", "a command takes none", "latency is the links' and the faults' business"),
    Difference(
        "SET EXAT, EXPIRE", "DBSIZE never counts a key that has expired", "Redis counts it until it is swept"
    ),
)
