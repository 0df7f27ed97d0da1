"""`grpc.server`: gRPC's own Python code over a server of ours.

What is replaced is `cygrpc.Server` and the completion queue that it reports to: handlers, thread pools,
contexts, interceptors and messages stay the library's own code. `max_workers` of the pool is therefore as real
a limit as it ever was.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from grpc import _server
from grpc._cython import cygrpc

from meshsim.kernel import api
from meshsim.kernel.parking import Mailbox
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.trace.handling import handling
from meshsim.transports.grpc import batches, metadata, notes
from meshsim.transports.grpc.batches import Batch
from meshsim.transports.grpc.policy import Options
from meshsim.transports.grpc.seam_channel import Event
from meshsim.transports.grpc.server import GrpcServer
from meshsim.transports.grpc.status import CANCELLED, INTERNAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meshsim.transports.grpc.served import ServedCall

RealServer = cygrpc.Server
RealQueue = cygrpc.CompletionQueue
real_install_context = cygrpc.install_context_from_request_call_event
real_uninstall_context = cygrpc.uninstall_context
real_auth_context = cygrpc.auth_context
real_peer_identities = cygrpc.peer_identities
real_peer_identity_key = cygrpc.peer_identity_key
real_unary_request = _server._unary_request
real_del = _server._Server.__del__
# GRPC_CALL_ERROR_TOO_MANY_OPERATIONS.
TOO_MANY_OPERATIONS = 8
# What gRPC gives as the deadline of a call that has none.
NEVER_S = 9.223372036e18
INSECURE = {"transport_security_type": [b"insecure"], "security_level": [b"TSI_SECURITY_NONE"]}


class MeshQueue:
    """A completion queue: what a server's own thread waits at."""

    is_shutting_down = False

    def __init__(self) -> None:
        self._events: Mailbox[Any] = Mailbox()

    def put(self, event: Any) -> None:
        """Add an event; may be called on the hub."""
        self._events.put(event)

    def poll(self, deadline: float | None = None) -> Any:  # noqa: ARG002 - the real one wakes to look for a dead server
        """Return the next event; parks the calling task until there is one.

        gRPC polls each second to see whether its server was forgotten; here `__del__` says so by itself, or a
        world with a server would never come to rest.
        """
        return self._events.get(None, "calls to a gRPC server")

    def shutdown(self) -> None:
        """Do nothing: nobody waits who must be told."""

    def clear(self) -> None:
        """Drop what is there."""
        self._events.items.clear()


class Wakeup:
    """An event that says nothing but that the server's thread should look around."""

    completion_type = cygrpc.CompletionType.queue_timeout
    success = False
    tag = None
    batch_operations = ()


class CallDetails:
    """What a server's Python code knows of a call before it looks at its messages."""

    __slots__ = ("deadline", "host", "method")

    def __init__(self, call: ServedCall) -> None:
        begin = call.begin
        self.method = begin.method.encode()
        self.host = begin.authority.encode()
        self.deadline = deadline_s(call)


def deadline_s(call: ServedCall) -> float:
    """Return a call's deadline on its server's clock."""
    if call.deadline_ns is None:
        return NEVER_S
    return time.time() + (call.deadline_ns - api.now()) / 1e9


class Incoming:
    """The event of a call that has come in."""

    __slots__ = ("_metadata", "call", "call_details", "completion_type", "success", "tag")

    def __init__(self, tag: Any, call: ServedCall, queue: MeshQueue) -> None:
        self.completion_type = cygrpc.CompletionType.operation_complete
        self.success = True
        self.tag = tag
        self.call = MeshServerCall(call, queue)
        self.call_details = CallDetails(call)
        self._metadata: tuple[Any, ...] | None = None

    @property
    def invocation_metadata(self) -> tuple[Any, ...]:
        """The client's metadata."""
        if self._metadata is None:
            self._metadata = tuple([metadata.Metadatum(*pair) for pair in self.call.served.begin.metadata])
        return self._metadata


class MeshServerCall:
    """A call as `cygrpc.Call` is to a server's Python code.

    Attributes:
        served: the call itself.
        queue: where its events go.
    """

    __slots__ = ("_statused", "queue", "served")

    def __init__(self, served: ServedCall, queue: MeshQueue) -> None:
        self.served = served
        self.queue = queue
        self._statused = False

    def start_server_batch(self, operations: Sequence[Any], tag: Any) -> int:
        """Start a batch; its event comes by the completion queue.

        Returns:
            0, or core's number for a second status, of which nothing comes.
        """
        queue, call = self.queue, self.served
        if any(operation.type() == batches.SEND_STATUS for operation in operations):
            if self._statused:
                return TOO_MANY_OPERATIONS
            self._statused = True
        batch = Batch(operations, lambda results: queue.put(Event(tag, results)))
        status = None
        for index, operation in enumerate(operations):
            if operation.type() == batches.SEND_STATUS:
                status = operation
            else:
                self._start(batch, index, operation)
        for operation in operations:
            if operation.type() == batches.SEND_MESSAGE:
                call.send(operation._message, batch.done)
        if status is not None:
            finish(call, status._code, status._details, status._trailing_metadata)
            batch.done()
        else:
            call.flush()
        return 0

    def _start(self, batch: Batch, index: int, operation: Any) -> None:
        kind, call = operation.type(), self.served
        if kind == batches.SEND_INITIAL_METADATA:
            send_headers(call, operation._initial_metadata)
            batch.done()
        elif kind == batches.RECEIVE_MESSAGE:
            call.on_message(lambda body: batch.put(index, batches.Received(body)))
        elif kind == batches.RECEIVE_CLOSE:
            call.on_close(lambda cancelled: batch.put(index, batches.Closed(cancelled=cancelled)))

    def cancel(self, _code: int = 0, _details: Any = None) -> None:
        """Break the call off."""
        self.served.cancel_here()

    def peer(self) -> bytes:
        """Return the client's address."""
        return self.served.peer.encode()


def send_headers(call: ServedCall, given: Any) -> None:
    """Set a call's initial metadata, or end it where that is not allowed on a wire."""
    try:
        call.send_headers(metadata.read(given))
    except metadata.InvalidMetadataError:
        call.cancel_here(INTERNAL, "")


def finish(call: ServedCall, code: int, details: Any, trailers: Any) -> None:
    """Send a call's status."""
    try:
        call.finish(int(code), metadata.encoded(details), metadata.read(trailers))
    except metadata.InvalidMetadataError:
        call.cancel_here(INTERNAL, "")


class MeshServer:
    """A server as `cygrpc.Server` is to gRPC's Python code.

    Attributes:
        core: the server itself.
        state: what the Python code keeps of it, once it has started.
        short: what gives a call to the pool at once, if that can be (`seam_unary_server`).
    """

    def __init__(self, options: Any, _xds: Any = False) -> None:  # noqa: FBT002 - as the real one
        task = current()
        if task is None:
            msg = "a server of a mesh is made by a task of one"
            raise RuntimeError(msg)
        self.core = GrpcServer(task.process, Options(options or ()), self._arrived)
        self.is_shutting_down = False
        self.state: Any = None
        self.short: Callable[[MeshServer, ServedCall], bool] | None = None
        self._registered: dict[str, list[MeshQueue]] = {}
        self._requests: list[tuple[MeshQueue, Any]] = []
        self._waiting: list[ServedCall] = []

    def register_completion_queue(self, queue: MeshQueue) -> None:
        """Do nothing: a queue is named with each request for a call."""

    def register_method(self, method: str) -> None:
        """Have calls of a method come to those who ask for them by its name."""
        self._registered[method] = []

    def start(self, backup_queue: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - as the real one
        """Open the ports."""
        self.core.start()

    def add_http2_port(self, address: bytes, _credentials: Any = None) -> int:
        """Take a port; 0 where that cannot be."""
        return self.core.bind(address.decode("utf8"))

    def request_call(self, _call_queue: MeshQueue, queue: MeshQueue, tag: Any) -> None:
        """Ask for the next call of a method that is not registered."""
        self._requests.append((queue, tag))
        self._serve_waiting()

    def request_registered_call(
        self, _call_queue: MeshQueue, queue: MeshQueue, method: str, _tag: Any
    ) -> None:
        """Ask for the next call of a registered method; its name is the event's tag."""
        self._registered[method].append(queue)
        self._serve_waiting()

    def _serve_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            if not call.over:
                self._arrived(call)

    def _arrived(self, call: ServedCall) -> None:
        """Hand a call to whoever asked for one, on the hub; it waits where nobody has."""
        if self.short is not None and self.short(self, call):
            return
        method = call.begin.method
        queues = self._registered.get(method)
        tag: Any = method
        if queues:
            queue = queues.pop(0)
        elif queues is None and self._requests:
            queue, tag = self._requests.pop(0)
        else:
            self._waiting.append(call)
            return
        queue.put(Incoming(tag, call, queue))

    def shutdown(self, queue: MeshQueue, tag: Any) -> None:
        """Take no new calls; the event comes when all that had begun are over."""
        self.is_shutting_down = True
        # Who asked for a call is told that none comes.
        requests = [*self._requests]
        self._requests = []
        for asked, what in requests:
            asked.put(_Cancelled(what))
        for method, queues in self._registered.items():
            for asked in queues:
                asked.put(_Cancelled(method))
            queues.clear()
        for call in self._waiting:
            call.lost()
        self.core.shut(lambda: queue.put(Event(tag)))

    def cancel_all_calls(self) -> None:
        """Break off every call."""
        if not self.core.gone_world:
            self.core.cancel_all()

    def destroy(self) -> None:
        """Do nothing: what there was to end has ended."""


class _NoCall:
    """What stands where a call would be."""

    method = b""
    host = b""
    deadline = NEVER_S


class _Cancelled:
    """The event of a request for a call that none has answered."""

    __slots__ = ("call", "call_details", "completion_type", "invocation_metadata", "success", "tag")

    def __init__(self, tag: Any) -> None:
        self.completion_type = cygrpc.CompletionType.operation_complete
        self.success = False
        self.tag = tag
        self.call = None
        self.call_details = _NoCall
        self.invocation_metadata = ()


def server(options: Any, xds: Any = False) -> Any:  # noqa: FBT002 - as the real one
    """Stand in for `cygrpc.Server`."""
    return RealServer(options, xds) if current() is None else MeshServer(options, xds)


def queue(*args: Any) -> Any:
    """Stand in for `cygrpc.CompletionQueue`."""
    return RealQueue(*args) if current() is None else MeshQueue()


def install_context(event: Any) -> None:
    """Stand in for `cygrpc.install_context_from_request_call_event`: what a handler does is on behalf of its call."""
    if isinstance(event, Incoming):
        handling.set(event.call.served.begin.note)  # type: ignore[arg-type]  # the trace's own
    else:
        real_install_context(event)


def uninstall_context() -> None:
    """Stand in for `cygrpc.uninstall_context`: a handler has ended, whether or not anybody still waits."""
    if current() is None:
        real_uninstall_context()
    else:
        notes.handled(handling.get(), CANCELLED)


def auth_context(call: Any) -> Any:
    """Stand in for `cygrpc.auth_context`."""
    if isinstance(call, MeshServerCall):
        return {key.encode(): value for key, value in INSECURE.items()}
    return real_auth_context(call)


def peer_identities(call: Any) -> Any:
    """Stand in for `cygrpc.peer_identities`: nobody proves who they are here."""
    return None if isinstance(call, MeshServerCall) else real_peer_identities(call)


def peer_identity_key(call: Any) -> Any:
    """Stand in for `cygrpc.peer_identity_key`."""
    return None if isinstance(call, MeshServerCall) else real_peer_identity_key(call)


def forgotten(self: Any) -> None:
    """Stand in for `_Server.__del__`: wakes the server's thread, which then shuts the server down."""
    real_del(self)
    made = getattr(self, "_cy_server", None)
    if isinstance(made, MeshServer) and not made.core.gone_world:
        self._state.completion_queue.put(Wakeup)


def patches() -> list[Patch]:
    """Return the patches of servers."""
    return [
        Patch(cygrpc, "Server", server),
        Patch(cygrpc, "CompletionQueue", queue),
        Patch(cygrpc, "install_context_from_request_call_event", install_context),
        Patch(cygrpc, "uninstall_context", uninstall_context),
        Patch(cygrpc, "auth_context", auth_context),
        Patch(cygrpc, "peer_identities", peer_identities),
        Patch(cygrpc, "peer_identity_key", peer_identity_key),
        Patch(_server._Server, "__del__", forgotten),
    ]
