"""DEALER and ROUTER."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from meshsim.transports.zeromq.errors import EHOSTUNREACH, EINVAL, failure
from meshsim.transports.zeromq.numbers import Option
from meshsim.transports.zeromq.options import unsupported
from meshsim.transports.zeromq.patterns.pattern import Pattern, flag
from meshsim.transports.zeromq.patterns.queues import FairQueue, LoadBalancer
from meshsim.transports.zeromq.pipes import wire_bytes

if TYPE_CHECKING:
    from meshsim.transports.zeromq.pipes import Message, Pipe
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["Dealer", "Router"]

PROBE = (b"",)


class Dealer(Pattern):
    """Sends round robin, receives in turn."""

    __slots__ = ("_probes", "_target", "balancer", "queue")

    def __init__(self, socket: MeshSocket) -> None:
        super().__init__(socket)
        self.balancer = LoadBalancer()
        self.queue = FairQueue()
        self._target: Pipe | None = None
        self._probes = False

    def attach(self, pipe: Pipe, routing_id: bytes | None) -> None:  # noqa: ARG002 - a dealer names nobody
        """Take up a pipe."""
        if self._probes:
            pipe.write(PROBE, wire_bytes(PROBE))
        self.queue.attach(pipe)
        self.balancer.attach(pipe)

    def detach(self, pipe: Pipe) -> None:
        """Let go of a pipe."""
        self.queue.detach(pipe)
        self.balancer.detach(pipe)

    def read_activated(self, pipe: Pipe) -> None:
        """Count on a pipe again."""
        self.queue.activated(pipe)

    def write_activated(self, pipe: Pipe) -> None:
        """Count on a pipe again."""
        self.balancer.activated(pipe)

    def reserve(self, first: bytes, *, more: bool) -> bool:  # noqa: ARG002 - any message will do
        """Find a peer with room."""
        self._target = self.balancer.choose()
        return self._target is not None

    def commit(self, message: Message) -> None:
        """Send to the peer that was found, if it is still there."""
        target = self._target
        if target is not None and target.attached:
            target.write(message, wire_bytes(message))
            self.balancer.advance()

    def take(self) -> Message | None:
        """Take the next message."""
        return self.queue.take()

    def readable(self) -> bool:
        """Whether a peer has sent something."""
        return self.queue.ready()

    def writable(self) -> bool:
        """Whether a peer has room."""
        return self.balancer.choose() is not None

    def set(self, option: int, value: int | bytes) -> bool:
        """Set PROBE_ROUTER."""
        if option != Option.PROBE_ROUTER:
            return False
        self._probes = flag(value)
        return True


class Router(Pattern):
    """Puts the sender's name before each message, and sends to the peer that the first frame names."""

    __slots__ = (
        "_handover",
        "_mandatory",
        "_next_name",
        "_probes",
        "_target",
        "_waiting_name",
        "peers",
        "queue",
    )

    wants_names = True

    def __init__(self, socket: MeshSocket) -> None:
        super().__init__(socket)
        self.queue = FairQueue()
        self.peers: dict[bytes, Pipe] = {}
        self._target: Pipe | None = None
        self._mandatory = self._handover = self._probes = False
        self._waiting_name = b""
        # libzmq begins with a random number as well, so that programs do not rely on it.
        self._next_name = socket.stream.getrandbits(32)

    # -- peers ------------------------------------------------------------------------------------------

    def attach(self, pipe: Pipe, routing_id: bytes | None) -> None:
        """Take up a pipe; without a name it stays unread until the peer has told one."""
        if self._probes:
            pipe.write(PROBE, wire_bytes(PROBE))
        if pipe.local and self._waiting_name:
            name, self._waiting_name = self._waiting_name, b""
            self._enter(pipe, name)
        elif routing_id is not None:
            self.identified(pipe, routing_id)

    def identified(self, pipe: Pipe, routing_id: bytes) -> None:
        """Give a peer its name: its own, or one that nobody has."""
        if pipe.routing_id:
            return
        if not routing_id:
            routing_id = self._new_name()
        elif routing_id in self.peers:
            if not self._handover:
                # libzmq ignores a second peer of the same name for good.
                return
            self._hand_over(routing_id)
        self._enter(pipe, routing_id)

    def _enter(self, pipe: Pipe, name: bytes) -> None:
        pipe.routing_id = name
        self.peers[name] = pipe
        self.queue.attach(pipe)

    def _new_name(self) -> bytes:
        name = b"\0" + struct.pack(">I", self._next_name)
        self._next_name = (self._next_name + 1) & 0xFFFF_FFFF
        return name

    def _hand_over(self, name: bytes) -> None:
        former = self.peers.pop(name)
        former.routing_id = self._new_name()
        self.peers[former.routing_id] = former
        former.inbox.clear()
        former.peer_gone()
        former.end(0)

    def detach(self, pipe: Pipe) -> None:
        """Forget a peer."""
        self.queue.detach(pipe)
        if self.peers.get(pipe.routing_id) is pipe:
            del self.peers[pipe.routing_id]

    def read_activated(self, pipe: Pipe) -> None:
        """Count on a pipe again, if the peer has a name."""
        if pipe.routing_id:
            self.queue.activated(pipe)

    def write_activated(self, pipe: Pipe) -> None:
        """Do nothing: each message has one peer, which is asked when it comes to it."""

    # -- messages ---------------------------------------------------------------------------------------

    def reserve(self, first: bytes, *, more: bool) -> bool:
        """Find the peer that the first frame names; where there is none, the message is dropped."""
        self._target = None
        if not more:
            # A name and nothing to say: libzmq drops it whatever the name is.
            return True
        pipe = self.peers.get(first)
        if pipe is None:
            if self._mandatory:
                raise failure(EHOSTUNREACH)
            return True
        if pipe.check_write():
            self._target = pipe
            return True
        if self._mandatory:
            if pipe.ending:
                raise failure(EHOSTUNREACH)
            return False
        return True

    def commit(self, message: Message) -> None:
        """Send what follows the name."""
        target = self._target
        if target is not None and target.attached:
            rest = message[1:]
            target.write(rest, wire_bytes(rest))

    def take(self) -> Message | None:
        """Take the next message, behind the name of its sender."""
        message = self.queue.take()
        if message is None:
            return None
        sender = self.queue.last
        return (sender.routing_id if sender is not None else b"", *message)

    def readable(self) -> bool:
        """Whether a peer has sent something."""
        return self.queue.ready()

    def writable(self) -> bool:
        """Whether something can be sent: always, unless messages must arrive and no peer has room."""
        if not self._mandatory:
            return True
        return any(pipe.check_write() for pipe in self.peers.values())

    def set(self, option: int, value: int | bytes) -> bool:
        """Set an option of ROUTER."""
        if option == Option.ROUTER_MANDATORY:
            self._mandatory = flag(value)
        elif option == Option.ROUTER_HANDOVER:
            self._handover = flag(value)
        elif option == Option.PROBE_ROUTER:
            self._probes = flag(value)
        elif option == Option.ROUTER_RAW:
            if flag(value):
                raise unsupported(option)
        elif option == Option.CONNECT_ROUTING_ID:
            if not isinstance(value, bytes) or not value:
                raise failure(EINVAL)
            self._waiting_name = value
        else:
            return False
        return True
