"""`grpc.insecure_channel` and `grpc.secure_channel`: gRPC's own Python code over a channel of ours.

What is replaced is `cygrpc.Channel`, the C core's channel: calls, rendezvous, futures, interceptors, callbacks
and messages stay the library's own code, and a core is never made inside a world. Outside a world, and on
threads that carry no task, the real class acts.

The road not taken is a `grpc.Channel` of our own: a thousand lines that would have to say again what each
future, each `__repr__` and each race of a cancellation does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from grpc._cython import cygrpc

from meshsim.kernel import api
from meshsim.kernel.parking import Mailbox
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.transports.grpc import batches, metadata, texts
from meshsim.transports.grpc.batches import Batch
from meshsim.transports.grpc.call import ClientCall
from meshsim.transports.grpc.channel import ClientChannel
from meshsim.transports.grpc.credentials import plugins_of, start
from meshsim.transports.grpc.status import INTERNAL

if TYPE_CHECKING:
    from collections.abc import Sequence


RealChannel = cygrpc.Channel
WAIT_FOR_READY = int(cygrpc.InitialMetadataFlags.wait_for_ready)
WAIT_IS_SET = int(cygrpc.InitialMetadataFlags.wait_for_ready_explicitly_set)


class Event:
    """What a completion queue gives: operations that are complete."""

    __slots__ = ("batch_operations", "completion_type", "success", "tag")

    def __init__(self, tag: Any, operations: Sequence[Any] = (), *, success: bool = True) -> None:
        self.completion_type = cygrpc.CompletionType.operation_complete
        self.success = success
        self.tag = tag
        self.batch_operations = operations


def moment_ns(deadline_s: float | None) -> int | None:
    """Return a moment of the caller's clock on the world's, to the microsecond that a float can hold."""
    if deadline_s is None:
        return None
    return api.now() + round((deadline_s - time.time()) * 1_000_000) * 1_000


class MeshCall:
    """A call as `cygrpc.SegregatedCall` and `cygrpc.IntegratedCall` are to gRPC's Python code.

    Args:
        channel: what it is made on.
        call: the call itself.
        queue: where its events go.
        credentials: of the call, or None.
    """

    def __init__(
        self, channel: MeshChannel, call: ClientCall, queue: Mailbox[Event], credentials: Any
    ) -> None:
        self._channel = channel
        self._queue = queue
        self._credentials = credentials
        self._due = 0
        self.call = call

    def operate(self, operations: Sequence[Any], tag: Any) -> bool:
        """Start a batch; False when the call is over and nothing is due any more."""
        if not self._due:
            return False
        self.start(operations, tag)
        return True

    def start(self, operations: Sequence[Any], tag: Any) -> None:
        """Start a batch."""
        self._due += 1
        call = self.call
        batch = Batch(operations, lambda results: self._complete(tag, results))
        begin: Any = None
        wants: list[tuple[int, int]] = []
        for index, operation in enumerate(operations):
            kind = operation.type()
            if kind == batches.SEND_INITIAL_METADATA:
                begin = operation
                batch.done()
            elif kind == batches.SEND_MESSAGE:
                call.send(operation._message, batch.done)
            elif kind == batches.SEND_CLOSE:
                call.finish_sending()
                batch.done()
            else:
                wants.append((index, kind))
        if begin is not None:
            self._begin(begin)
        else:
            call.pump()
        for index, kind in wants:
            self._want(batch, index, kind)

    def _begin(self, operation: Any) -> None:
        flags = operation._flags
        if flags & WAIT_IS_SET:
            self.call.wait_for_ready = bool(flags & WAIT_FOR_READY)
        try:
            sent = metadata.read(operation._initial_metadata)
        except metadata.InvalidMetadataError:
            self.call.cancel(INTERNAL, texts.INVALID_METADATA)
        else:
            start(self._channel, self.call, sent, self._credentials)

    def _want(self, batch: Batch, index: int, kind: int) -> None:
        call = self.call
        if kind == batches.RECEIVE_INITIAL_METADATA:
            call.on_initial(lambda found: batch.put(index, batches.InitialMetadata(found)))
        elif kind == batches.RECEIVE_MESSAGE:
            call.on_message(lambda body: batch.put(index, batches.Received(body)))
        else:
            call.on_status(lambda status: batch.put(index, batches.Ended(status)))

    def _complete(self, tag: Any, results: list[Any]) -> None:
        self._due -= 1
        if not self._due:
            self._channel.calls.pop(self, None)
        self._queue.put(Event(tag, results))

    def cancel(self, code: Any, details: str) -> None:
        """End the call from this side."""
        if self._due and not self._channel.core.gone:
            self.call.cancel(int(code), details)

    def next_event(self) -> Event:
        """Return the next event of a call that has a queue of its own; parks the calling task."""
        return self._queue.get(None, self)

    def __repr__(self) -> str:
        return f"call of {self.call.method}"


def is_secure(credentials: Any) -> bool:
    """Whether a channel with these credentials would pass call credentials on."""
    inner = getattr(credentials, "_channel_credentials", credentials)
    return inner is not None and not isinstance(
        inner, (cygrpc.InsecureChannelCredentials, cygrpc.LocalChannelCredentials)
    )


class MeshChannel:
    """A channel as `cygrpc.Channel` is to gRPC's Python code.

    Attributes:
        core: the channel itself.
        calls: what is under way.
        secure: whether it was made with credentials that would have hidden a call's.
        plugins: the call credentials that go with every call on it.
    """

    def __init__(self, target: bytes, options: Any, credentials: Any) -> None:
        task = current()
        if task is None:
            msg = "a channel of a mesh is made by a task of one"
            raise RuntimeError(msg)
        self.core = ClientChannel(task.process, target.decode("utf8"), options or ())
        self.secure = is_secure(credentials)
        self.plugins = plugins_of(credentials)
        self.calls: dict[MeshCall | ClientCall, None] = {}
        self._target = target
        self._queue: Mailbox[Event] = Mailbox()
        self._closed: str | None = None

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._closed is not None

    def target(self) -> bytes:
        """Return what it was made for."""
        return self._target

    def get_registered_call_handle(self, _method: bytes) -> int:
        """Return the handle of a method; here a method is its name."""
        return 0

    def _call(
        self, method: bytes, deadline: float | None, credentials: Any, batches_: Any, queue: Mailbox[Event]
    ) -> MeshCall:
        core = self.core
        call = ClientCall(core, method.decode("utf8"), moment_ns(deadline), None)
        made = MeshCall(self, call, queue, credentials)
        self.calls[made] = None
        for operations, tag in batches_:
            made.start(operations, tag)
        return made

    def segregated_call(
        self,
        _flags: int,
        method: bytes,
        _host: Any,
        deadline: float | None,
        _metadata: Any,
        credentials: Any,
        operationses_and_tags: Any,
        _context: Any = None,
        _handle: Any = None,
    ) -> MeshCall:
        """Begin a call whose events its caller waits for.

        Raises:
            ValueError: the channel is closed.
        """
        if self._closed is not None:
            msg = "Cannot invoke RPC on closed channel!"
            raise ValueError(msg)
        return self._call(method, deadline, credentials, operationses_and_tags, Mailbox())

    def integrated_call(
        self,
        _flags: int,
        method: bytes,
        _host: Any,
        deadline: float | None,
        _metadata: Any,
        credentials: Any,
        operationses_and_tags: Any,
        _context: Any = None,
        _handle: Any = None,
    ) -> MeshCall:
        """Begin a call whose events come by the channel's own queue.

        Raises:
            ValueError: the channel is closed.
        """
        if self._closed is not None:
            msg = f"Cannot invoke RPC: {self._closed}"
            raise ValueError(msg)
        return self._call(method, deadline, credentials, operationses_and_tags, self._queue)

    def next_call_event(self) -> Event:
        """Return the next event of the calls that share the queue; parks the calling task."""
        return self._queue.get(None, f"calls to {self.core.target}")

    def check_connectivity_state(self, try_to_connect: bool) -> int:  # noqa: FBT001 - as the real one
        """Return the channel's state, and begin to connect if asked to.

        Raises:
            ValueError: the channel is closed.
        """
        if self._closed is not None:
            msg = f"Cannot invoke RPC: {self._closed}"
            raise ValueError(msg)
        state = self.core.state
        if try_to_connect:
            self.core.connect()
        return state

    def watch_connectivity_state(self, last: int, deadline: float | None) -> Event:
        """Return once the state is another one, or the moment has come; parks the calling task.

        Raises:
            ValueError: the channel is closed.
        """
        if self._closed is not None:
            msg = f"Cannot monitor channel state: {self._closed}"
            raise ValueError(msg)
        core, task = self.core, current()
        limit = moment_ns(deadline)
        while core.state == last and task is not None:
            changed = _waker(task)
            core.watch(changed)
            task.wait = f"a change of the channel to {core.target}"
            try:
                woken = api.park(limit)
            finally:
                core.unwatch(changed)
            if not woken:
                break
        return Event(None, success=core.state != last)

    def close(self, code: Any, details: str) -> None:
        """End the channel and every call on it."""
        if self._closed is not None or self.core.gone:
            self._closed = self._closed or details
            return
        self._closed = details
        for made in list(self.calls):
            (made.call if isinstance(made, MeshCall) else made).cancel(int(code), details)
        self.core.close()

    def cancel_calls_on_fork(self, _code: Any, _details: str) -> None:
        """Do nothing: a simulated process does not fork."""

    def __repr__(self) -> str:
        return f"<channel to {self.core.target}>"


def _waker(task: Any) -> Any:
    return lambda: api.wake(task)


def channel(target: bytes, options: Any, credentials: Any = None) -> Any:
    """Stand in for `cygrpc.Channel`."""
    if current() is None:
        return RealChannel(target, options, credentials)
    return MeshChannel(target, options, credentials)


def patches() -> list[Patch]:
    """Return the patches of channels."""
    return [Patch(cygrpc, "Channel", channel)]
