"""MULTI, EXEC, WATCH: queued commands run in one turn, each of them noted for the replicas."""

from __future__ import annotations

from typing import Any

from meshsim.transports.redis.codec import NULL_ARRAY
from meshsim.transports.redis.commands.part import SessionPart
from meshsim.transports.redis.dispatch import shaped
from meshsim.transports.redis.engine import OK, SimpleError, command, module

__all__ = ["TransactionCommands"]

_FLAGS = [module("_msgs").FLAG_NO_SCRIPT, module("_msgs").FLAG_TRANSACTION]


class TransactionCommands(SessionPart):
    """EXEC; the engine's MULTI, DISCARD, WATCH and UNWATCH serve as they are."""

    @command(name="exec", fixed=(), repeat=(), flags=_FLAGS)
    def exec_(self) -> Any:
        """Run what was queued, unless a watched key was written or has expired since."""
        if self._transaction is None:
            raise SimpleError("ERR EXEC without MULTI")
        queued, failed = self._transaction, self._transaction_failed
        self._transaction, self._transaction_failed = None, False
        for key, database in sorted(self._watches, key=lambda watch: (watch[1].number, watch[0])):
            database.get(key)  # one that has expired tells its watchers when it is looked at
        written = self._watch_notified
        self._clear_watches()
        if failed:
            raise SimpleError("EXECABORT Transaction discarded because of previous errors.")
        if written:
            return NULL_ARRAY
        if self.server.read_only and not self.is_master_link and any(entry.writes for entry, _ in queued):
            raise SimpleError(
                "EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica."
            )
        return [self._run_queued(entry, arguments) for entry, arguments in queued]

    def _run_queued(self, entry: Any, arguments: list[bytes]) -> Any:
        server = self.server
        before = server.dirty
        server.forget_draws()
        self.fields = [*entry.name.encode().split(), *arguments]
        self._in_transaction = True
        try:
            reply = self.call(entry, arguments)
        finally:
            self._in_transaction = False
        if server.dirty != before:
            server.log_write(self, self.fields)  # type: ignore[arg-type]
        return shaped(entry, reply)

    @command(name="WATCH", fixed=(bytes,), repeat=(bytes,), flags=_FLAGS)
    def watch(self, *keys: bytes) -> Any:
        """Have the next EXEC fail when one of these keys is written before."""
        if self._transaction is not None:
            raise SimpleError("ERR WATCH inside MULTI is not allowed")
        for key in keys:
            self._db.get(key)  # so that one that had expired before does not count as written
            if (key, self._db) not in self._watches:
                self._watches.add((key, self._db))
                self._db.add_watch(key, self)
        return OK
