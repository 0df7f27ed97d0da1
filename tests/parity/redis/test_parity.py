"""Command by command, our server answers as a real one does, types and error texts included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.parity.redis.sequences import KINDS, alike
from tests.parity.redis.wire import Ours, Real

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def real(real_port: int) -> Iterator[Real]:
    """A connection to the real server."""
    connection = Real(real_port)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def version(real: Real) -> str:
    """The real server's version, which ours then claims."""
    text: bytes = real.ask(b"INFO", b"server")[1]
    return next(line for line in text.decode().splitlines() if line.startswith("redis_version:")).partition(
        ":"
    )[2]


@pytest.mark.parametrize("protocol", [b"2", b"3"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_of_commands_gets_the_same_replies(
    kind: str, protocol: bytes, real: Real, version: str
) -> None:
    """The same words in the same order get the same replies from both, in either version of the protocol."""

    # The same sequences in every run: a difference that nobody has looked for yet is found by
    # raising max_examples on purpose, not by somebody else's build.
    @settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(KINDS[kind], max_size=20))
    def check(commands: list[tuple[bytes, ...]]) -> None:
        ours = Ours(version)
        real.ask(b"RESET")
        beginning: list[tuple[bytes, ...]] = [(b"FLUSHALL",), (b"SCRIPT", b"FLUSH"), (b"HELLO", protocol)]
        for words in beginning:
            real.ask(*words)
            ours.ask(*words)
        for words in commands:
            expected, got = real.ask(*words), ours.ask(*words)
            assert alike(words, expected, got), (words, expected, got)

    check()
