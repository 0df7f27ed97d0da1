"""A Redis Sentinel, sans-IO: it says who leads, tells its subscribers when that changes, and fails over on demand.

It speaks the commands that Sentinel has and no others. What it knows of a master it reads from the replica
group, not by asking over the network.
"""

from __future__ import annotations

import fnmatch
from collections import deque
from typing import TYPE_CHECKING, Any

from meshsim.errors import UsageError
from meshsim.transports.redis.codec import NULL_ARRAY, Dialect, MapReply, PushReply, Verbatim, encode
from meshsim.transports.redis.dispatch import unknown_command, unknown_subcommand
from meshsim.transports.redis.engine import OK, SimpleError, SimpleString
from meshsim.transports.redis.requests import ProtocolError, RequestParser

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from meshsim.transports.redis.replication import Failover, ReplicaGroup
    from meshsim.transports.redis.server import RedisServer

__all__ = ["SentinelServer", "SentinelSession"]

DEFAULT_PORT = 26379
QUORUM = 1
_NO_MASTER = "ERR No such master with that name"
_RESP3 = 3


class SentinelServer:
    """One Sentinel.

    Args:
        name: the host's name.
        groups: the masters that it watches, with their replicas.
        random: draws its run ID.
        version: what it says that it is.
        down_after_ns: for how long a master must be silent to count as down.
    """

    def __init__(
        self,
        name: str,
        groups: list[ReplicaGroup],
        *,
        random: random.Random,
        version: str = "7.4",
        port: int = DEFAULT_PORT,
        down_after_ns: int = 30_000_000_000,
    ) -> None:
        self.name = name
        self.port = port
        self.version_text = ".".join([*version.split("."), "0"][: max(3, version.count(".") + 1)])
        self.groups = {group.name: group for group in groups}
        self.down_after_ns = down_after_ns
        self.down: set[str] = set()
        self.run_id = f"{random.getrandbits(160):040x}"
        self.sessions: list[SentinelSession] = []
        self.clients = 0
        for group in groups:
            group.on_switch(lambda switched, group=group: self._switched(group, switched))  # type: ignore[misc]

    def open(
        self, peer: str, on_reply: Callable[[bytes], None], on_close: Callable[[], None] | None = None
    ) -> SentinelSession:
        """Take a new client; arguments as of `RedisServer.open`."""
        self.clients += 1
        session = SentinelSession(self, peer, on_reply, on_close or _nothing)
        self.sessions.append(session)
        return session

    def publish(self, channel: str, message: str) -> None:
        """Tell subscribers something, in Sentinel's own words: `publish("+sdown", "master cache cache 6379")`."""
        for session in list(self.sessions):
            session.tell(channel.encode(), message.encode())

    def _switched(self, group: ReplicaGroup, switched: Failover) -> None:
        old, new = switched.old, switched.new
        self.publish("+failover-end", f"master {group.name} {old.name} {old.port}")
        self.publish("+switch-master", f"{group.name} {old.name} {old.port} {new.name} {new.port}")
        for replica in (*group.replicas, *group.isolated):
            self.publish(
                "+slave",
                f"slave {replica.name}:{replica.port} {replica.name} {replica.port} "
                f"@ {group.name} {new.name} {new.port}",
            )


def _nothing() -> None:
    pass


class SentinelSession:
    """One client of a Sentinel."""

    def __init__(
        self,
        server: SentinelServer,
        peer: str,
        on_reply: Callable[[bytes], None],
        on_close: Callable[[], None],
    ) -> None:
        self.server = server
        self.peer = peer
        self.caller = peer
        self.number = server.clients
        self.closed = False
        self._on_reply = on_reply
        self._on_close = on_close
        self._requests = RequestParser()
        self._dialect = Dialect(2, shortest=True)
        self._protocol = 2
        self._name = b""
        self._channels: dict[bytes, None] = {}
        self._patterns: dict[bytes, None] = {}
        self._outbox: deque[bytes] = deque()
        self._closing = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the client and answer."""
        if self.closed or self._closing:
            return
        try:
            commands = self._requests.feed(data)
        except ProtocolError as error:
            commands = []
            self._reply(SimpleError(f"ERR {error}"))
            self._closing = True
        for fields in commands:
            try:
                self._run(fields)
            except SimpleError as error:
                self._reply(error)
        self._flush()

    def close(self) -> None:
        """Forget the client."""
        if not self.closed:
            self.closed = True
            self.server.sessions.remove(self)

    def tell(self, channel: bytes, message: bytes) -> None:
        """Send a message of a channel, if the client listens to it."""
        if channel in self._channels:
            self._reply(PushReply([b"message", channel, message]))
        for pattern in self._patterns:
            if fnmatch.fnmatchcase(channel.decode("latin-1"), pattern.decode("latin-1")):
                self._reply(PushReply([b"pmessage", pattern, channel, message]))
        self._flush()

    def _reply(self, reply: Any) -> None:
        self._outbox.append(encode(reply, self._dialect))

    def _flush(self) -> None:
        if self._outbox and not self.closed:
            data = b"".join(self._outbox)
            self._outbox.clear()
            self._on_reply(data)
        if self._closing and not self.closed:
            self.close()
            self._on_close()

    def _run(self, fields: list[bytes]) -> None:
        name = fields[0].decode("utf-8", "replace").lower()
        method = getattr(self, f"_do_{name}", None)
        if method is None:
            raise unknown_command(fields)
        try:
            reply = method(*fields[1:])
        except TypeError as error:
            # The signature of the method is the command's arity.
            message = f"ERR wrong number of arguments for '{name}' command"
            raise SimpleError(message) from error
        if reply is not _SILENT:
            self._reply(reply)

    # -- connection

    def _do_ping(self, *words: bytes) -> Any:
        if (self._channels or self._patterns) and self._protocol != _RESP3:
            return [b"pong", words[0] if words else b""]
        return words[0] if words else SimpleString(b"PONG")

    def _do_hello(self, *words: bytes) -> Any:
        if words and words[0] not in {b"2", b"3"}:
            raise SimpleError("NOPROTO unsupported protocol version")
        if words:
            self._protocol = int(words[0])
            self._dialect = Dialect(self._protocol, shortest=True)
        return MapReply(
            [
                b"server", b"redis", b"version", self.server.version_text.encode(), b"proto", self._protocol,
                b"id", self.number, b"mode", b"sentinel", b"modules", [],
            ]
        )  # fmt: skip

    def _do_auth(self, *words: bytes) -> Any:
        if len(words) == 1:
            raise SimpleError(
                "ERR AUTH <password> called without any password configured for the default user. "
                "Are you sure your configuration is correct?"
            )
        return OK

    def _do_quit(self) -> Any:
        self._closing = True
        return OK

    def _do_client(self, sub: bytes, *words: bytes) -> Any:
        word = sub.lower()
        if word == b"setname" and len(words) == 1:
            self._name = words[0]
            return OK
        if word == b"getname":
            return self._name or None
        if word == b"setinfo" and len(words) == 2:
            return OK
        if word == b"id":
            return self.number
        raise unknown_subcommand("client", sub.decode("utf-8", "replace"))

    # -- publish and subscribe

    def _do_subscribe(self, first: bytes, *more: bytes) -> Any:
        return self._enlist(b"subscribe", self._channels, (first, *more))

    def _do_psubscribe(self, first: bytes, *more: bytes) -> Any:
        return self._enlist(b"psubscribe", self._patterns, (first, *more))

    def _do_unsubscribe(self, *names: bytes) -> Any:
        return self._strike(b"unsubscribe", self._channels, names)

    def _do_punsubscribe(self, *names: bytes) -> Any:
        return self._strike(b"punsubscribe", self._patterns, names)

    def _enlist(self, word: bytes, listed: dict[bytes, None], names: tuple[bytes, ...]) -> Any:
        for name in names:
            listed[name] = None
            self._reply(PushReply([word, name, len(self._channels) + len(self._patterns)]))
        return _SILENT

    def _strike(self, word: bytes, listed: dict[bytes, None], names: tuple[bytes, ...]) -> Any:
        for name in names or tuple(listed) or (None,):
            if name is not None:
                listed.pop(name, None)
            self._reply(PushReply([word, name, len(self._channels) + len(self._patterns)]))
        return _SILENT

    # -- what Sentinel is for

    def _do_role(self) -> Any:
        return [b"sentinel", [name.encode() for name in self.server.groups]]

    def _do_info(self, *_sections: bytes) -> Any:
        server = self.server
        lines = [
            "# Server", f"redis_version:{server.version_text}", "redis_mode:sentinel", f"run_id:{server.run_id}",
            f"tcp_port:{server.port}", "", "# Sentinel", f"sentinel_masters:{len(server.groups)}", "sentinel_tilt:0",
            "sentinel_running_scripts:0", "sentinel_scripts_queue_length:0", "sentinel_simulate_failure_flags:0",
        ]  # fmt: skip
        for number, group in enumerate(server.groups.values()):
            status = "sdown" if group.name in server.down else "ok"
            lines.append(
                f"master{number}:name={group.name},status={status},address={group.master.name}:{group.master.port},"
                f"slaves={len(group.replicas)},sentinels=1"
            )
        return Verbatim("\r\n".join([*lines, ""]).encode())

    def _do_sentinel(self, sub: bytes, *words: bytes) -> Any:
        word = sub.decode("utf-8", "replace").lower().replace("-", "_")
        method = getattr(self, f"_sentinel_{_SAME.get(word, word)}", None)
        if method is None:
            raise unknown_subcommand("sentinel", sub.decode("utf-8", "replace"))
        try:
            return method(*words)
        except TypeError as error:
            message = f"ERR wrong number of arguments for 'sentinel|{sub.decode().lower()}' command"
            raise SimpleError(message) from error

    def _group(self, name: bytes) -> ReplicaGroup:
        group = self.server.groups.get(name.decode("utf-8", "replace"))
        if group is None:
            raise SimpleError(_NO_MASTER)
        return group

    def _sentinel_get_master_addr_by_name(self, name: bytes) -> Any:
        group = self.server.groups.get(name.decode("utf-8", "replace"))
        if group is None:
            return NULL_ARRAY
        return [group.master.name.encode(), b"%d" % group.master.port]

    def _sentinel_masters(self) -> Any:
        return [self._describe_master(group) for group in self.server.groups.values()]

    def _sentinel_master(self, name: bytes) -> Any:
        return self._describe_master(self._group(name))

    def _sentinel_replicas(self, name: bytes) -> Any:
        group = self._group(name)
        return [self._describe_replica(group, replica) for replica in (*group.replicas, *group.isolated)]

    def _sentinel_sentinels(self, name: bytes) -> Any:
        self._group(name)
        return []

    def _sentinel_ckquorum(self, name: bytes) -> Any:
        group = self._group(name)
        if group.name in self.server.down:
            raise (
                SimpleError("NOGOODSLAVE No suitable replica to promote")
                if not group.replicas
                else SimpleError(
                    "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the majority and "
                    "authorize a failover"
                )
            )
        return SimpleString(b"OK 1 usable Sentinels. Quorum and failover authorization can be reached")

    def _sentinel_failover(self, name: bytes) -> Any:
        group = self._group(name)
        try:
            group.failover()
        except UsageError as error:
            raise SimpleError("NOGOODSLAVE No suitable replica to promote") from error
        return OK

    def _sentinel_myid(self) -> Any:
        return self.server.run_id.encode()

    def _sentinel_is_master_down_by_addr(
        self, host: bytes, port: bytes, _epoch: bytes, _run_id: bytes
    ) -> Any:
        asked = (host.decode("utf-8", "replace"), port)
        down = any(
            (group.master.name, b"%d" % group.master.port) == asked and group.name in self.server.down
            for group in self.server.groups.values()
        )
        return [int(down), b"*", 0]

    def _sentinel_reset(self, pattern: bytes) -> Any:
        return sum(
            fnmatch.fnmatchcase(name, pattern.decode("utf-8", "replace")) for name in self.server.groups
        )

    def _describe(self, name: str, server: RedisServer, flags: str) -> list[bytes]:
        down_after_ms = b"%d" % (self.server.down_after_ns // 1_000_000)
        return [
            b"name", name.encode(), b"ip", server.name.encode(), b"port", b"%d" % server.port,
            b"runid", server.run_id.encode(), b"flags", flags.encode(), b"link-pending-commands", b"0",
            b"link-refcount", b"1", b"last-ping-sent", b"0", b"last-ok-ping-reply", b"0", b"last-ping-reply", b"0",
            b"down-after-milliseconds", down_after_ms, b"info-refresh", b"0", b"role-reported",
            server.role.encode(), b"role-reported-time", b"0",
        ]  # fmt: skip

    def _describe_master(self, group: ReplicaGroup) -> MapReply:
        flags = "s_down,o_down,master" if group.name in self.server.down else "master"
        return MapReply(
            [
                *self._describe(group.name, group.master, flags),
                b"config-epoch", b"%d" % group.epoch,
                b"num-slaves", b"%d" % (len(group.replicas) + len(group.isolated)), b"num-other-sentinels", b"0",
                b"quorum", b"%d" % QUORUM, b"failover-timeout", b"180000", b"parallel-syncs", b"1",
            ]
        )  # fmt: skip

    def _describe_replica(self, group: ReplicaGroup, replica: RedisServer) -> MapReply:
        apart = replica in group.isolated
        flags = "s_down,slave,disconnected" if apart else "slave"
        link = b"err" if apart or group.name in self.server.down else b"ok"
        return MapReply(
            [
                *self._describe(f"{replica.name}:{replica.port}", replica, flags),
                b"master-link-down-time", b"0", b"master-link-status", link, b"master-host", group.master.name.encode(),
                b"master-port", b"%d" % group.master.port, b"slave-priority", b"100",
                b"slave-repl-offset", b"%d" % replica.offset, b"replica-announced", b"1",
            ]
        )  # fmt: skip


_SILENT = object()
_SAME = {"slaves": "replicas"}
