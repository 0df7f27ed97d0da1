"""Random programs of socket operations: wherever libzmq promises an order, the mesh gives the same messages in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshsim.world import World
from tests.parity.zeromq.conftest import nothing
from tests.parity.zeromq.sockets import settle

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {
    "pipeline": (zmq.PUSH, zmq.PULL),
    "dealers": (zmq.DEALER, zmq.DEALER),
    "routing": (zmq.ROUTER, zmq.DEALER),
    "publish": (zmq.XPUB, zmq.SUB),
    "request": (zmq.REQ, zmq.REP),
    "pair": (zmq.PAIR, zmq.PAIR),
}
PEERS = 3

step = st.one_of(
    st.tuples(st.just("send"), st.just(0), st.lists(st.binary(max_size=3), min_size=1, max_size=3)),
    st.tuples(
        st.just("peer sends"),
        st.integers(0, PEERS - 1),
        st.lists(st.binary(max_size=3), min_size=1, max_size=2),
    ),
    st.tuples(st.just("receive"), st.just(0), st.just([])),
    st.tuples(st.just("peer receives"), st.integers(0, PEERS - 1), st.just([])),
    st.tuples(
        st.just("subscribe"),
        st.integers(0, PEERS - 1),
        st.lists(st.binary(max_size=1), min_size=1, max_size=1),
    ),
    st.tuples(
        st.just("cancel"), st.integers(0, PEERS - 1), st.lists(st.binary(max_size=1), min_size=1, max_size=1)
    ),
)
programs = st.tuples(st.sampled_from(sorted(KINDS)), st.lists(step, min_size=1, max_size=14))


class Programme:
    """One program on one set of sockets: a hub that connects to its peers in order, and the peers."""

    def __init__(self, shape: str) -> None:
        hub_kind, peer_kind = KINDS[shape]
        self.shape = shape
        self.context: Any = zmq.Context()
        count = 1 if shape == "pair" else PEERS
        self.hub = self.context.socket(hub_kind)
        self.peers = [self.context.socket(peer_kind) for _ in range(count)]
        for number, peer in enumerate(self.peers):
            if shape == "routing":
                peer.identity = b"p%d" % number
            port = peer.bind_to_random_port("tcp://127.0.0.1")
            if shape == "routing":
                self.hub.connect_routing_id = b"p%d" % number
            self.hub.connect(f"tcp://127.0.0.1:{port}")
        self.settle()
        self.settle()

    def settle(self) -> None:
        """Let everything arrive, and let every socket see it."""
        settle(self.context)
        for socket in (self.hub, *self.peers):
            socket.getsockopt(zmq.EVENTS)

    def close(self) -> None:
        for socket in (self.hub, *self.peers):
            socket.close(linger=0)
        self.context.term()

    def run(self, steps: list[tuple[str, int, list[bytes]]]) -> Iterator[Any]:
        """Do the steps, and give what came of each."""
        for what, peer_number, words in steps:
            frames = words
            peer = self.peers[peer_number % len(self.peers)]
            socket = self.hub if what in ("send", "receive") else peer
            try:
                if what in ("send", "peer sends"):
                    if self.shape == "routing" and what == "send":
                        frames = [b"p%d" % (len(frames) % (PEERS + 1)), *frames]
                    socket.send_multipart(frames, zmq.NOBLOCK)
                    yield what
                elif what in ("receive", "peer receives"):
                    yield socket.recv_multipart(zmq.NOBLOCK)
                elif self.shape == "publish":
                    (peer.subscribe if what == "subscribe" else peer.unsubscribe)(frames[0])
                    yield what
            except zmq.ZMQError as error:
                yield error.errno, str(error)
            self.settle()
            yield [socket.getsockopt(zmq.EVENTS) for socket in (self.hub, *self.peers)]


def outcome(shape: str, steps: list[tuple[str, int, list[bytes]]]) -> list[Any]:
    programme = Programme(shape)
    try:
        return list(programme.run(steps))
    finally:
        programme.close()


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(program=programs)
def test_random_programs_agree(program: tuple[str, list[tuple[str, int, list[bytes]]]]) -> None:
    """Every step of a random program has the same result, and leaves the same events, as with libzmq."""
    shape, steps = program
    with World(seed=1).service("idle", python=nothing):
        simulated = outcome(shape, steps)
    assert simulated == outcome(shape, steps)
