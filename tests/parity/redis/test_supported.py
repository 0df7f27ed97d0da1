"""The table of commands says what is missing: a real server's list has nothing beyond it."""

from __future__ import annotations

from meshsim.transports.redis.supported import MISSING, operations
from tests.parity.redis.wire import Real


def test_every_command_of_a_real_server_is_there_or_said_to_be_missing(real_port: int) -> None:
    """What the real server lists is what ours has, and what the table says that it lacks; nothing is in both."""
    real = Real(real_port)
    _, replies = real.ask(b"COMMAND", b"LIST")
    real.close()
    names = {name.decode().replace("|", " ") for _, name in replies}
    containers = {name.partition(" ")[0] for name in names if " " in name}
    ours = {operation.name.lower() for operation in operations()}
    assert sorted(names - containers - ours - set(MISSING)) == []
    assert sorted(ours & set(MISSING)) == []
    assert sorted(set(MISSING) - names) == []
