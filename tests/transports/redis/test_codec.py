"""Replies are written as a real server writes them, in either version of the protocol."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.transports.redis.codec import (
    NULL_ARRAY,
    Dialect,
    MapReply,
    PushReply,
    SetReply,
    Verbatim,
    encode,
    format_double,
    format_shortest,
)
from meshsim.transports.redis.engine import SimpleError, SimpleString

RESP2, RESP3 = Dialect(2, shortest=True), Dialect(3, shortest=True)


@pytest.mark.parametrize(
    ("reply", "resp2", "resp3"),
    [
        (b"a\r\nb", b"$4\r\na\r\nb\r\n", b"$4\r\na\r\nb\r\n"),
        (SimpleString(b"OK"), b"+OK\r\n", b"+OK\r\n"),
        (SimpleError("ERR a\r\nb"), b"-ERR a  b\r\n", b"-ERR a  b\r\n"),
        (-3, b":-3\r\n", b":-3\r\n"),
        (None, b"$-1\r\n", b"_\r\n"),
        (NULL_ARRAY, b"*-1\r\n", b"_\r\n"),
        (True, b":1\r\n", b"#t\r\n"),
        (1.5, b"$3\r\n1.5\r\n", b",1.5\r\n"),
        (float("inf"), b"$3\r\ninf\r\n", b",inf\r\n"),
        ([1, [b"x"]], b"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", b"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n"),
        ({b"a": 1}, b"*2\r\n$1\r\na\r\n:1\r\n", b"%1\r\n$1\r\na\r\n:1\r\n"),
        (MapReply([b"a", 1]), b"*2\r\n$1\r\na\r\n:1\r\n", b"%1\r\n$1\r\na\r\n:1\r\n"),
        (SetReply([1]), b"*1\r\n:1\r\n", b"~1\r\n:1\r\n"),
        (PushReply([1]), b"*1\r\n:1\r\n", b">1\r\n:1\r\n"),
        (Verbatim(b"x"), b"$1\r\nx\r\n", b"=5\r\ntxt:x\r\n"),
    ],
)
def test_every_shape_of_reply_has_its_form_in_both_versions(reply: Any, resp2: bytes, resp3: bytes) -> None:
    """A reply keeps its type in RESP3 and falls back to strings and arrays in RESP2."""
    assert (encode(reply, RESP2), encode(reply, RESP3)) == (resp2, resp3)


@pytest.mark.parametrize(
    ("value", "shortest", "long"),
    [
        (3.2, b"3.2", b"3.2000000000000002"),
        (3.0, b"3", b"3"),
        (0.1, b"0.1", b"0.10000000000000001"),
        (1e21, b"1e+21", b"1e+21"),
        (1e-7, b"1e-7", b"9.9999999999999995e-08"),
        (-0.5, b"-0.5", b"-0.5"),
        (float("-inf"), b"-inf", b"-inf"),
    ],
)
def test_doubles_are_printed_as_the_server_s_version_prints_them(
    value: float, shortest: bytes, long: bytes
) -> None:
    """Since 7.2 a double is printed with the fewest digits, before with 17."""
    assert (format_shortest(value), format_double(value)) == (shortest, long)


@given(st.floats(allow_nan=False))
def test_a_printed_double_reads_back_as_itself(value: float) -> None:
    """Neither way of printing a double loses a bit of it."""
    assert float(format_shortest(value)) == value
    assert float(format_double(value)) == value
