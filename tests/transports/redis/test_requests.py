"""Commands are cut from bytes as a real server cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.transports.redis.requests import ProtocolError, RequestParser, whole_command
from tests.transports.redis.small_server import request

WORDS = st.lists(st.binary(max_size=12) | st.just(b"\r\n") | st.just(b"a\r\n$1\r\nb"), min_size=1, max_size=5)


@given(commands=st.lists(WORDS, min_size=1, max_size=4), data=st.data())
def test_commands_survive_every_way_of_splitting_the_stream(
    commands: list[list[bytes]], data: st.DataObject
) -> None:
    """However the bytes of commands are cut into packets, the same commands come out."""
    stream = b"".join(request(*words) for words in commands)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    parser = RequestParser()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += parser.feed(stream[start:end])
    assert found == commands
    assert parser.idle


@given(words=WORDS)
def test_the_short_way_never_disagrees_with_the_general_one(words: list[bytes]) -> None:
    """What the short way takes for one command is that command; a word with a line end it leaves alone."""
    found = whole_command(request(*words))
    assert found == words if not any(b"\r\n" in word for word in words) else found in (None, words)


def test_a_line_of_words_is_a_command() -> None:
    """An inline command, as one types it into telnet, is cut at blanks."""
    assert RequestParser().feed(b"SET a 1\r\nPING\r\n") == [[b"SET", b"a", b"1"], [b"PING"]]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"*x\r\n", "invalid multibulk length"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n$-5\r\n", "invalid bulk length"),
        (b"*9999999999\r\n", "invalid multibulk length"),
    ],
)
def test_what_is_no_resp_is_refused_in_redis_words(data: bytes, text: str) -> None:
    """A stream that is no RESP is refused with the text of Redis."""
    with pytest.raises(ProtocolError, match=text.replace("$", r"\$")):
        RequestParser().feed(data)
