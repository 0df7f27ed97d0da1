"""Commands that wait hold up nobody but their own client."""

from __future__ import annotations

import pytest

from tests.transports.redis.small_server import MS, SECOND, Client, Clock, server


def test_a_pop_waits_without_an_answer_and_takes_what_comes() -> None:
    """BLPOP on an empty list answers nothing, and then the element that another client pushes."""
    redis = server()
    waiting, pushing = Client(redis), Client(redis)
    assert waiting.ask("BLPOP", "q", 0) == b""
    assert pushing.ask("RPUSH", "q", "v") == b":1\r\n"
    assert waiting.got() == b"*2\r\n$1\r\nq\r\n$1\r\nv\r\n"
    assert pushing.ask("LLEN", "q") == b":0\r\n"


def test_a_wait_ends_at_its_very_nanosecond() -> None:
    """A pop with a timeout answers null exactly when the timeout is over, not a nanosecond earlier."""
    clock = Clock()
    client = Client(server(clock))
    client.ask("BLPOP", "q", "0.25")
    clock.run(250 * MS - 1)
    assert client.got() == b""
    clock.run(1)
    assert client.got() == b"*-1\r\n"


def test_who_came_first_is_served_first() -> None:
    """Several clients that wait for one list are served in the order in which they came."""
    redis = server()
    waiting = [Client(redis, f"c:{number}") for number in range(4)]
    for client in waiting:
        client.ask("BRPOP", "q", 0)
    Client(redis).ask("RPUSH", "q", "1", "2", "3")
    assert [client.got()[-4:-2] for client in waiting] == [b"\n3", b"\n2", b"\n1", b""]


def test_what_a_client_sends_while_it_waits_is_run_afterwards() -> None:
    """Commands behind a blocked one stay in line, and run once it is answered."""
    redis = server()
    client = Client(redis)
    assert client.ask("BLPOP", "q", 0) == b""
    assert client.ask("SET", "a", 1) == b""
    Client(redis).ask("RPUSH", "q", "v")
    assert client.got() == b"*2\r\n$1\r\nq\r\n$1\r\nv\r\n+OK\r\n"


def test_one_push_runs_through_a_chain_of_waiting_moves() -> None:
    """BLMOVE hands an element on to whoever waits for its target, in the same turn."""
    redis = server()
    first, second = Client(redis), Client(redis)
    assert first.ask("BLMOVE", "a", "b", "LEFT", "RIGHT", 0) == b""
    assert second.ask("BLPOP", "b", 0) == b""
    Client(redis).ask("LPUSH", "a", "v")
    assert first.got() == b"$1\r\nv\r\n"
    assert second.got() == b"*2\r\n$1\r\nb\r\n$1\r\nv\r\n"


def test_nothing_waits_inside_a_transaction_or_after_its_own_end() -> None:
    """In EXEC a blocking pop answers null at once; a client that has gone takes no element."""
    redis = server()
    client, gone = Client(redis), Client(redis)
    client.ask("MULTI")
    client.ask("BLPOP", "q", 0)
    assert client.ask("EXEC") == b"*1\r\n*-1\r\n"
    gone.ask("BLPOP", "q", 0)
    gone.session.close()
    assert client.ask("RPUSH", "q", "v") == b":1\r\n"
    assert client.ask("LLEN", "q") == b":1\r\n"
    assert gone.got() == b""


def test_a_transaction_wakes_the_waiting_when_it_is_done() -> None:
    """A client that waits sees a list as EXEC leaves it, not as it was in between."""
    redis = server()
    waiting, client = Client(redis), Client(redis)
    waiting.ask("BLPOP", "q", 0)
    for words in (("MULTI",), ("RPUSH", "q", "a"), ("LPOP", "q"), ("RPUSH", "q", "b")):
        client.ask(*words)
    client.ask("EXEC")
    assert waiting.got() == b"*2\r\n$1\r\nq\r\n$1\r\nb\r\n"


def test_readers_of_a_stream_all_get_the_new_entry() -> None:
    """XREAD BLOCK from $ gives every waiting client what is added next."""
    redis = server()
    readers = [Client(redis), Client(redis)]
    for reader in readers:
        assert reader.ask("XREAD", "BLOCK", 0, "STREAMS", "s", "$") == b""
    Client(redis).ask("XADD", "s", "1-1", "f", "v")
    entry = b"*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
    assert [reader.got() for reader in readers] == [entry, entry]


def test_a_consumer_whose_group_is_gone_is_told() -> None:
    """XREADGROUP that waits ends with NOGROUP when its stream is deleted and made anew."""
    redis = server()
    reader, other = Client(redis), Client(redis)
    other.ask("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    assert reader.ask("XREADGROUP", "GROUP", "g", "me", "BLOCK", 0, "STREAMS", "s", ">") == b""
    other.ask("DEL", "s")
    assert reader.got().startswith(b"-NOGROUP")


@pytest.mark.parametrize(("reason", "reply"), [((), b"*-1\r\n"), (("ERROR",), b"-UNBLOCKED ")])
def test_another_client_can_end_a_wait(reason: tuple[str, ...], reply: bytes) -> None:
    """CLIENT UNBLOCK answers the waiting client, as by timeout or with an error."""
    redis = server()
    waiting, other = Client(redis), Client(redis)
    waiting.ask("BLPOP", "q", 0)
    assert other.ask("CLIENT", "UNBLOCK", 1, *reason) == b":1\r\n"
    assert waiting.got().startswith(reply)
    assert other.ask("CLIENT", "UNBLOCK", 1) == b":0\r\n"


def test_a_pause_holds_writes_and_then_lets_them_go() -> None:
    """CLIENT PAUSE WRITE holds writes until its end and lets reads through."""
    clock = Clock()
    redis = server(clock)
    client, other = Client(redis), Client(redis)
    client.ask("CLIENT", "PAUSE", 100, "WRITE")
    assert other.ask("GET", "a") == b"$-1\r\n"
    assert other.ask("SET", "a", 1) == b""
    clock.run(SECOND)
    assert other.got() == b"+OK\r\n"


def test_a_key_of_another_type_ends_no_wait() -> None:
    """A client that waits for a list goes on waiting when the key becomes a string."""
    redis = server()
    waiting, other = Client(redis), Client(redis)
    waiting.ask("BLPOP", "q", 0)
    other.ask("SET", "q", "x")
    assert waiting.got() == b""
    other.ask("DEL", "q")
    other.ask("RPUSH", "q", "v")
    assert waiting.got() == b"*2\r\n$1\r\nq\r\n$1\r\nv\r\n"
