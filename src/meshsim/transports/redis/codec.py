"""RESP on the wire, both versions: the server's replies. `requests` reads the commands of clients.

The seam hands the bytes of redis-py to the network as they are and redis-py's own parser reads the replies, so
that every decoding rule of the library is the library's. What this file writes is therefore what a real server
writes: simple strings, bulk strings, errors, integers, arrays, and in RESP3 maps, sets, doubles, booleans,
nulls and pushes.
"""

from __future__ import annotations

from typing import Any

from meshsim.transports.redis.engine import SimpleError, SimpleString

__all__ = [
    "NULL_ARRAY",
    "Dialect",
    "MapReply",
    "PushReply",
    "SetReply",
    "Verbatim",
    "encode",
    "format_double",
    "format_shortest",
]


class SetReply(list[Any]):
    """A reply that is a set in RESP3 and an array in RESP2."""

    __slots__ = ()


class MapReply(list[Any]):
    """A reply of keys and values in turn that is a map in RESP3 and a flat array in RESP2."""

    __slots__ = ()


class PushReply(list[Any]):
    """A message that nobody asked for: a push in RESP3, an array in RESP2."""

    __slots__ = ()


class Verbatim(bytes):
    """Text for people: a verbatim string in RESP3, a bulk string in RESP2."""

    __slots__ = ()


class _NullArray:
    """No array at all, which RESP2 tells from no string."""

    __slots__ = ()


NULL_ARRAY = _NullArray()


class Dialect:
    """How replies are written to one client.

    Args:
        protocol: 2 or 3, as the connection has chosen by HELLO.
        shortest: print doubles with the fewest digits that say them, as Redis does since 7.2, not with 17.
    """

    __slots__ = ("double", "resp3")

    def __init__(self, protocol: int, *, shortest: bool) -> None:
        self.resp3 = protocol == 3
        self.double = format_shortest if shortest else format_double


def encode(reply: Any, dialect: Dialect) -> bytes:
    """Write one reply: bytes, str, int, float, bool, None, a list, a dict, or one of the shapes of this module."""
    kind = type(reply)
    if kind is bytes:
        return b"$%d\r\n%b\r\n" % (len(reply), reply)
    if kind is SimpleString:
        return b"+%b\r\n" % reply.value
    if kind is int:
        return b":%d\r\n" % reply
    if reply is None:
        return b"_\r\n" if dialect.resp3 else b"$-1\r\n"
    if kind is list or kind is tuple:
        return _aggregate(b"*", reply, dialect)
    return _RARE[kind](reply, dialect)  # type: ignore[no-any-return]


def _aggregate(sign: bytes, items: Any, dialect: Dialect) -> bytes:
    return b"%b%d\r\n%b" % (sign, len(items), b"".join([encode(item, dialect) for item in items]))


def _encode_error(reply: Any, _dialect: Dialect) -> bytes:
    text = reply.value.replace("\r", " ").replace("\n", " ")
    return f"-{text}\r\n".encode("utf-8", "surrogateescape")


def _encode_str(reply: str, dialect: Dialect) -> bytes:
    return encode(reply.encode(), dialect)


def _encode_bool(reply: Any, dialect: Dialect) -> bytes:
    if dialect.resp3:
        return b"#t\r\n" if reply else b"#f\r\n"
    return b":1\r\n" if reply else b":0\r\n"


def _encode_double(reply: float, dialect: Dialect) -> bytes:
    text = dialect.double(reply)
    return b",%b\r\n" % text if dialect.resp3 else encode(text, dialect)


def _special(value: float) -> bytes | None:
    if value != value:  # noqa: PLR0124  NaN is the one value unlike itself
        return b"nan"
    if value in {_INFINITY, -_INFINITY}:
        return b"inf" if value > 0 else b"-inf"
    return None


def format_double(value: float) -> bytes:
    """Print a double as Redis up to 7.0 does: 17 significant digits, whole numbers without a point."""
    return _special(value) or b"%.17g" % value


def format_shortest(value: float) -> bytes:
    """Print a double as Redis since 7.2 does: the fewest digits that read back as the same number."""
    special = _special(value)
    if special is not None:
        return special
    if value == int(value) and abs(value) < _EXACT_INTEGERS:
        return b"-0" if str(value) == "-0.0" else b"%d" % int(value)
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0) - len(fraction)
    stripped = digits.rstrip("0")
    power += len(digits) - len(stripped)
    return (b"-" if value < 0 else b"") + _layout(stripped, power).encode()


def _layout(digits: str, power: int) -> str:
    """Write `digits` times ten to `power` as fpconv does."""
    exponent = power + len(digits) - 1
    if power >= 0 and exponent < len(digits) + _MAX_ZEROS:
        return digits + "0" * power
    if power < 0 and (power > -_MAX_ZEROS or abs(exponent) < _MAX_LEADING):
        point = len(digits) + power
        return f"0.{'0' * -point}{digits}" if point <= 0 else f"{digits[:point]}.{digits[point:]}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{'-' if exponent < 0 else '+'}{abs(exponent)}"


_MAX_ZEROS = 7
_MAX_LEADING = 4
_EXACT_INTEGERS = 2**52
_INFINITY = float("inf")


def _encode_map(reply: Any, dialect: Dialect) -> bytes:
    flat = reply if isinstance(reply, list) else [part for pair in reply.items() for part in pair]
    if not dialect.resp3:
        return _aggregate(b"*", flat, dialect)
    return b"%%%d\r\n%b" % (len(flat) // 2, b"".join([encode(item, dialect) for item in flat]))


def _encode_set(reply: Any, dialect: Dialect) -> bytes:
    return _aggregate(b"~" if dialect.resp3 else b"*", reply, dialect)


def _encode_push(reply: Any, dialect: Dialect) -> bytes:
    return _aggregate(b">" if dialect.resp3 else b"*", reply, dialect)


def _encode_verbatim(reply: Any, dialect: Dialect) -> bytes:
    if dialect.resp3:
        return b"=%d\r\ntxt:%b\r\n" % (len(reply) + 4, reply)
    return b"$%d\r\n%b\r\n" % (len(reply), reply)


def _encode_null_array(_reply: Any, dialect: Dialect) -> bytes:
    return b"_\r\n" if dialect.resp3 else b"*-1\r\n"


_RARE: dict[type, Any] = {
    SimpleError: _encode_error,
    str: _encode_str,
    bool: _encode_bool,
    float: _encode_double,
    dict: _encode_map,
    MapReply: _encode_map,
    SetReply: _encode_set,
    PushReply: _encode_push,
    Verbatim: _encode_verbatim,
    _NullArray: _encode_null_array,
}
