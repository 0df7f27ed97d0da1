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
    st.tuples(st.just("burst"), st.integers(2, 9), st.just([])),
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
programs = st.tuples(
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(["hub connects", "peers connect", "inproc", "inproc, short queues"]),
    st.lists(step, min_size=1, max_size=16),
)
Step = tuple[str, int, list[bytes]]


class Programme:
    """One program on one set of sockets: a hub and its peers, joined one after the other."""

    def __init__(self, shape: str, wiring: str) -> None:
        hub_kind, peer_kind = KINDS[shape]
        self.shape = shape
        self.context: Any = zmq.Context()
        count = 1 if shape == "pair" else PEERS
        self.hub = self.context.socket(hub_kind)
        self.peers = [self.context.socket(peer_kind) for _ in range(count)]
        if wiring.endswith("short queues"):
            for socket in (self.hub, *self.peers):
                socket.set_hwm(2)
        if wiring == "peers connect":
            self.port = self.hub.bind_to_random_port("tcp://127.0.0.1")
        for number, peer in enumerate(self.peers):
            self.join(number, peer, wiring)
            # Who is first among those that came at once is not promised.
            self.settle()
        self.settle()

    def join(self, number: int, peer: Any, wiring: str) -> None:
        if self.shape == "routing":
            peer.identity = b"p%d" % number
        if wiring == "peers connect":
            peer.connect(f"tcp://127.0.0.1:{self.port}")
            return
        if wiring == "hub connects":
            address = f"tcp://127.0.0.1:{peer.bind_to_random_port('tcp://127.0.0.1')}"
        else:
            address = f"inproc://peer {number}"
            peer.bind(address)
        if self.shape == "routing":
            self.hub.connect_routing_id = b"p%d" % number
        self.hub.connect(address)

    def settle(self) -> None:
        """Let everything arrive, and let every socket see it."""
        settle(self.context)
        for socket in (self.hub, *self.peers):
            socket.getsockopt(zmq.EVENTS)

    def close(self) -> None:
        for socket in (self.hub, *self.peers):
            socket.close(linger=0)
        self.context.term()

    def run(self, steps: list[Step]) -> Iterator[Any]:
        """Do the steps, and give what came of each."""
        for what, peer_number, words in steps:
            frames = words
            if what == "burst":
                yield self.burst(peer_number)
                self.settle()
                continue
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

    def burst(self, count: int) -> list[Any]:
        """Send so many messages in a row, and return how each went: queues fill up."""
        return [self.send_one(number) for number in range(count)]

    def send_one(self, number: int) -> Any:
        frames = [b"%d" % number]
        try:
            self.hub.send_multipart([b"p1", *frames] if self.shape == "routing" else frames, zmq.NOBLOCK)
        except zmq.ZMQError as error:
            return error.errno
        return None


def outcome(shape: str, wiring: str, steps: list[Step]) -> list[Any]:
    programme = Programme(shape, wiring)
    try:
        return list(programme.run(steps))
    finally:
        programme.close()


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(program=programs)
def test_random_programs_agree(program: tuple[str, str, list[Step]]) -> None:
    """Every step of a random program has the same result, and leaves the same events, as with libzmq."""
    with World(seed=1).service("idle", python=nothing):
        simulated = outcome(*program)
    assert simulated == outcome(*program)
