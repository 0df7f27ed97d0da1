"""Scripts see the Lua of Redis 7, and nothing of the machine that runs them."""

from __future__ import annotations

import pytest

from tests.transports.redis.small_server import Client, server


def run(client: Client, script: str, *words: object) -> bytes:
    """Run a script with keys and arguments as given, none by default."""
    return client.ask("EVAL", script, *(words or (0,)))


@pytest.mark.parametrize(
    "name", ["os", "io", "debug", "package", "require", "python", "print", "dofile", "getfenv"]
)
def test_nothing_outside_of_redis_can_be_reached(name: str) -> None:
    """Globals that Redis does not have do not exist, so that no script reads a clock or a file."""
    reply = run(Client(server()), f"return {name}")
    assert reply.startswith(
        f"-ERR user_script:1: Script attempted to access nonexistent global variable '{name}'".encode()
    )


def test_an_error_names_the_script_and_its_line() -> None:
    """A refused call in a script tells its digest and the line, also from a tail call."""
    reply = run(Client(server()), "local a = 1\nreturn redis.call('NOSUCH')")
    assert reply.startswith(b"-ERR Unknown Redis command called from script script: ")
    assert reply.endswith(b", on @user_script:2.\r\n")


def test_a_caught_error_is_text_and_a_pcall_s_is_a_table() -> None:
    """Pcall gives a script the error's text; redis.pcall gives a table with `err`, which can be returned."""
    client = Client(server())
    assert run(client, "local ok, e = pcall(redis.call, 'NOSUCH') return e").startswith(b"$44\r\nERR Unknown")
    assert run(client, "return redis.pcall('NOSUCH')") == b"-ERR Unknown Redis command called from script\r\n"
    assert run(client, "redis.pcall('NOSUCH') return 1") == b":1\r\n"


def test_random_numbers_are_redis_own() -> None:
    """math.random gives drand48's sequence, the same on every server, and can be seeded."""
    assert (
        run(Client(server(seed=1)), "return {math.random(10), math.random(5, 10)}") == b"*2\r\n:4\r\n:10\r\n"
    )
    assert (
        run(Client(server(seed=2)), "return {math.random(10), math.random(5, 10)}") == b"*2\r\n:4\r\n:10\r\n"
    )
    seeded = run(Client(server()), "math.randomseed(0) return {math.random(100), math.random(100)}")
    assert seeded == b"*2\r\n:18\r\n:75\r\n"


def test_no_address_is_printed() -> None:
    """Tables and functions print as numbers of their own, the same in every run."""
    first = run(Client(server()), "local t = {} return {tostring(t), tostring(redis.call), tostring(t)}")
    again = run(Client(server()), "local t = {} return {tostring(t), tostring(redis.call), tostring(t)}")
    assert first == again
    assert b"table: 0x000000000001" in first


def test_a_script_that_was_evaluated_is_known_by_its_digest() -> None:
    """EVALSHA finds what EVAL or SCRIPT LOAD brought, and nothing after SCRIPT FLUSH."""
    client = Client(server())
    digest = client.ask("SCRIPT", "LOAD", "return ARGV[1]")[5:-2]
    assert client.ask("EVALSHA", digest.upper(), 0, "x") == b"$1\r\nx\r\n"
    assert client.ask("SCRIPT", "EXISTS", digest, "ff") == b"*2\r\n:1\r\n:0\r\n"
    client.ask("SCRIPT", "FLUSH")
    assert client.ask("EVALSHA", digest, 0).startswith(b"-NOSCRIPT ")


def test_globals_of_one_script_are_not_seen_by_the_next() -> None:
    """A script cannot set a global, nor change the tables that all scripts share."""
    client = Client(server())
    for script in ("x = 1", "redis.x = 1", "string.x = 1", "_G.x = 1"):
        assert b"Attempt to modify a readonly table" in run(client, script)


def test_a_read_only_script_may_not_write() -> None:
    """EVAL_RO and the flag no-writes refuse a write from the script."""
    client = Client(server())
    text = b"-ERR Write commands are not allowed from read-only scripts."
    assert client.ask("EVAL_RO", "return redis.call('SET', 'a', 1)", 0).startswith(text)
    assert run(client, "#!lua flags=no-writes\nreturn redis.call('SET', 'a', 1)").startswith(text)
    assert client.ask("EVAL_RO", "return redis.call('GET', 'a')", 0) == b"$-1\r\n"


def test_json_goes_both_ways_as_in_redis() -> None:
    """Cjson keeps null, escapes what lua-cjson escapes, and tells arrays from objects."""
    client = Client(server())
    assert run(client, "return cjson.encode({a = {1, 2, {}}})") == b'$14\r\n{"a":[1,2,{}]}\r\n'
    assert (
        run(client, "return cjson.encode(cjson.decode('[null,1.5,\"x/y\"]'))")
        == b'$17\r\n[null,1.5,"x\\/y"]\r\n'
    )
    assert run(client, "return cjson.decode('\"\\\\u00e9\"')") == b"$2\r\n\xc3\xa9\r\n"
