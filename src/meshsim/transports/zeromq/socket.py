"""A socket as libzmq has it: options, endpoints, pipes, and calls that block. Patterns decide, pipes carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshsim.kernel import descriptors
from meshsim.transports.zeromq.endpoints import Endpoints
from meshsim.transports.zeromq.errors import EAGAIN, ENOTSOCK, failure
from meshsim.transports.zeromq.numbers import DONTWAIT, POLLIN, POLLOUT, SNDMORE, Option, SocketType
from meshsim.transports.zeromq.options import Options
from meshsim.transports.zeromq.patterns import pattern_of
from meshsim.transports.zeromq.patterns.request import Req
from meshsim.transports.zeromq.pipes import InprocPipe, Message, Pipe
from meshsim.transports.zeromq.waiting import Waiting

if TYPE_CHECKING:
    from meshsim.network.fabric import Fabric
    from meshsim.transports.zeromq.context import MeshContext
    from meshsim.transports.zeromq.monitor import Monitor
    from meshsim.transports.zeromq.patterns.pattern import Pattern

__all__ = ["MeshSocket"]

CONFLATING: Final = ("DEALER", "PULL", "PUSH", "PUB", "SUB")
# Asking for events this often without waiting is a loop that waits for something.
FREE_LOOKS: Final = 1000


class MeshSocket(Waiting):
    """A socket.

    Attributes:
        context: whose socket it is.
        handle: the number that stands for libzmq's pointer.
        pattern: what its type does.
        rest: frames of the message being received, last one first.
        fault: the number of what every call fails with from now on, or 0.
        endpoints: what it has bound and connected.
    """

    def __init__(self, context: MeshContext, kind: int) -> None:
        super().__init__(context.process)
        make = pattern_of(kind)
        self.context = context
        self.room = context.room
        self.fabric: Fabric = self.kernel.fabric
        self.kind = kind
        self.type_name = SocketType(kind).name
        self.handle = self.room.handle()
        self.stream: Any = self.kernel.streams.get(f"zeromq:{self.process.host.name}")
        self.options = Options()
        self.fault = 0
        self.rest: list[bytes] = []
        self.screened = self.type_name == "REQ"
        self.monitor: Monitor | None = None
        self._parts: list[bytes] | None = None
        self.endpoints = Endpoints(self)
        self._within: dict[Pipe, None] = {}
        self._fd = -1
        self._looks = 0
        self.pattern: Pattern = make(self)
        if self.pattern.linger_ms is not None:
            self.options.set(Option.LINGER, self.pattern.linger_ms)
        context.add(self)
        self.room.enlist(self)

    def __hash__(self) -> int:
        return self.handle

    def __repr__(self) -> str:
        return f"ZeroMQ {self.type_name} ({self.endpoints})"

    @property
    def closed(self) -> bool:
        """Whether it can be used no more."""
        return self.fault == ENOTSOCK or self.process.dead

    @property
    def conflates(self) -> bool:
        """Whether its pipes keep one message only."""
        return self.options.conflate and self.type_name in CONFLATING

    def accepts(self, message: Message) -> bool:
        """Whether a peer may send this at all."""
        most = self.options.max_message_bytes
        if most >= 0 and any(len(frame) > most for frame in message):
            return False
        return not isinstance(self.pattern, Req) or self.pattern.well_formed(message)

    def _check(self) -> None:
        if self.fault:
            raise failure(self.fault)

    def fail(self, number: int) -> None:
        """Have every call fail from now on, also those that are blocked."""
        self.fault = number
        self.changed_events()

    # -- pipes ------------------------------------------------------------------------------------------

    def read_activated(self, pipe: Pipe) -> None:
        """Learn from a pipe that it has something to read again."""
        self.pattern.read_activated(pipe)
        self.changed_events()

    def write_activated(self, pipe: Pipe) -> None:
        """Learn from a pipe that it has room again."""
        self.pattern.write_activated(pipe)
        self.changed_events()

    def attach(self, pipe: Pipe, routing_id: bytes | None) -> None:
        """Take up a pipe."""
        pipe.attached = True
        if isinstance(pipe, InprocPipe):
            self._within[pipe] = None
        self.pattern.attach(pipe, routing_id)
        self.changed_events()

    def detach(self, pipe: Pipe) -> None:
        """Let go of a pipe."""
        if pipe.attached:
            pipe.attached = False
            self._within.pop(pipe, None)
            self.pattern.detach(pipe)
            self.changed_events()

    def events(self) -> int:
        """Return what the socket is ready for, as `zmq.EVENTS` does.

        Raises:
            ZMQError: the socket is closed, or its context has ended.
        """
        self._check()
        self._signalled = False
        mask = 0
        if self.rest or self.pattern.readable():
            mask = POLLIN
        if self._parts is not None or self.pattern.writable():
            mask |= POLLOUT
        return mask

    # -- messages ---------------------------------------------------------------------------------------

    def send(self, frame: bytes, flags: int) -> None:
        """Send a frame; the last one of its message sends it.

        Raises:
            ZMQError: as `zmq_msg_send`.
        """
        if self.fault:
            raise failure(self.fault)
        parts = self._parts
        if parts is None:
            more = bool(flags & SNDMORE)
            if not self.pattern.reserve(frame, more=more):
                self._wait_for_room(frame, flags, more=more)
            if more:
                self._parts = [frame]
            else:
                self.pattern.commit((frame,))
            return
        parts.append(frame)
        if not flags & SNDMORE:
            self._parts = None
            self.pattern.commit(tuple(parts))

    def send_message(self, message: Message, flags: int) -> None:
        """Send a whole message.

        Raises:
            ZMQError: as `zmq_msg_send`.
        """
        if self._parts is not None:
            for frame in message[:-1]:
                self.send(frame, flags | SNDMORE)
            self.send(message[-1], flags)
            return
        if self.fault:
            raise failure(self.fault)
        more = len(message) > 1
        if not self.pattern.reserve(message[0], more=more):
            self._wait_for_room(message[0], flags, more=more)
        self.pattern.commit(message)

    def _wait_for_room(self, frame: bytes, flags: int, *, more: bool) -> None:
        timeout_ms = self.options.send_timeout_ms
        if flags & DONTWAIT or not timeout_ms:
            self.breathe()
            self._check()
            if not self.pattern.reserve(frame, more=more):
                raise failure(EAGAIN)
            return
        deadline = self._deadline(timeout_ms)
        while True:
            in_time = self.wait(deadline)
            self._check()
            if self.pattern.reserve(frame, more=more):
                return
            if not in_time:
                raise failure(EAGAIN)

    def receive(self, flags: int) -> bytes:
        """Return the next frame; `rest` tells whether it was the last of its message.

        Raises:
            ZMQError: as `zmq_msg_recv`.
        """
        if self.fault:
            raise failure(self.fault)
        if self.rest:
            return self.rest.pop()
        message = self.pattern.take()
        if message is None:
            message = self._wait_for_message(flags)
        if len(message) == 1:
            return message[0]
        self.rest = list(message[:0:-1])
        return message[0]

    def receive_message(self, flags: int) -> list[bytes]:
        """Return what is left of the message being received, or the whole next one.

        Raises:
            ZMQError: as `zmq_msg_recv`.
        """
        if self.fault:
            raise failure(self.fault)
        if self.rest:
            frames = self.rest[::-1]
            self.rest = []
            return frames
        message = self.pattern.take()
        if message is None:
            message = self._wait_for_message(flags)
        return list(message)

    def _wait_for_message(self, flags: int) -> Message:
        timeout_ms = self.options.receive_timeout_ms
        self._signalled = False
        if flags & DONTWAIT or not timeout_ms:
            self.breathe()
            self._check()
            message = self.pattern.take()
            if message is None:
                raise failure(EAGAIN)
            return message
        deadline = None if timeout_ms < 0 else self._deadline(timeout_ms)
        wait, take = self.wait, self.pattern.take
        while True:
            in_time = wait(deadline)
            if self.fault:
                raise failure(self.fault)
            message = take()
            if message is not None:
                return message
            if not in_time:
                raise failure(EAGAIN)

    # -- options ----------------------------------------------------------------------------------------

    def set(self, option: int, value: int | bytes) -> None:
        """Set an option.

        Raises:
            ZMQError: EINVAL.
        """
        self._check()
        if not self.pattern.set(option, value):
            self.options.set(option, value)
            self.screened = self.type_name == "REQ" or self.options.max_message_bytes >= 0

    def get(self, option: int) -> int | bytes:
        """Return an option.

        Raises:
            ZMQError: EINVAL.
        """
        if option == Option.EVENTS:
            return self._look()
        self._check()
        if option == Option.RCVMORE:
            return int(bool(self.rest))
        if option == Option.TYPE:
            return int(self.kind)
        if option == Option.FD:
            return self._descriptor()
        if option == Option.LAST_ENDPOINT:
            return self.endpoints.last
        own = self.pattern.get(option)
        return self.options.get(option) if own is None else own

    def _look(self) -> int:
        mask = self.events()
        self._looks += 1
        if self._looks > FREE_LOOKS:
            # A program that asks for EVENTS in a loop would stop the clock.
            self._looks = 0
            self.breathe()
        return mask

    def _descriptor(self) -> int:
        if self._fd < 0:
            self._fd = descriptors.of(self.process).add(self)
        return self._fd

    # -- endpoints --------------------------------------------------------------------------------------

    def bind(self, text: str) -> None:
        """Bind an address.

        Raises:
            ZMQError: as `zmq_bind`.
        """
        self._check()
        self.endpoints.bind(text)

    def connect(self, text: str) -> None:
        """Connect to an address; whether anybody is there shows later.

        Raises:
            ZMQError: as `zmq_connect`.
            FenceError: nothing of this world has that name.
        """
        self._check()
        self.endpoints.connect(text)

    def unbind(self, text: str) -> None:
        """Undo a bind.

        Raises:
            ZMQError: ENOENT, it was not bound.
        """
        self._check()
        self.endpoints.unbind(text)

    def disconnect(self, text: str) -> None:
        """Undo a connect.

        Raises:
            ZMQError: ENOENT, it was not connected.
        """
        self._check()
        self.endpoints.disconnect(text)

    # -- the end ----------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close; what is queued is sent for as long as LINGER says."""
        if self.fault == ENOTSOCK:
            return
        self.fault = ENOTSOCK
        self.pattern.closed()
        self.endpoints.close(self.options.linger_ms)
        for pipe in list(self._within):
            pipe.end(0)
        if self.monitor is not None:
            self.monitor.stop()
        if self._fd >= 0:
            descriptors.of(self.process).close(self._fd)
            self._fd = -1
        self.room.discharge(self)
        self.context.remove(self)
        self.changed()

    # -- monitoring -------------------------------------------------------------------------------------

    def tell(self, event: int, value: int, endpoint: str) -> None:
        """Tell the monitor, if there is one."""
        if self.monitor is not None:
            self.monitor.tell(event, value, endpoint)

    def descriptor_number(self) -> int:
        """Return a number for an event that would tell a connection's descriptor."""
        return self.process.count("zeromq descriptor") + 8
