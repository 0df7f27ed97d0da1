"""Where pyzmq ends and the mesh begins, and that nothing of it is left behind."""

from __future__ import annotations

import gc
import importlib
import sys
import threading
import types
import weakref
from typing import Any

import pytest
import zmq
import zmq.devices
import zmq.sugar.poll

from meshsim.errors import FenceError, UnsupportedOperation
from meshsim.world import World


def nothing() -> None:
    """Be the service that every world has."""


def small_world(**options: Any) -> World:
    return World(seed=1, **options).service("idle", python=nothing)


def everything() -> dict[str, Any]:
    """Return every name of pyzmq that a world could have replaced, with what it is now."""
    found: dict[str, Any] = {}
    for name in sorted(sys.modules):
        if name == "zmq" or name.startswith("zmq."):
            for key, value in vars(sys.modules[name]).items():
                if not key.startswith("__"):
                    found[f"{name}.{key}"] = value
    for owner in (zmq.Context, zmq.Socket, zmq.Frame, zmq.devices.Device):
        for key, value in vars(owner).items():
            found[f"{owner.__name__}.{key}"] = value
    return found


def test_every_name_is_given_back() -> None:
    """After a world every name of pyzmq is the original object, and no name is new."""
    before = everything()
    with small_world():
        assert everything() != before
        with zmq.Context() as context:
            context.socket(zmq.PUB).close()
        zmq.Context.instance().term()
    after = everything()
    assert set(after) == set(before)
    assert [name for name in before if before[name] is not after[name]] == []


def test_objects_of_a_world_are_closed_when_it_is_over() -> None:
    """A context and a socket that outlive their world are closed, and say nothing when they are collected."""
    with small_world():
        context: Any = zmq.Context()
        socket = context.socket(zmq.REP)
        assert not socket.closed
    assert (context.closed, socket.closed) == (True, True)
    with pytest.raises(zmq.ZMQError) as caught:
        socket.send(b"x")
    assert caught.value.errno == zmq.ENOTSOCK
    del socket, context
    gc.collect()


def test_no_real_thread_is_started() -> None:
    """A world full of contexts, sockets, shadows, frames and monitors starts no thread of libzmq."""

    def threads() -> int:
        with open("/proc/self/status", encoding="ascii") as status:
            return int(next(line for line in status if line.startswith("Threads:")).split()[1])

    before = threads()
    with small_world():
        context: Any = zmq.Context()
        pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        monitor = pull.get_monitor_socket()
        push.connect(f"tcp://localhost:{pull.bind_to_random_port('tcp://*')}")
        push.send(bytes(1_000_000), copy=False)
        assert len(pull.recv(copy=False)) == 1_000_000
        assert zmq.Socket(pull).underlying == pull.underlying
        assert threads() == before
        monitor.close()
        context.destroy(linger=0)


def test_the_classes_stay_pyzmqs_own() -> None:
    """Inside a world isinstance, subclasses and names bound before all work."""
    bound_before = zmq.Context

    class Own(zmq.Socket[bytes]):
        said: list[bytes] = []  # noqa: RUF012 - one test's own

        def send(self, data: Any, flags: int = 0, *args: Any, **kwargs: Any) -> Any:
            self.said.append(bytes(data))
            return super().send(data, flags, *args, **kwargs)

    with small_world(), bound_before() as context:
        assert isinstance(context, zmq.Context)
        pull = context.socket(zmq.PULL)
        own = context.socket(zmq.PUSH, socket_class=Own)
        own.connect(f"tcp://localhost:{pull.bind_to_random_port('tcp://*')}")
        own.send_multipart([b"a", b"b"])
        assert pull.recv_multipart() == [b"a", b"b"]
        assert Own.said == [b"a", b"b"]
        assert isinstance(pull, zmq.Socket)
        pull.close()
        own.close()


def test_a_context_made_before_the_world_is_taken_over() -> None:
    """A context that a module made at import serves the world, and is the real one again afterwards."""
    context: Any = zmq.Context()
    with small_world():
        pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        pull.bind("inproc://x")
        push.connect("inproc://x")
        push.send(b"x")
        assert pull.recv() == b"x"
        pull.close()
        push.close()
    assert not context.closed
    real = context.socket(zmq.PUB)
    assert real.underlying < 0x5A00_0000_0000 or real.underlying > 0x5A01_0000_0000
    real.close()
    context.term()


def test_a_real_socket_is_fenced() -> None:
    """A socket made before the world, and libzmq's own classes, raise FenceError inside it."""
    context: Any = zmq.Context()
    real = context.socket(zmq.PUSH)
    with small_world():
        for call in (
            lambda: real.send(b"x"),
            real.recv,
            lambda: real.poll(0),
            lambda: real.bind("tcp://*:*"),
        ):
            with pytest.raises(FenceError, match="made before the world"):
                call()
        with pytest.raises(FenceError, match="starts libzmq's threads"):
            zmq.backend.Context()
    real.close(linger=0)
    context.term()


def test_another_thread_gets_the_real_thing() -> None:
    """A thread of the operating system, which carries no task, is not touched by a world."""
    made: list[int] = []
    go, done = threading.Event(), threading.Event()

    def outside() -> None:
        go.wait()
        with zmq.Context() as context, context.socket(zmq.PUB) as socket:
            made.append(socket.bind_to_random_port("tcp://127.0.0.1"))
        done.set()

    thread = threading.Thread(target=outside)
    thread.start()
    with small_world():
        go.set()
        while not done.is_set():
            threading.Event().wait(0.001)
    thread.join()
    assert made


@pytest.mark.parametrize(
    "kind", [zmq.CLIENT, zmq.SERVER, zmq.RADIO, zmq.DISH, zmq.SCATTER, zmq.GATHER, zmq.STREAM]
)
def test_a_type_that_is_not_simulated_says_so(kind: int) -> None:
    """Socket types outside the table raise UnsupportedOperation with the table's name."""
    with small_world(), zmq.Context() as context, pytest.raises(UnsupportedOperation) as caught:
        context.socket(kind)
    assert zmq.SocketType(kind).name in str(caught.value)
    assert "meshsim.transports.zeromq.supported" in str(caught.value)


def test_security_is_not_simulated() -> None:
    """CURVE and PLAIN raise UnsupportedOperation instead of pretending."""
    with small_world(), zmq.Context() as context, context.socket(zmq.REP) as socket:
        with pytest.raises(UnsupportedOperation, match="CURVE_SERVER"):
            socket.curve_server = 1
        with pytest.raises(UnsupportedOperation, match="PLAIN_USERNAME"):
            socket.plain_username = b"me"


def test_a_real_descriptor_cannot_be_polled() -> None:
    """Polling a descriptor of the operating system is refused by name."""
    with small_world(), pytest.raises(UnsupportedOperation, match="of the operating system"):
        zmq.zmq_poll([(0, zmq.POLLIN)], 0)


def test_an_unknown_name_is_fenced() -> None:
    """connect() to a name that nothing in the world has raises FenceError at the call."""
    with small_world(), zmq.Context() as context, context.socket(zmq.REQ) as socket:
        with pytest.raises(FenceError, match="calls nosuch:5555"):
            socket.connect("tcp://nosuch:5555")


def test_green_needs_no_gevent() -> None:
    """zmq.green inside a world has its names without gevent, and is gone afterwards."""
    sys.modules.pop("zmq.green", None)
    with small_world():
        green: Any = importlib.import_module("zmq.green")
        assert isinstance(green, types.ModuleType)
        context = green.Context()
        assert type(context) is not zmq.Context
        pull, push = context.socket(green.PULL), context.socket(green.PUSH)
        pull.bind("inproc://g")
        push.connect("inproc://g")
        push.send(b"x")
        assert (pull.poll(10), pull.recv()) == (green.POLLIN, b"x")
        with pytest.warns(UserWarning, match="TIMEO socket options have no effect"):
            pull.rcvtimeo = 5
        context.destroy(linger=0)
    assert "zmq.green" not in sys.modules


def test_worlds_in_a_row_leave_nothing() -> None:
    """Sockets that nobody closed do not keep their worlds."""
    kept: list[weakref.ref[Any]] = []
    context: Any = None
    for _ in range(4):
        with small_world() as mesh:
            context = zmq.Context()
            pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
            push.connect(f"tcp://localhost:{pull.bind_to_random_port('tcp://*')}")
            push.send(b"x")
            assert pull.recv() == b"x"
            kept.append(weakref.ref(mesh.kernel))
        del mesh
    gc.collect()
    # The latest one is held until the next begins.
    assert [reference() for reference in kept[:-1]] == [None, None, None]
    assert context.closed
