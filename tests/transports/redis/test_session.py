"""One client's dealings with a server: protocol, transactions, messages, expiry."""

from __future__ import annotations

import pytest

from tests.transports.redis.small_server import EPOCH_NS, MS, SECOND, Client, Clock, request, server


def test_a_pipeline_is_answered_in_one_piece() -> None:
    """Commands that arrive together are answered together."""
    client = Client(server())
    client.session.feed(request("SET", "a", 1) + request("INCR", "a") + request("GET", "a"))
    assert client.packets == [b"+OK\r\n:2\r\n$1\r\n2\r\n"]


def test_hello_changes_the_protocol_from_its_own_reply_on() -> None:
    """HELLO 3 answers with a map, and what follows has RESP3's types."""
    client = Client(server())
    assert client.ask("HELLO", 3).startswith(b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n")
    client.ask("SADD", "s", "x")
    assert client.ask("SMEMBERS", "s") == b"~1\r\n$1\r\nx\r\n"
    assert client.ask("HELLO", 4) == b"-NOPROTO unsupported protocol version\r\n"
    client.ask("RESET")
    assert client.ask("SMEMBERS", "s") == b"*1\r\n$1\r\nx\r\n"


def test_a_password_is_asked_for_and_checked() -> None:
    """With a password nothing but logging in is allowed before it was given."""
    client = Client(server(password="secret"))
    assert client.ask("GET", "a") == b"-NOAUTH Authentication required.\r\n"
    assert client.ask("AUTH", "wrong").startswith(b"-WRONGPASS ")
    assert client.ask("HELLO", 3).startswith(b"-NOAUTH ")
    assert client.ask("HELLO", 3, "AUTH", "default", "secret").startswith(b"%7")
    assert client.ask("GET", "a") == b"_\r\n"


def test_a_newer_command_is_unknown_to_an_older_server() -> None:
    """The server's version says which commands it has."""
    old, new = Client(server(version="7.0")), Client(server(version="7.4"))
    assert old.ask("HEXPIRE", "h", 1, "FIELDS", 1, "f").startswith(b"-ERR unknown command 'HEXPIRE'")
    assert new.ask("HEXPIRE", "h", 1, "FIELDS", 1, "f") == b"*1\r\n:-2\r\n"
    assert old.ask("CLIENT", "SETINFO", "LIB-NAME", "x").startswith(b"-ERR unknown subcommand 'SETINFO'")


def test_a_watched_key_that_was_written_or_expired_stops_the_transaction() -> None:
    """EXEC answers null when a watched key changed, be it by another client or by its time being over."""
    clock = Clock()
    redis = server(clock)
    client, other = Client(redis), Client(redis)
    for change in (lambda: other.ask("SET", "a", 2), lambda: clock.run(SECOND)):
        other.ask("SET", "a", 1, "PX", 500)
        client.ask("WATCH", "a")
        change()
        client.ask("MULTI")
        client.ask("SET", "b", 1)
        assert client.ask("EXEC") == b"*-1\r\n"
    client.ask("MULTI")
    client.ask("SET", "b", 1)
    assert client.ask("EXEC") == b"*1\r\n+OK\r\n"


def test_a_command_that_cannot_be_queued_stops_the_transaction() -> None:
    """An unknown command in MULTI makes EXEC refuse; an error while it runs does not undo the others."""
    client = Client(server())
    client.ask("MULTI")
    client.ask("NOSUCH")
    assert client.ask("EXEC") == b"-EXECABORT Transaction discarded because of previous errors.\r\n"
    for words in (("MULTI",), ("SET", "a", "x"), ("INCR", "a"), ("SET", "b", 1)):
        client.ask(*words)
    reply = client.ask("EXEC")
    assert reply == b"*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n+OK\r\n"


@pytest.mark.parametrize(("protocol", "sign"), [(2, b"*"), (3, b">")])
def test_messages_reach_subscribers_in_the_order_of_their_subscription(protocol: int, sign: bytes) -> None:
    """PUBLISH reaches channels and patterns, as pushes in RESP3, and says how many got it."""
    redis = server()
    listener, by_pattern, publisher = Client(redis), Client(redis), Client(redis)
    for client in (listener, by_pattern):
        client.ask("HELLO", protocol)
    assert listener.ask("SUBSCRIBE", "news") == sign + b"3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"
    by_pattern.ask("PSUBSCRIBE", "n*")
    assert publisher.ask("PUBLISH", "news", "hi") == b":2\r\n"
    assert listener.got() == sign + b"3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"
    assert by_pattern.got() == sign + b"4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n"


def test_a_subscriber_may_only_command_in_resp3() -> None:
    """In RESP2 a subscribed client is refused other commands, in RESP3 it is not."""
    redis = server()
    old, new = Client(redis), Client(redis)
    new.ask("HELLO", 3)
    old.ask("SUBSCRIBE", "c")
    new.ask("SUBSCRIBE", "c")
    assert old.ask("GET", "a").startswith(b"-ERR Can't execute 'get'")
    assert new.ask("GET", "a") == b"_\r\n"
    assert old.ask("PING") == b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"


def test_keys_expire_on_the_server_s_clock() -> None:
    """A key lives through its last millisecond and is gone in the next one."""
    clock = Clock()
    client = Client(server(clock))
    client.ask("SET", "a", 1, "PX", 1500)
    clock.run(1500 * MS)
    assert client.ask("PTTL", "a") == b":0\r\n"
    clock.run(MS)
    assert client.ask("GET", "a") == b"$-1\r\n"


@pytest.mark.parametrize(
    "words", [("SETEX", "a", 2, "x"), ("PSETEX", "a", 2000, "x"), ("GETEX", "a", "PX", 2000)]
)
def test_no_deadline_is_cut_to_whole_seconds(words: tuple[str, ...]) -> None:
    """Deadlines keep their milliseconds, which the engine's own commands drop."""
    clock = Clock()
    client = Client(server(clock))
    client.ask("SET", "a", 1)
    clock.run(700 * MS)
    client.ask(*words)
    assert client.ask("PTTL", "a") == b":2000\r\n"


def test_time_and_stream_ids_are_the_server_s() -> None:
    """TIME, XADD and OBJECT IDLETIME read the clock that the server was given."""
    clock = Clock()
    client = Client(server(clock))
    clock.run(3 * SECOND + 5 * MS)
    seconds = EPOCH_NS // SECOND + 3
    assert client.ask("TIME") == b"*2\r\n$10\r\n%d\r\n$4\r\n5000\r\n" % seconds
    assert client.ask("XADD", "s", "*", "f", "v") == b"$15\r\n%d005-0\r\n" % seconds
    clock.run(40 * SECOND)
    assert client.ask("OBJECT", "IDLETIME", "s") == b":40\r\n"


def test_keyspace_events_come_only_when_they_are_switched_on() -> None:
    """Without notify-keyspace-events nobody hears of a write; with it, of writes and of expiry."""
    clock = Clock()
    redis = server(clock)
    listener, client = Client(redis), Client(redis)
    listener.ask("PSUBSCRIBE", "__key*")
    client.ask("SET", "a", 1)
    assert listener.got() == b""
    client.ask("CONFIG", "SET", "notify-keyspace-events", "KEA")
    assert client.ask("CONFIG", "GET", "notify-keyspace-events").endswith(b"$3\r\nAKE\r\n")
    client.ask("SET", "a", 1, "PX", 10)
    assert b"__keyevent@0__:set" in listener.got()
    clock.run(SECOND)
    client.ask("GET", "a")
    assert b"__keyspace@0__:a\r\n$7\r\nexpired" in listener.got()


def test_a_client_can_be_thrown_out() -> None:
    """CLIENT KILL closes another connection, QUIT one's own after its reply."""
    redis = server()
    victim, client = Client(redis), Client(redis)
    assert client.ask("CLIENT", "KILL", "ID", 1) == b":1\r\n"
    assert victim.closed
    assert client.ask("QUIT") == b"+OK\r\n"
    assert client.closed
    assert len(redis.sockets) == 0


def test_what_is_no_resp_is_answered_and_ends_the_connection() -> None:
    """A protocol error is told to the client before it is disconnected."""
    client = Client(server())
    client.session.feed(b"*1\r\n:1\r\n")
    assert client.got() == b"-ERR Protocol error: expected '$', got ':'\r\n"
    assert client.closed


def test_copy_makes_a_second_value() -> None:
    """After COPY a write to one key leaves the other alone, which the engine's own COPY does not."""
    client = Client(server())
    client.ask("RPUSH", "a", 1)
    client.ask("COPY", "a", "b")
    client.ask("RPUSH", "a", 2)
    assert client.ask("LRANGE", "b", 0, -1) == b"*1\r\n$1\r\n1\r\n"


def test_what_dump_gives_restore_takes() -> None:
    """DUMP and RESTORE carry every type of value; a payload that was changed is refused."""
    client = Client(server())
    client.ask("ZADD", "z", 1, "a")
    client.ask("XADD", "s", "1-1", "f", "v")
    client.ask("SADD", "m", "x")
    for key in ("z", "s", "m"):
        payload = client.ask("DUMP", key).partition(b"\r\n")[2][:-2]
        assert client.ask("RESTORE", key + "2", 0, payload) == b"+OK\r\n"
        assert client.ask("TYPE", key + "2") == client.ask("TYPE", key)
        bad = client.ask("RESTORE", key + "3", 0, payload[:-1] + b"~")
        assert bad == b"-ERR DUMP payload version or checksum are wrong\r\n"


def test_a_fault_can_answer_or_hold_up_a_command() -> None:
    """An interception sends its error in place of a reply, or lets the command run later."""
    clock = Clock()
    redis = server(clock)
    client = Client(redis)
    redis.faults = ["one"]
    redis.intercept = lambda _caller, fields: (0, "LOADING wait") if fields[0] == b"GET" else (5 * MS, None)
    assert client.ask("GET", "a") == b"-LOADING wait\r\n"
    assert client.ask("SET", "a", 1) == b""
    clock.run(5 * MS)
    assert client.got() == b"+OK\r\n"
