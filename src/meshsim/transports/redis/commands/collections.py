"""Hashes, sets, sorted sets and lists: commands of the engine that answer otherwise than Redis does.

Each was found by comparing with a real server.
"""

from __future__ import annotations

from typing import Any

from meshsim.transports.redis.codec import NULL_ARRAY, SetReply, format_double
from meshsim.transports.redis.commands.part import SessionPart
from meshsim.transports.redis.engine import (
    SUPPORTED_COMMANDS,
    CommandItem,
    Key,
    SimpleError,
    command,
    module,
)
from meshsim.transports.redis.numbers import add_long_doubles, parse_long_double

__all__ = ["CollectionCommands"]

_Int = module("_command_args_parsing").Int
_Set = module("model").ExpiringMembersSet
_Hash = module("model").Hash
_ZSet = module("model").ZSet
_SYNTAX = "ERR syntax error"
_BAD_NUMKEYS = "ERR numkeys should be greater than 0"
_WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_NOT_FLOAT = "ERR value is not a valid float"
_EXACT = 2**63


class CollectionCommands(SessionPart):
    """Commands on values with members."""

    # -- hashes

    @command(name="HINCRBYFLOAT", fixed=(Key(_Hash), bytes, bytes))
    def hincrbyfloat(self, key: CommandItem, name: bytes, amount: bytes) -> bytes:
        """Add to a number in a hash, in long doubles."""
        added = parse_long_double(amount)
        if added is None:
            raise SimpleError(_NOT_FLOAT)
        present = parse_long_double(key.value.get(name, b"0"))
        if present is None:
            raise SimpleError("ERR hash value is not a float")
        total = add_long_doubles(present, added)
        key.value.update({name: total}, clear_expiration=False)
        key.updated()
        return total

    @command(name="HRANDFIELD", fixed=(Key(_Hash),), repeat=(bytes,))
    def hrandfield(self, key: CommandItem, *args: bytes) -> Any:
        """Draw fields of a hash."""
        return self._draw_pairs(list(key.value.items()) if key else [], args, b"withvalues")

    # -- sorted sets

    @command(name="ZRANDMEMBER", fixed=(Key(_ZSet),), repeat=(bytes,))
    def zrandmember(self, key: CommandItem, *args: bytes) -> Any:
        """Draw members of a sorted set."""
        return self._draw_pairs(
            [(name, key.value[name]) for name in key.value] if key else [], args, b"withscores"
        )

    def _draw_pairs(self, pairs: list[tuple[bytes, Any]], args: tuple[bytes, ...], with_second: bytes) -> Any:
        dice = module("_core._database").random
        if not args:
            return pairs[dice.randrange(len(pairs))][0] if pairs else None
        count = _Int.decode(args[0])
        if len(args) > 2 or (len(args) == 2 and args[1].lower() != with_second):
            raise SimpleError(_SYNTAX)
        if count < 0:
            drawn = dice.choices(pairs, k=-count) if pairs else []
        else:
            drawn = dice.sample(pairs, min(count, len(pairs)))
        if len(args) == 1:
            return [first for first, _ in drawn]
        if self._script_resp == 2 or self._client_info["resp"] == 2:
            return [part for pair in drawn for part in pair]
        return [list(pair) for pair in drawn]

    @command(name="ZSCAN", fixed=(Key(_ZSet), bytes), repeat=(bytes,))
    def zscan(self, key: CommandItem, cursor: bytes, *args: bytes) -> Any:
        """Go through the members of a sorted set; whole scores are printed as integers here."""
        number = _Cursor.decode(cursor)
        if not key:
            return [b"0", []]
        after, members = self._scan(key.value, number, *args, scanned_key=key.key)  # type: ignore[attr-defined]
        scores = [key.value[member] for member in members]
        printed = [
            b"%d" % score if abs(score) < _EXACT and score == int(score) else format_double(score)
            for score in scores
        ]
        return [after, [part for pair in zip(members, printed, strict=True) for part in pair]]

    def _zmpop(self, keys: tuple[bytes, ...], count: int, reverse: bool, first: bool) -> Any:  # noqa: FBT001
        """Pop from the first sorted set that has something; refuse what is none."""
        for name in keys:
            item = self._db.get(name)
            if item is not None and not isinstance(item.value, _ZSet) and (first or self.parked is None):
                raise SimpleError(_WRONG_TYPE)
            if item is not None and isinstance(item.value, _ZSet):
                return super()._zmpop((name,), count, reverse, first)  # type: ignore[misc]
        return None

    # -- lists

    def _pop_list(self, key: CommandItem, args: tuple[bytes, ...], *, left: bool) -> Any:
        count = None
        if args:
            if len(args) > 1:
                raise SimpleError(
                    "ERR wrong number of arguments for '" + ("lpop" if left else "rpop") + "' command"
                )
            count = _Int.decode(args[0], "ERR value is out of range, must be positive")
            if count < 0:
                raise SimpleError("ERR value is out of range, must be positive")
        if not key:
            return NULL_ARRAY if args else None
        if type(key.value) is not list:
            raise SimpleError(_WRONG_TYPE)
        if count is None:
            popped: Any = key.value.pop(0 if left else -1)
        elif left:
            popped = key.value[:count]
            del key.value[:count]
        else:
            popped = key.value[: -count - 1 : -1]
            del key.value[max(0, len(key.value) - count) :]
        if count != 0:
            key.updated()
        return popped

    @command(name="LPOP", fixed=(Key(),), repeat=(bytes,))
    def lpop(self, key: CommandItem, *args: bytes) -> Any:
        """Take elements from the left end."""
        return self._pop_list(key, args, left=True)

    @command(name="RPOP", fixed=(Key(),), repeat=(bytes,))
    def rpop(self, key: CommandItem, *args: bytes) -> Any:
        """Take elements from the right end."""
        return self._pop_list(key, args, left=False)

    def _lmpop(self, keys: list[bytes], count: int, left: bool, first: bool) -> list[Any] | None:  # noqa: FBT001
        """Pop from the first list that has something; the engine keeps a list that it has emptied."""
        for name in keys:
            item = CommandItem(name, self._db, self._db.get(name))
            if item.value is None or (type(item.value) is not list and not first and self.parked is not None):
                continue
            popped = self._pop_list(item, (b"%d" % count,), left=left)
            item.writeback()
            return [name, popped]
        return None

    # -- sets

    @command(name="SPOP", fixed=(Key(_Set),), repeat=(bytes,))
    def spop(self, key: CommandItem, *args: bytes) -> Any:
        """Take members from a set at random."""
        if len(args) > 1:
            raise SimpleError(_SYNTAX)
        if not args:
            if not key.value:
                return None
            key.updated()
            return key.value.pop_random()
        count = _Int.decode(args[0], "ERR value is out of range, must be positive")
        if count < 0:
            raise SimpleError("ERR value is out of range, must be positive")
        popped = SetReply(key.value.pop_random() for _ in range(min(count, len(key.value))))
        if popped:
            key.updated()
        return popped

    @command(name="SINTERCARD", fixed=(bytes, bytes), repeat=(bytes,))
    def sintercard(self, numkeys: bytes, *args: bytes) -> int:
        """Count the members that sets have in common, up to a limit."""
        names, limit = _counted_keys(numkeys, args)
        items = [self._db.get(name) for name in names]
        if any(item is not None and not isinstance(item.value, _Set) for item in items):
            raise SimpleError(_WRONG_TYPE)
        if any(item is None for item in items):
            return 0
        common = set(items[0].value)
        for item in items[1:]:
            common &= set(item.value)
        return min(len(common), limit) if limit else len(common)

    # -- ranges

    def _zrange_args(self, key: CommandItem, start: bytes, stop: bytes, *args: bytes) -> Any:
        words = {word.lower() for word in args}
        if {b"bylex", b"withscores"} <= words:
            raise SimpleError("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
        return super()._zrange_args(key, start, stop, *args)  # type: ignore[misc]


def _counted_keys(numkeys: bytes, args: tuple[bytes, ...]) -> tuple[tuple[bytes, ...], int]:
    """Read `numkeys key [key ...] [LIMIT limit]`."""
    count = _Int.decode(numkeys, _BAD_NUMKEYS)
    if count <= 0:
        raise SimpleError(_BAD_NUMKEYS)
    if count > len(args):
        raise SimpleError("ERR Number of keys can't be greater than number of args")
    rest, limit = args[count:], 0
    if rest:
        if len(rest) != 2 or rest[0].lower() != b"limit":
            raise SimpleError(_SYNTAX)
        limit = _Int.decode(rest[1], "ERR LIMIT can't be negative")
        if limit < 0:
            raise SimpleError("ERR LIMIT can't be negative")
    return args[:count], limit


def _mpop_args(
    name: str, numkeys: int, args: tuple[bytes, ...], ends: tuple[str, str], _kind: str
) -> tuple[tuple[bytes, ...], int, bool]:
    """Read `key [key ...] LEFT|RIGHT [COUNT count]`; stands for the engine's own reading of [B]LMPOP and [B]ZMPOP."""
    del name
    if numkeys <= 0:
        raise SimpleError(_BAD_NUMKEYS)
    words = [word.lower() for word in args[numkeys:]]
    if not words or words[0] not in (ends[0].encode(), ends[1].encode()):
        raise SimpleError(_SYNTAX)
    count = 1
    if words[1:]:
        if len(words) != 3 or words[1] != b"count":
            raise SimpleError(_SYNTAX)
        count = _Int.decode(words[2], "ERR count should be greater than 0")
        if count <= 0:
            raise SimpleError("ERR count should be greater than 0")
    return args[:numkeys], count, words[0] == ends[0].encode()


for _mixin in ("list_mixin", "sortedset_mixin"):
    module(f"commands_mixins.{_mixin}").parse_mpop_args = _mpop_args


class _PopCount:
    """Reads how many members ZPOPMIN and ZPOPMAX take."""

    @staticmethod
    def decode(text: bytes) -> int:
        count: int = _Int.decode(text, "ERR value is out of range, must be positive")
        if count < 0:
            raise SimpleError("ERR value is out of range, must be positive")
        return count


class _NumKeys:
    """Reads how many keys follow."""

    @staticmethod
    def decode(text: bytes) -> int:
        count: int = _Int.decode(text, _BAD_NUMKEYS)
        return count


for _name in ("zpopmin", "zpopmax"):
    SUPPORTED_COMMANDS[_name].repeat = (_PopCount,)  # type: ignore[assignment]
# The target of a store may hold anything: it is replaced.
_stored = SUPPORTED_COMMANDS["zrangestore"]
_stored.fixed = (Key(), *_stored.fixed[1:])  # type: ignore[assignment]
for _name in ("lmpop", "zmpop"):
    SUPPORTED_COMMANDS[_name].fixed = (_NumKeys,)  # type: ignore[assignment]


class _Cursor:
    """Reads the cursor of the SCAN family."""

    @staticmethod
    def decode(text: bytes) -> int:
        if not text.isdigit() or int(text) >= 2**64:
            raise SimpleError("ERR invalid cursor")
        return int(text)


def _scan_missing(engine: Any) -> Any:
    def scan(self: Any, key: CommandItem, cursor: int, *args: bytes) -> Any:
        return engine(self, key, cursor, *args) if key else [b"0", []]

    return scan


_socket = module("_socket").FakeSocket
for _name in ("sscan", "hscan"):
    setattr(CollectionCommands, _name, _scan_missing(getattr(_socket, _name)))
for _name in ("scan", "sscan", "hscan"):
    _signature = SUPPORTED_COMMANDS[_name]
    _signature.fixed = (*_signature.fixed[:-1], _Cursor)  # type: ignore[assignment]
