"""Which of two mistakes a command reports: Redis reads some arguments before it looks at the key, and some after.

The engine converts typed arguments first, then looks at the type of each key, then reads the rest. The tables
here name the commands where Redis goes another way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsim.transports.redis.engine import SimpleError, module
from meshsim.transports.redis.numbers import parse_long_double

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ARGUMENTS_FIRST", "KEYS_FIRST", "SCORED_KEYS", "ZERO_WHEN_MISSING", "read_options"]

_parsing = module("_command_args_parsing")
_Int = _parsing.Int
_SYNTAX = "ERR syntax error"
_ZADD_FLAGS = {b"nx", b"xx", b"gt", b"lt", b"ch", b"incr"}

KEYS_FIRST = frozenset({"lindex"})
"""Commands that look at the type of their key before they read a number."""

SCORED_KEYS = {"zunionstore": 1, "zinterstore": 1, "zdiffstore": 1, "zunion": 0, "zinter": 0, "zdiff": 0}
"""Commands that look at the types of all their keys before they read weights; where the number of keys stands."""

ZERO_WHEN_MISSING = frozenset({"bitcount", "xdel"})
"""Commands that answer 0 for a missing key whatever else they are given."""


def read_options(
    words: list[bytes], flags: frozenset[bytes], numbers: dict[bytes, Callable[[bytes], None]]
) -> None:
    """Go through options of the forms FLAG and NAME NUMBER; refuse others as a syntax error."""
    rest = list(words)
    while rest:
        word = rest.pop(0).lower()
        if word in numbers and rest:
            numbers[word](rest.pop(0))
        elif word not in flags:
            raise SimpleError(_SYNTAX)


def _positive(message: str, least: int = 0) -> Callable[[bytes], None]:
    def check(text: bytes) -> None:
        if _Int.decode(text, message) < least:
            raise SimpleError(message)

    return check


def _rank(text: bytes) -> None:
    if _Int.decode(text) == 0:
        raise SimpleError(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "
            "or use negative to start from the end of the list"
        )


_LPOS = {
    b"rank": _rank,
    b"count": _positive("ERR COUNT can't be negative"),
    b"maxlen": _positive("ERR MAXLEN can't be negative"),
}


def _lpos(words: list[bytes]) -> None:
    read_options(words[2:], frozenset(), _LPOS)


def _third_integer(words: list[bytes]) -> None:
    _Int.decode(words[2])


def _second_integer(words: list[bytes]) -> None:
    if len(words) > 1:
        _Int.decode(words[1])


def _linsert(words: list[bytes]) -> None:
    if words[1].lower() not in {b"before", b"after"}:
        raise SimpleError(_SYNTAX)


def _setrange(words: list[bytes]) -> None:
    if _Int.decode(words[1]) < 0:
        raise SimpleError("ERR offset is out of range")


def _bitpos(words: list[bytes]) -> None:
    if _Int.decode(words[1]) not in {0, 1}:
        raise SimpleError("ERR The bit argument must be 1 or 0.")


def _zrange(words: list[bytes]) -> None:
    options = {word.lower() for word in words[3:]}
    lowered = [word.lower() for word in words]
    if b"limit" in lowered[3:]:
        place = lowered.index(b"limit", 3)
        for text in words[place + 1 : place + 3]:
            _Int.decode(text)
    if b"byscore" in options:
        module("commands_mixins.sortedset_mixin").ScoreTest.decode(words[1])
        module("commands_mixins.sortedset_mixin").ScoreTest.decode(words[2])
    elif b"bylex" not in options:
        _Int.decode(words[1])
        _Int.decode(words[2])


def _zrangestore(words: list[bytes]) -> None:
    _zrange(words[1:])


def _zadd(words: list[bytes]) -> None:
    rest = words[1:]
    while rest and rest[0].lower() in _ZADD_FLAGS:
        rest = rest[1:]
    flags = {word.lower() for word in words[1 : len(words) - len(rest)]}
    if {b"nx", b"xx"} <= flags:
        raise SimpleError("ERR XX and NX options at the same time are not compatible")
    if len(flags & {b"gt", b"lt", b"nx"}) > 1:
        raise SimpleError("ERR GT, LT, and/or NX options at the same time are not compatible")
    if len(rest) % 2 == 0:
        for text in rest[::2]:
            _parsing.Float.decode(text)


def _third_float(words: list[bytes]) -> None:
    if parse_long_double(words[2]) is None:
        raise SimpleError("ERR value is not a valid float")


def _spop(words: list[bytes]) -> None:
    if len(words) == 2:
        _positive("ERR value is out of range, must be positive")(words[1])


def _two_integers(words: list[bytes]) -> None:
    _Int.decode(words[1])
    _Int.decode(words[2])


ARGUMENTS_FIRST: dict[str, Callable[[list[bytes]], None]] = {
    "lpos": _lpos,
    "hincrby": _third_integer,
    "hrandfield": _second_integer,
    "linsert": _linsert,
    "setrange": _setrange,
    "bitpos": _bitpos,
    "zrange": _zrange,
    "zrevrange": _two_integers,
    "zrangestore": _zrangestore,
    "zadd": _zadd,
    "hincrbyfloat": _third_float,
    "spop": _spop,
}
"""Commands that read these arguments before they look at any key."""
