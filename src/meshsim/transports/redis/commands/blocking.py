"""Commands that wait: which keys wake them, and those that the engine cannot try twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.transports.redis.codec import NULL_ARRAY
from meshsim.transports.redis.commands.part import SessionPart
from meshsim.transports.redis.engine import CommandItem, NoResponse, SimpleError, command, module

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BlockingCommands"]

_Int = module("_command_args_parsing").Int
_Timeout = module("_command_args_parsing").Timeout
_SYNTAX = "ERR syntax error"
_WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_ENDS = (b"left", b"right")


def _streams_of(fields: list[bytes]) -> list[bytes]:
    words = [field.lower() for field in fields]
    named = fields[words.index(b"streams") + 1 :]
    return named[: len(named) // 2]


def _counted(fields: list[bytes]) -> list[bytes]:
    return fields[3 : 3 + int(fields[2])]


def _first_key(fields: list[bytes]) -> list[bytes]:
    return fields[1:2]


_KEYS: dict[bytes, Callable[[list[bytes]], list[bytes]]] = {
    b"blpop": lambda fields: fields[1:-1],
    b"brpop": lambda fields: fields[1:-1],
    b"bzpopmin": lambda fields: fields[1:-1],
    b"bzpopmax": lambda fields: fields[1:-1],
    b"blmove": lambda fields: fields[1:2],
    b"brpoplpush": lambda fields: fields[1:2],
    b"blmpop": _counted,
    b"bzmpop": _counted,
    b"xread": _streams_of,
    b"xreadgroup": _streams_of,
    b"wait": lambda _fields: [],
}


class BlockingCommands(SessionPart):
    """BLMOVE and its kin, WAIT."""

    @staticmethod
    def _keys_waited_for(fields: list[bytes]) -> list[bytes]:
        return list(dict.fromkeys(_KEYS.get(fields[0].lower(), _first_key)(fields)))

    @command(name="BLMOVE", fixed=(bytes, bytes, bytes, bytes, bytes))
    def blmove(self, source: bytes, target: bytes, where_from: bytes, where_to: bytes, timeout: bytes) -> Any:
        """Move an element, or wait for one. The engine keeps the items of the first try and so moves None."""
        ends = where_from.lower(), where_to.lower()
        if ends[0] not in _ENDS or ends[1] not in _ENDS:
            raise SimpleError(_SYNTAX)
        seconds = float(_Timeout.decode(timeout))
        return self._blocking(seconds, lambda first: self._move(source, target, ends, first=first))

    @command(name="BRPOPLPUSH", fixed=(bytes, bytes, bytes))
    def brpoplpush(self, source: bytes, target: bytes, timeout: bytes) -> Any:
        """BLMOVE from the right end to the left one."""
        seconds = _Timeout.decode(timeout)
        return self._blocking(
            seconds, lambda first: self._move(source, target, (b"right", b"left"), first=first)
        )

    @command(name="LMOVE", fixed=(bytes, bytes, bytes, bytes))
    def lmove(self, source: bytes, target: bytes, where_from: bytes, where_to: bytes) -> Any:
        """Move an element from one end of a list to an end of a list."""
        ends = where_from.lower(), where_to.lower()
        if ends[0] not in _ENDS or ends[1] not in _ENDS:
            raise SimpleError(_SYNTAX)
        return self._move(source, target, ends, first=True)

    @command(name="RPOPLPUSH", fixed=(bytes, bytes))
    def rpoplpush(self, source: bytes, target: bytes) -> Any:
        """LMOVE from the right end to the left one."""
        return self._move(source, target, (b"right", b"left"), first=True)

    def _move(self, source: bytes, target: bytes, ends: tuple[bytes, bytes], *, first: bool) -> bytes | None:
        giving = CommandItem(source, self._db, self._db.get(source), default=[])
        if not isinstance(giving.value, list):
            if first:
                raise SimpleError(_WRONG_TYPE)
            return None
        if not giving.value:
            return None
        taking = (
            giving if source == target else CommandItem(target, self._db, self._db.get(target), default=[])
        )
        if not isinstance(taking.value, list):
            raise SimpleError(_WRONG_TYPE)
        element: bytes = giving.value.pop(0 if ends[0] == b"left" else -1)
        taking.value.insert(0 if ends[1] == b"left" else len(taking.value), element)
        giving.updated()
        taking.updated()
        giving.writeback()
        if taking is not giving:
            taking.writeback()
        return element

    def _empty_blocking_reply(self, found: Any) -> Any:
        return NULL_ARRAY if found is None else found

    @command(name="WAIT", fixed=(_Int, _Int), flags=module("_msgs").FLAG_NO_SCRIPT)
    def wait(self, replicas: int, timeout_ms: int) -> int | NoResponse:
        """Wait until so many replicas have this connection's writes; 0 milliseconds wait for ever."""
        if timeout_ms < 0:
            raise SimpleError("ERR timeout is negative")
        if self.server.read_only:
            raise SimpleError("ERR WAIT cannot be used with replica instances.")
        server, offset = self.server, self.server.offset
        if server.replicas_at(offset) >= replicas or self._in_transaction or self._script_resp is not None:
            return server.replicas_at(offset)

        def attempt() -> int | None:
            reached = server.replicas_at(offset)
            return reached if reached >= replicas else None

        server.waiting_for_replicas.add(self)  # type: ignore[arg-type]
        return self.park(
            attempt, lambda found: server.replicas_at(offset) if found is None else found, timeout_ms / 1000
        )
