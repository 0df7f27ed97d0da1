"""Strings, bits and expiry: commands of the engine that answer otherwise than Redis does.

Each was found by comparing with a real server.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from meshsim.transports.redis.commands.part import SessionPart
from meshsim.transports.redis.engine import OK, CommandItem, Key, SimpleError, SimpleString, command, module
from meshsim.transports.redis.lcs import longest_common_subsequence
from meshsim.transports.redis.numbers import add_long_doubles, parse_long_double

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StringCommands"]

_Int = module("_command_args_parsing").Int
_extract = module("_command_args_parsing").extract_args
_SYNTAX = "ERR syntax error"
_WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_NOT_FLOAT = "ERR value is not a valid float"
_EXPIRE_OPTIONS = {b"nx", b"xx", b"gt", b"lt"}
_ENDLESS = {b"inf", b"infinity"}
_BIT_OPERATIONS: dict[bytes, Callable[[int, int], int]] = {
    b"and": operator.and_,
    b"or": operator.or_,
    b"xor": operator.xor,
    b"not": operator.xor,
}
_MAX_MS = 2**63
_UNITS_MS = {b"ex": 1000, b"px": 1, b"exat": 1000, b"pxat": 1}


def _deadline_s(now_s: float, option: bytes, amount: int, name: str) -> float:
    at_ms = amount * _UNITS_MS[option]
    if amount <= 0 or at_ms >= _MAX_MS:
        message = f"ERR invalid expire time in '{name}' command"
        raise SimpleError(message)
    return at_ms / 1000 if option.endswith(b"at") else now_s + at_ms / 1000


class StringCommands(SessionPart):
    """Commands on strings, and on when keys expire."""

    # -- strings: the engine cuts these deadlines to whole seconds

    @command(name="SETEX", fixed=(Key(), _Int, bytes))
    def setex(self, key: CommandItem, seconds: int, value: bytes) -> SimpleString:
        """Store a string for some seconds."""
        deadline_s = _deadline_s(self._db.time, b"ex", seconds, "setex")
        key.value = value
        key.expireat = deadline_s
        return OK

    @command(name="PSETEX", fixed=(Key(), _Int, bytes))
    def psetex(self, key: CommandItem, milliseconds: int, value: bytes) -> SimpleString:
        """Store a string for some milliseconds."""
        deadline_s = _deadline_s(self._db.time, b"px", milliseconds, "psetex")
        key.value = value
        key.expireat = deadline_s
        return OK

    @command(name="GETEX", fixed=(Key(),), repeat=(bytes,))
    def getex(self, key: CommandItem, *options: bytes) -> bytes | None:
        """Return a string and change when it expires."""
        option = options[0].lower() if options else b""
        persist = option == b"persist" and len(options) == 1
        if options and not persist and (option not in _UNITS_MS or len(options) != 2):
            raise SimpleError(_SYNTAX)
        if not key:
            return None
        if type(key.value) is not bytes:
            raise SimpleError(_WRONG_TYPE)
        if options:
            deadline_s = None
            if not persist:
                deadline_s = _deadline_s(self._db.time, option, _Int.decode(options[1]), "getex")
            found: bytes = key.value
            if deadline_s is not None and deadline_s <= self._db.time:
                key.value = None
                return found
            if key.expireat != deadline_s:
                key.expireat = deadline_s
        return bytes(key.value)

    @command(name="INCRBYFLOAT", fixed=(Key(bytes), bytes))
    def incrbyfloat(self, key: CommandItem, amount: bytes) -> bytes:
        """Add to a number, in long doubles."""
        present, added = parse_long_double(key.get(b"0")), parse_long_double(amount)
        if present is not None and amount.lower().lstrip(b"+-") in _ENDLESS:
            raise SimpleError("ERR increment would produce NaN or Infinity")
        if present is None or added is None:
            raise SimpleError(_NOT_FLOAT)
        total = add_long_doubles(present, added)
        key.update(total)
        return total

    @command(name="LCS", fixed=(bytes, bytes), repeat=(bytes,))
    def lcs(self, first: bytes, second: bytes, *options: bytes) -> Any:
        """Find the longest common subsequence of two strings: it, its length, or where its stretches lie."""
        items = [CommandItem(name, self._db, self._db.get(name)) for name in (first, second)]
        if any(item.value is not None and not isinstance(item.value, bytes) for item in items):
            raise SimpleError("ERR The specified keys must contain string values")
        (ranges, only_length, least, with_length), _ = _extract(
            options, ("idx", "len", "+minmatchlen", "withmatchlen")
        )
        if ranges and only_length:
            raise SimpleError("ERR If you want both the length and indexes, please just use IDX.")
        text, matches = longest_common_subsequence(items[0].value or b"", items[1].value or b"")
        if not ranges:
            return len(text) if only_length else text
        shown = [
            [list(in_one), list(in_other), *([length] if with_length else [])]
            for in_one, in_other, length in matches
            if length >= max(0, least or 0)
        ]
        return {b"matches": shown, b"len": len(text)}

    # -- expiry

    @command(name="EXPIRE", fixed=(Key(), bytes), repeat=(bytes,))
    def expire(self, key: CommandItem, seconds: bytes, *options: bytes) -> int:
        """Have a key expire after some seconds."""
        return self._expire(key, seconds, options, 1000, self._db.time)

    @command(name="PEXPIRE", fixed=(Key(), bytes), repeat=(bytes,))
    def pexpire(self, key: CommandItem, milliseconds: bytes, *options: bytes) -> int:
        """Have a key expire after some milliseconds."""
        return self._expire(key, milliseconds, options, 1, self._db.time)

    @command(name="EXPIREAT", fixed=(Key(), bytes), repeat=(bytes,))
    def expireat(self, key: CommandItem, seconds: bytes, *options: bytes) -> int:
        """Have a key expire at a second since 1970."""
        return self._expire(key, seconds, options, 1000, 0)

    @command(name="PEXPIREAT", fixed=(Key(), bytes), repeat=(bytes,))
    def pexpireat(self, key: CommandItem, milliseconds: bytes, *options: bytes) -> int:
        """Have a key expire at a millisecond since 1970."""
        return self._expire(key, milliseconds, options, 1, 0)

    def _expire(
        self, key: CommandItem, text: bytes, options: tuple[bytes, ...], unit_ms: int, from_s: float
    ) -> int:
        for option in options:
            if option.lower() not in _EXPIRE_OPTIONS:
                message = f"ERR Unsupported option {option.decode('utf-8', 'replace')}"
                raise SimpleError(message)
        chosen = {option.lower() for option in options}
        if b"nx" in chosen and len(chosen) > 1:
            raise SimpleError("ERR NX and XX, GT or LT options at the same time are not compatible")
        if {b"gt", b"lt"} <= chosen:
            raise SimpleError("ERR GT and LT options at the same time are not compatible")
        amount_ms = _Int.decode(text) * unit_ms
        if not -_MAX_MS <= amount_ms + from_s * 1000 < _MAX_MS or not -_MAX_MS <= amount_ms < _MAX_MS:
            name = self.fields[0].decode("utf-8", "replace").lower()
            message = f"ERR invalid expire time in '{name}' command"
            raise SimpleError(message)
        deadline_s = from_s + amount_ms / 1000
        done = int(super()._expireat(key, deadline_s, *options))  # type: ignore[misc]
        if done and deadline_s <= self._db.time:
            key.value = None  # a deadline in the past deletes at once
        return done

    # -- bits

    @command(name="BITOP", fixed=(bytes, bytes, bytes), repeat=(bytes,))
    def bitop(self, operation: bytes, target: bytes, *sources: bytes) -> int:
        """Combine strings bit by bit."""
        if operation.lower() not in _BIT_OPERATIONS:
            raise SimpleError(_SYNTAX)
        if operation.lower() == b"not" and len(sources) != 1:
            raise SimpleError("ERR BITOP NOT must be called with a single source key.")
        items = [CommandItem(name, self._db, self._db.get(name)) for name in sources]
        if any(item.value is not None and not isinstance(item.value, bytes) for item in items):
            raise SimpleError(_WRONG_TYPE)
        values = [item.value or b"" for item in items]
        size = max(map(len, values))
        words = [int.from_bytes(value.ljust(size, b"\0"), "big") for value in values]
        result = words[0]
        for word in words[1:]:
            result = _BIT_OPERATIONS[operation.lower()](result, word)
        if operation.lower() == b"not":
            result = ~result & ((1 << 8 * size) - 1)
        stored = CommandItem(target, self._db, self._db.get(target))
        stored.value = result.to_bytes(size, "big") if size else None
        stored.writeback()
        return size

    @command(name="BITFIELD_RO", fixed=(Key(bytes),), repeat=(bytes,))
    def bitfield_ro(self, key: CommandItem, *args: bytes) -> Any:
        """Read bit fields."""
        if any(word.lower() in {b"set", b"incrby", b"overflow"} for word in args):
            raise SimpleError("ERR BITFIELD_RO only supports the GET subcommand")
        return self.bitfield(key, *args)  # type: ignore[attr-defined]
