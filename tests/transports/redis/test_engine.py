"""The engine is a copy: a user's own fakeredis is left alone, and reads its own clock."""

from __future__ import annotations

import subprocess
import sys
import time

import fakeredis
import pytest

from meshsim.transports.redis import engine
from tests.transports.redis.small_server import EPOCH_NS, Client, server


def test_a_user_s_fakeredis_is_not_ours() -> None:
    """The public package shares no class and no module global with the engine."""
    assert fakeredis.FakeServer is not engine.FakeServer
    assert sys.modules["fakeredis._helpers"].time is time
    assert engine.module("_helpers").time is not time


def test_both_can_be_used_at_once() -> None:
    """A fakeredis client tells real time while the engine tells the server's."""
    client = Client(server())
    real, _ = fakeredis.FakeRedis().time()
    assert abs(real - time.time()) < 60
    assert client.ask("TIME").startswith(b"*2\r\n$10\r\n%d\r\n" % (EPOCH_NS // 10**9))


@pytest.mark.parametrize("first", ["fakeredis", "meshsim.transports.redis.engine"])
def test_the_order_of_import_does_not_matter(first: str) -> None:
    """Importing the engine leaves the public package importable, and the other way round."""
    code = (
        f"import {first}, fakeredis, meshsim.transports.redis.engine as engine\n"
        "assert engine.FakeServer is not fakeredis.FakeServer"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
