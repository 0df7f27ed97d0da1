"""INFO, CONFIG, COMMAND, ROLE and the other commands about the server as a whole."""

from __future__ import annotations

from typing import Any

from meshsim.transports.redis.codec import MapReply, Verbatim
from meshsim.transports.redis.commands.part import SessionPart
from meshsim.transports.redis.dispatch import find
from meshsim.transports.redis.engine import OK, NoResponse, SimpleError, SimpleString, command, module, turn
from meshsim.transports.redis.info import render

__all__ = ["ServerCommands"]

_msgs = module("_msgs")
_model = module("model")
_Int = module("_command_args_parsing").Int
_compile_pattern = module("_helpers").compile_pattern
_SYNTAX = "ERR syntax error"
_FLUSH_MODES = {b"sync", b"async"}


def _known_commands(version: tuple[int, ...]) -> list[bytes]:
    known = []
    for name in _model.get_all_commands_info():
        try:
            entry = find(name.split())
        except SimpleError:
            continue
        if entry.since <= version:
            known.append(name)
    return known


class ServerCommands(SessionPart):
    """Commands that name no key."""

    @command(name="INFO", fixed=(), repeat=(bytes,))
    def info(self, *sections: bytes) -> Verbatim:
        """Describe the server, all of it or some sections."""
        return Verbatim(
            render(self.server, [section.decode("utf-8", "replace").lower() for section in sections])
        )

    @command(name="CONFIG GET", fixed=(bytes,), repeat=(bytes,), flags=_msgs.FLAG_NO_SCRIPT)
    def config_get(self, *patterns: bytes) -> MapReply:
        """Return settings whose names match."""
        return MapReply(self.server.settings.matching(patterns))

    @command(name="CONFIG SET", fixed=(bytes, bytes), repeat=(bytes, bytes), flags=_msgs.FLAG_NO_SCRIPT)
    def config_set(self, *args: bytes) -> SimpleString:
        """Change settings."""
        self.server.settings.change(list(zip(args[::2], args[1::2], strict=True)))
        return OK

    @command(name="CONFIG RESETSTAT", fixed=(), flags=_msgs.FLAG_NO_SCRIPT)
    def config_resetstat(self) -> SimpleString:
        """Forget the counters of INFO."""
        self.server.forget_statistics()
        return OK

    @command(name="CONFIG REWRITE", fixed=(), flags=_msgs.FLAG_NO_SCRIPT)
    def config_rewrite(self) -> SimpleString:
        """Refuse, as a server without a configuration file does."""
        raise SimpleError("ERR The server is running without a config file")

    @command(name="TIME", fixed=())
    def time(self) -> list[bytes]:
        """Return the server's clock in seconds and microseconds."""
        seconds, rest = divmod(turn.clock(), 1_000_000_000)
        return [b"%d" % seconds, b"%d" % (rest // 1000)]

    @command(name="ROLE", fixed=(), flags=_msgs.FLAG_NO_SCRIPT)
    def role(self) -> list[Any]:
        """Say whether this is a master, and who replicates whom."""
        server = self.server
        if server.master is not None:
            host, port = server.master.name, server.master.port
            return [b"slave", host.encode(), port, b"connected", server.offset]
        replicas = [
            [link.replica.name.encode(), b"%d" % link.replica.port, b"%d" % link.acknowledged]
            for link in server.links
        ]
        return [b"master", server.offset, replicas]

    @command(name="REPLICAOF", fixed=(bytes, bytes), flags=_msgs.FLAG_NO_SCRIPT)
    def replicaof(self, host: bytes, port: bytes) -> SimpleString:
        """Refuse all but NO ONE on a master: who replicates whom is the scenario's to say."""
        if (host.lower(), port.lower()) == (b"no", b"one") and self.server.master is None:
            return OK
        raise SimpleError(
            "ERR REPLICAOF is not available in the simulation: the scenario's redis_sentinel says who replicates whom"
        )

    @command(name="SLAVEOF", fixed=(bytes, bytes), flags=_msgs.FLAG_NO_SCRIPT)
    def slaveof(self, host: bytes, port: bytes) -> SimpleString:
        """Do as REPLICAOF does."""
        self.replicaof(host, port)
        return OK

    @command(name="FLUSHALL", fixed=(), repeat=(bytes,))
    def flushall(self, *modes: bytes) -> SimpleString:
        """Delete every key of every database."""
        self._check_flush(modes)
        for database in self.server.dbs.values():
            database.clear()
        return OK

    @command(name="FLUSHDB", fixed=(), repeat=(bytes,))
    def flushdb(self, *modes: bytes) -> SimpleString:
        """Delete every key of this database."""
        self._check_flush(modes)
        self._db.clear()
        return OK

    @staticmethod
    def _check_flush(modes: tuple[bytes, ...]) -> None:
        if len(modes) > 1 or (modes and modes[0].lower() not in _FLUSH_MODES):
            raise SimpleError(_SYNTAX)

    @command(name="COMMAND", fixed=(), repeat=())
    def command_(self) -> list[Any]:
        """Describe every command."""
        return [_model.get_command_info(name) for name in _known_commands(self.server.version)]

    @command(name="COMMAND COUNT", fixed=())
    def command_count(self) -> int:
        """Count the commands."""
        return len(_known_commands(self.server.version))

    @command(name="COMMAND LIST", fixed=(), repeat=(bytes,))
    def command_list(self, *filters: bytes) -> list[bytes]:
        """Name the commands, all or those that match a pattern."""
        names = [name.replace(b" ", b"|") for name in _known_commands(self.server.version)]
        if not filters:
            return names
        if len(filters) != 3 or filters[0].lower() != b"filterby" or filters[1].lower() != b"pattern":
            raise SimpleError(_SYNTAX)
        pattern = _compile_pattern(filters[2])
        return [name for name in names if pattern.match(name)]

    @command(name="COMMAND GETKEYS", fixed=(bytes,), repeat=(bytes,))
    def command_getkeys(self, *words: bytes) -> list[bytes]:
        """Return the keys of a command."""
        try:
            entry = find(list(words))
        except SimpleError as error:
            raise SimpleError("ERR Invalid command specified") from error
        info = _model.get_command_info(entry.name.encode())
        if info is None or not info[3]:
            raise SimpleError("ERR The command has no key arguments")
        first, last, step = info[3:6]
        last = len(words) + last if last < 0 else last
        return list(words[first : last + 1 : step])

    @command(name="DEBUG", fixed=(bytes,), repeat=(bytes,), flags=_msgs.FLAG_NO_SCRIPT)
    def debug(self, *_args: bytes) -> NoResponse:
        """Refuse, as a server with the default configuration does."""
        raise SimpleError(
            'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from '
            "a local connection, otherwise you need to set this option in the configuration file, and then restart the "
            "server."
        )

    @command(name="ACL CAT", fixed=(), repeat=(bytes,))
    def acl_cat(self, *category: bytes) -> Any:
        """Name the categories of commands, or the commands of one."""
        if category and category[0].lower() not in module("model").get_categories():
            message = f"ERR Unknown category '{category[0].decode('utf-8', 'replace')}'"
            raise SimpleError(message)
        return super().acl_cat(*category)  # type: ignore[misc]

    @command(name="ACL GETUSER", fixed=(bytes,))
    def acl_getuser(self, name: bytes) -> Any:
        """Describe a user."""
        if name not in self.server.acl.get_users():
            return None
        return MapReply(super().acl_getuser(name))  # type: ignore[misc]

    @command(name="ACL SETUSER", fixed=(bytes,), repeat=(bytes,))
    def acl_setuser(self, name: bytes, *rules: bytes) -> SimpleString:
        """Make or change a user; from here on commands are checked."""
        self.server.restrict()
        return super().acl_setuser(name, *rules)  # type: ignore[misc,no-any-return]

    @command(name="SLOWLOG GET", fixed=(), repeat=(_Int,))
    def slowlog_get(self, *_count: int) -> list[Any]:
        """Return nothing: a command takes no time here."""
        return []

    @command(name="SLOWLOG LEN", fixed=())
    def slowlog_len(self) -> int:
        """Return 0."""
        return 0

    @command(name="SLOWLOG RESET", fixed=())
    def slowlog_reset(self) -> SimpleString:
        """Do nothing."""
        return OK

    @command(name="LATENCY LATEST", fixed=())
    def latency_latest(self) -> list[Any]:
        """Return nothing: a command takes no time here."""
        return []

    @command(name="LATENCY RESET", fixed=(), repeat=(bytes,))
    def latency_reset(self, *_events: bytes) -> int:
        """Return 0."""
        return 0

    @command(name="MODULE LIST", fixed=())
    def module_list(self) -> list[Any]:
        """Return nothing: no module is loaded."""
        return []

    @command(name="MEMORY PURGE", fixed=())
    def memory_purge(self) -> SimpleString:
        """Do nothing."""
        return OK

    @command(name="BGREWRITEAOF", fixed=())
    def bgrewriteaof(self) -> SimpleString:
        """Say that it has begun; there is no file."""
        return SimpleString(b"Background append only file rewriting started")

    @command(name="SHUTDOWN", fixed=(), repeat=(bytes,), flags=_msgs.FLAG_NO_SCRIPT)
    def shutdown(self, *_modes: bytes) -> NoResponse:
        """Refuse: hosts stop by the scenario's faults."""
        raise SimpleError(
            "ERR SHUTDOWN is not available in the simulation: use the fault `crash` or `terminate`"
        )

    @command(name="READONLY", fixed=())
    def readonly(self) -> SimpleString:
        """Refuse, as a server that is no cluster."""
        raise SimpleError("ERR This instance has cluster support disabled")

    @command(name="READWRITE", fixed=())
    def readwrite(self) -> SimpleString:
        """Refuse, as a server that is no cluster."""
        raise SimpleError("ERR This instance has cluster support disabled")

    @command(name="CLUSTER INFO", fixed=())
    def cluster_info(self) -> SimpleString:
        """Refuse, as a server that is no cluster."""
        raise SimpleError("ERR This instance has cluster support disabled")

    @command(name="CLUSTER SLOTS", fixed=())
    def cluster_slots(self) -> SimpleString:
        """Refuse, as a server that is no cluster."""
        raise SimpleError("ERR This instance has cluster support disabled")

    @command(name="CLUSTER NODES", fixed=())
    def cluster_nodes(self) -> SimpleString:
        """Refuse, as a server that is no cluster."""
        raise SimpleError("ERR This instance has cluster support disabled")
