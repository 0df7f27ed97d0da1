"""Every exception: pyzmq's own, with libzmq's number and words, at the same place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import zmq

if TYPE_CHECKING:
    from collections.abc import Callable

    Context = zmq.Context[zmq.Socket[bytes]]

pytestmark = pytest.mark.usefixtures("arm")
EINVAL_WORDS = "Invalid argument"


def outcome(call: Callable[[], Any]) -> tuple[str, Any, str] | None:
    """Return what a call raised: its type, number and words."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        return type(error).__name__, getattr(error, "errno", None), str(error)
    return None


@pytest.mark.parametrize(
    ("address", "number", "words"),
    [
        ("tcp://127.0.0.1", 22, EINVAL_WORDS),
        ("tcp://127.0.0.1:abc", 22, EINVAL_WORDS),
        ("tcp://nosuch.example:*", 19, "No such device"),
        ("tcp://eth9:*", 19, "No such device"),
        ("tcp://:5555", 19, "No such device"),
        ("tcp://8.8.8.8:5", 99, "Cannot assign requested address"),
        ("foo://x", 93, "Protocol not supported"),
        ("pgm://x:1", 93, "Protocol not supported"),
        ("nothing", 22, EINVAL_WORDS),
        ("", 22, EINVAL_WORDS),
        ("tcp://", 22, EINVAL_WORDS),
        ("inproc://", 22, EINVAL_WORDS),
        ("ipc://", 22, EINVAL_WORDS),
        ("udp://x:1", 156384764, "The protocol is not compatible with the socket type"),
        ("ipc:///nonexistent/dir/x", 2, 'No such file or directory for ipc path "/nonexistent/dir/x".'),
    ],
)
def test_an_address_that_cannot_be_bound(ctx: Context, address: str, number: int, words: str) -> None:
    """bind() refuses a wrong address with the number and words that libzmq has for it."""
    socket = ctx.socket(zmq.REP)
    assert outcome(lambda: socket.bind(address)) == ("ZMQError", number, f"{words} (addr={address!r})")
    assert socket.last_endpoint == b""


def test_a_path_that_is_too_long(ctx: Context) -> None:
    """An ipc path of more than 107 characters is refused with pyzmq's own words."""
    found = outcome(lambda: ctx.socket(zmq.REP).bind("ipc://" + "a" * 200))
    assert found is not None
    assert found[:2] == ("ZMQError", 36)
    assert "is longer than 107 characters (sizeof(sockaddr_un.sun_path))" in found[2]


@pytest.mark.parametrize(
    ("address", "number", "words"),
    [
        ("tcp://127.0.0.1", 22, EINVAL_WORDS),
        ("tcp://127.0.0.1:*", 22, EINVAL_WORDS),
        ("tcp://127.0.0.1:abc", 22, EINVAL_WORDS),
        ("tcp://*:55", 22, EINVAL_WORDS),
        ("tcp://a b:5", 22, EINVAL_WORDS),
        ("tcp://", 22, EINVAL_WORDS),
        (" tcp://127.0.0.1:5", 93, "Protocol not supported"),
        ("foo://x", 93, "Protocol not supported"),
        ("nothing", 22, EINVAL_WORDS),
        ("inproc://", 22, EINVAL_WORDS),
        ("ipc://", 22, EINVAL_WORDS),
        ("udp://x:1", 156384764, "The protocol is not compatible with the socket type"),
    ],
)
def test_an_address_that_cannot_be_connected(ctx: Context, address: str, number: int, words: str) -> None:
    """connect() refuses a wrong address with the number and words that libzmq has for it."""
    socket = ctx.socket(zmq.REQ)
    assert outcome(lambda: socket.connect(address)) == ("ZMQError", number, f"{words} (addr={address!r})")


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:0", "inproc://none", "ipc:///nonexistent/x", "tcp://:55"]
)
def test_an_address_where_nobody_is(ctx: Context, address: str) -> None:
    """connect() to where nobody listens is no error: somebody may bind it later."""
    assert outcome(lambda: ctx.socket(zmq.DEALER).connect(address)) is None


def test_a_second_bind(ctx: Context) -> None:
    """A port or a name that is bound already gives EADDRINUSE."""
    first, second = ctx.socket(zmq.REP), ctx.socket(zmq.REP)
    address = f"tcp://127.0.0.1:{first.bind_to_random_port('tcp://127.0.0.1')}"
    first.bind("inproc://name")
    words = "Address already in use"
    assert outcome(lambda: second.bind(address)) == (
        "ZMQError",
        zmq.EADDRINUSE,
        f"{words} (addr={address!r})",
    )
    assert outcome(lambda: second.bind("inproc://name")) == (
        "ZMQError",
        zmq.EADDRINUSE,
        f"{words} (addr='inproc://name')",
    )


def test_what_was_not_bound_cannot_be_unbound(ctx: Context) -> None:
    """unbind() and disconnect() of another address give ENOENT, of no address EINVAL."""
    socket = ctx.socket(zmq.REP)
    address = f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"
    socket.unbind(address)
    gone = ("ZMQError", 2, "No such file or directory")
    assert outcome(lambda: socket.unbind(address)) == gone
    assert outcome(lambda: socket.disconnect(address)) == gone
    assert outcome(lambda: socket.unbind("bad")) == ("ZMQError", 22, EINVAL_WORDS)


def test_no_free_port_in_the_range(ctx: Context) -> None:
    """bind_to_random_port() gives up after its tries with pyzmq's own error."""
    first, second = ctx.socket(zmq.REP), ctx.socket(zmq.REP)
    port = first.bind_to_random_port("tcp://127.0.0.1")
    with pytest.raises(zmq.ZMQBindError, match="Could not bind socket to random port"):
        second.bind_to_random_port("tcp://127.0.0.1", port, port + 1, 3)


EFSM = ("ZMQError", zmq.EFSM, "Operation cannot be accomplished in current state")
ENOTSUP = ("ZMQError", zmq.ENOTSUP, "Operation not supported")


def test_the_wrong_turn(ctx: Context) -> None:
    """REQ and REP refuse to speak out of turn with EFSM, also in the middle of a message."""
    rep, req = ctx.socket(zmq.REP), ctx.socket(zmq.REQ)
    req.connect(f"tcp://127.0.0.1:{rep.bind_to_random_port('tcp://127.0.0.1')}")
    assert outcome(lambda: rep.send(b"")) == EFSM
    assert outcome(req.recv) == EFSM
    req.send_multipart([b"1", b"2"])
    assert outcome(lambda: req.send(b"")) == EFSM
    rep.recv()
    assert outcome(lambda: rep.send(b"")) == EFSM
    rep.recv()
    assert outcome(rep.recv) == EFSM
    rep.send(b"reply")
    assert outcome(lambda: rep.send(b"")) == EFSM
    req.recv()


@pytest.mark.parametrize("kind", [zmq.PUB, zmq.PUSH])
def test_who_only_sends(ctx: Context, kind: int) -> None:
    """PUB and PUSH cannot receive."""
    socket = ctx.socket(kind)
    assert outcome(socket.recv) == ENOTSUP


@pytest.mark.parametrize("kind", [zmq.SUB, zmq.PULL])
def test_who_only_receives(ctx: Context, kind: int) -> None:
    """SUB and PULL cannot send."""
    socket = ctx.socket(kind)
    assert outcome(lambda: socket.send(b"")) == ENOTSUP


AGAIN = ("Again", zmq.EAGAIN, "Resource temporarily unavailable")


def test_nothing_to_do_now(ctx: Context) -> None:
    """Without a peer, sending and receiving with NOBLOCK or a timeout gives Again."""
    push, pull, pair = ctx.socket(zmq.PUSH), ctx.socket(zmq.PULL), ctx.socket(zmq.PAIR)
    push.sndtimeo = pull.rcvtimeo = 30
    assert outcome(lambda: push.send(b"", zmq.NOBLOCK)) == AGAIN
    assert outcome(lambda: push.send(b"")) == AGAIN
    assert outcome(lambda: pull.recv(zmq.NOBLOCK)) == AGAIN
    assert outcome(pull.recv) == AGAIN
    assert outcome(lambda: pair.send(b"", zmq.NOBLOCK)) == AGAIN
    push.sndtimeo = 0
    assert outcome(lambda: push.send(b"")) == AGAIN


def test_the_wrong_type(ctx: Context) -> None:
    """Text and numbers are refused by pyzmq's own TypeErrors."""
    pub, sub = ctx.socket(zmq.PUB), ctx.socket(zmq.SUB)
    assert [
        outcome(lambda: pub.send("x")),  # type: ignore[call-overload]  # what is wrong is the point
        outcome(lambda: pub.send(3)),  # type: ignore[call-overload]  # as above
        outcome(lambda: pub.send_multipart([b"", 3])),  # type: ignore[list-item]  # as above
        outcome(lambda: pub.send_string(b"")),  # type: ignore[arg-type]  # as above
        outcome(lambda: sub.setsockopt(zmq.IDENTITY, "x")),  # type: ignore[arg-type]  # as above
        outcome(lambda: sub.setsockopt(zmq.LINGER, b"x")),
        outcome(lambda: sub.setsockopt(zmq.IDENTITY, 5)),
        outcome(lambda: pub.connect(5)),  # type: ignore[arg-type]  # as above
    ] == [
        ("TypeError", None, "unicode not allowed, use send_string"),
        ("TypeError", None, "a bytes-like object is required, not 'int'"),
        ("TypeError", None, "Frame 1 (3) does not support the buffer interface."),
        ("TypeError", None, "str objects only"),
        ("TypeError", None, "unicode not allowed, use setsockopt_string"),
        ("TypeError", None, "expected int, got: b'x'"),
        ("TypeError", None, "expected bytes, got: 5"),
        ("TypeError", None, "Expected addr to be str, got addr=5"),
    ]
    assert outcome(lambda: pub.send_multipart([])) == ("IndexError", None, "list index out of range")


def test_a_closed_socket(ctx: Context) -> None:
    """A closed socket gives ENOTSOCK, its poll ENOTSUP, and closing it once more nothing."""
    socket = ctx.socket(zmq.REQ)
    socket.close()
    closed = ("ZMQError", zmq.ENOTSOCK, "Socket operation on non-socket")
    calls: list[Callable[[], Any]] = [
        lambda: socket.send(b""),
        socket.recv,
        lambda: socket.getsockopt(zmq.TYPE),
        lambda: socket.setsockopt(zmq.LINGER, 0),
        lambda: socket.unbind("inproc://q"),
        socket.get_monitor_socket,
        lambda: socket.send_multipart([b"a", b"b"]),
        socket.recv_multipart,
    ]
    assert [outcome(call) for call in calls] == [closed] * len(calls)
    assert outcome(lambda: socket.poll(0)) == ENOTSUP
    assert outcome(socket.close) is None
    assert socket.closed
    assert "closed" in repr(socket)


def test_options_that_are_refused(ctx: Context) -> None:
    """Values out of range, options of another type and unknown numbers give EINVAL."""
    sub, pub, req = ctx.socket(zmq.SUB), ctx.socket(zmq.PUB), ctx.socket(zmq.REQ)
    wrong = ("ZMQError", 22, EINVAL_WORDS)
    calls: list[Callable[[], Any]] = [
        lambda: sub.setsockopt(zmq.IDENTITY, b"x" * 256),
        lambda: sub.setsockopt(zmq.IDENTITY, b""),
        lambda: sub.setsockopt(zmq.SNDHWM, -1),
        lambda: sub.setsockopt(zmq.LINGER, -5),
        lambda: sub.setsockopt(zmq.RCVTIMEO, -2),
        lambda: sub.setsockopt(9999, 1),
        lambda: sub.getsockopt(9999),
        lambda: sub.getsockopt(zmq.SUBSCRIBE),
        lambda: pub.setsockopt(zmq.SUBSCRIBE, b""),
        lambda: req.setsockopt(zmq.XPUB_VERBOSE, 1),
        lambda: req.setsockopt(zmq.ROUTER_MANDATORY, 1),
        lambda: req.getsockopt(zmq.REQ_RELAXED),
        lambda: req.setsockopt(zmq.IMMEDIATE, 2),
    ]
    assert [outcome(call) for call in calls] == [wrong] * len(calls)
    assert outcome(lambda: sub.xpub_verbose) == (
        "AttributeError",
        None,
        "xpub_verbose attribute is write-only",
    )
    assert outcome(lambda: sub.nosuch) == ("AttributeError", None, "Socket has no such option: NOSUCH")
    assert outcome(lambda: setattr(sub, "nosuch", 1)) == (
        "AttributeError",
        None,
        "Socket has no such option: NOSUCH",
    )


def test_the_defaults_of_options(ctx: Context) -> None:
    """Options have libzmq's defaults, and what is set is given back."""
    socket = ctx.socket(zmq.DEALER)
    names = (
        "affinity routing_id rate recovery_ivl sndbuf rcvbuf rcvmore events type linger reconnect_ivl backlog "
        "reconnect_ivl_max maxmsgsize sndhwm rcvhwm multicast_hops last_endpoint ipv4only tcp_keepalive "
        "tcp_keepalive_cnt tcp_keepalive_idle tcp_keepalive_intvl immediate ipv6 mechanism conflate tos "
        "handshake_ivl invert_matching heartbeat_ivl heartbeat_ttl heartbeat_timeout connect_timeout tcp_maxrt "
        "thread_safe multicast_maxtpdu use_fd socks_proxy bindtodevice zap_domain"
    ).split()
    assert {name: getattr(socket, name) for name in names} == {
        "affinity": 0, "routing_id": b"", "rate": 100, "recovery_ivl": 10000, "sndbuf": -1, "rcvbuf": -1,
        "rcvmore": 0, "events": 0, "type": zmq.DEALER, "linger": -1, "reconnect_ivl": 100, "backlog": 100,
        "reconnect_ivl_max": 0, "maxmsgsize": -1, "sndhwm": 1000, "rcvhwm": 1000, "multicast_hops": 1,
        "last_endpoint": b"", "ipv4only": 1, "tcp_keepalive": -1, "tcp_keepalive_cnt": -1,
        "tcp_keepalive_idle": -1, "tcp_keepalive_intvl": -1, "immediate": 0, "ipv6": 0, "mechanism": 0,
        "conflate": 0, "tos": 0, "handshake_ivl": 30000, "invert_matching": 0, "heartbeat_ivl": 0,
        "heartbeat_ttl": 0, "heartbeat_timeout": -1, "connect_timeout": 0, "tcp_maxrt": 0, "thread_safe": 0,
        "multicast_maxtpdu": 1500, "use_fd": -1, "socks_proxy": b"", "bindtodevice": b"", "zap_domain": b"",
    }  # fmt: skip
    socket.linger = 12
    socket.hwm = 3
    socket.identity = b"\0me"
    socket.setsockopt_string(zmq.ROUTING_ID, "named")
    assert (socket.linger, socket.sndhwm, socket.rcvhwm, socket.hwm) == (12, 3, 3, 3)
    assert (socket.identity, socket.getsockopt_string(zmq.ROUTING_ID)) == (b"named", "named")
    assert ctx.socket(zmq.SUB).linger in (0, -1)


def test_context_options_and_ends(ctx: Context) -> None:
    """A context's options, its closed state, and what a closed one refuses."""
    assert (ctx.get(zmq.IO_THREADS), ctx.get(zmq.MAX_SOCKETS), ctx.get(zmq.SOCKET_LIMIT)) == (1, 1023, 65535)
    wrong = ("ZMQError", 22, EINVAL_WORDS)
    assert outcome(lambda: ctx.get(99)) == wrong
    assert outcome(lambda: ctx.set(99, 1)) == wrong
    assert outcome(lambda: ctx.set(zmq.IO_THREADS, -1)) == wrong
    other = zmq.Context()
    assert not other.closed
    other.term()
    assert other.closed
    assert outcome(lambda: other.socket(zmq.REQ)) == ENOTSUP
    assert outcome(lambda: other.get(1)) == ("RuntimeError", None, "Context has been destroyed")
    assert outcome(other.term) is None
    assert isinstance(other, zmq.Context)
    assert repr(other).startswith("<zmq.Context() at 0x")
    assert repr(other).endswith(" closed>")


def test_a_socket_type_that_there_is_not(ctx: Context) -> None:
    """Unknown numbers are refused: EINVAL by libzmq, TypeError by pyzmq for negative ones."""
    assert outcome(lambda: ctx.socket(21)) == ("ZMQError", 22, EINVAL_WORDS)
    assert outcome(lambda: ctx.socket(-1)) == ("TypeError", None, "socket_type must be specified")


def test_too_many_sockets(ctx: Context) -> None:
    """MAX_SOCKETS is a limit: one more gives EMFILE."""
    small: Context = zmq.Context()
    small.set(zmq.MAX_SOCKETS, 2)
    kept = [small.socket(zmq.PUB), small.socket(zmq.PUB)]
    assert outcome(lambda: small.socket(zmq.PUB)) == ("ZMQError", 24, "Too many open files")
    assert len(kept) == 2
    small.destroy(linger=0)


def test_what_cannot_be_polled(ctx: Context) -> None:
    """Only sockets, descriptors and things with a fileno() can be polled."""
    assert ctx is not None
    thing: Any = object()
    found = outcome(lambda: zmq.zmq_poll([(thing, zmq.POLLIN)], 0))
    words = f"Socket must be a 0MQ socket, an integer fd or have a fileno() method: {thing!r}"
    assert found == ("TypeError", None, words)
    assert zmq.Poller().poll(0) == []
