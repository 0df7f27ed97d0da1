"""The short way of a unary call, at its server: from the hub to an idle thread of the pool, and back.

gRPC's Python code takes a call through a completion queue, a thread of its own, a future, seven locks and four
events. What this file says again of `_handle_call` and `_unary_response_in_pool` is held to the long way, and
to the real thing, by the parity tests. Whatever is more than a whole request at once takes the long way.
"""

from __future__ import annotations

import contextvars
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from grpc import _common, _server
from grpc._cython import cygrpc

from meshsim.kernel.patches.patch import Patch
from meshsim.trace.handling import handling
from meshsim.transports.grpc import batches, notes
from meshsim.transports.grpc.metadata import Metadatum
from meshsim.transports.grpc.seam_channel import Event
from meshsim.transports.grpc.seam_server import (
    CallDetails,
    Incoming,
    MeshQueue,
    MeshServer,
    MeshServerCall,
    finish,
    send_headers,
)
from meshsim.transports.grpc.status import CANCELLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshsim.transports.grpc.served import ServedCall

real_start = _server._start


class NoLock:
    """What guards a call's state where no other task can run in between."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def notify_all(self) -> None:
        """Do nothing: nobody waits."""


NO_LOCK: Final = NoLock()


class UnaryState:
    """What `_server._RPCState` is, for a call that takes the short way; what most calls never touch is the class's."""

    condition = NO_LOCK
    request: Any = None
    client = _server._OPEN
    initial_metadata_allowed = True
    compression_algorithm: Any = None
    disable_next_compression = False
    trailing_metadata: Any = None
    code: Any = None
    details: Any = None
    statused = False
    aborted = False

    def __init__(self) -> None:
        self.context = contextvars.Context()
        self.due: set[str] = set()
        self.rpc_errors: list[Any] = []
        self.callbacks: list[Any] | None = []


class ShortEvent:
    """What `Incoming` is, for a call that takes the short way."""

    __slots__ = ("_details", "call", "invocation_metadata")
    success = True

    def __init__(self, call: UnaryCall) -> None:
        self.call = call
        self._details: Any = None
        pairs_ = call.served.begin.metadata
        self.invocation_metadata = tuple([Metadatum(*pair) for pair in pairs_]) if pairs_ else ()

    @property
    def call_details(self) -> CallDetails:
        """What is known of the call before its messages; made when asked for."""
        if self._details is None:
            self._details = CallDetails(self.call.served)
        found: CallDetails = self._details
        return found


class UnaryCall(MeshServerCall):
    """A call whose batches complete where they are started, and report to nobody."""

    __slots__ = ("state",)

    def __init__(
        self, served: ServedCall, queue: MeshQueue
    ) -> None:  # as the class above, without a step in between
        self.served = served
        self.queue = queue
        self._statused = False
        self.state = UnaryState()
        self.served.on_close(self._closed)

    def _closed(self, cancelled: bool) -> None:  # noqa: FBT001 - a callback's only argument
        """Note that the call is over, on the hub or where it is answered; callbacks run in the server's thread."""
        state = self.state
        state.client = _server._CANCELLED if cancelled else _server._CLOSED
        callbacks, state.callbacks = state.callbacks, None
        if callbacks:
            self.queue.put(Event(lambda _: (None, callbacks)))

    def start_server_batch(self, operations: Sequence[Any], tag: Any) -> int:  # noqa: ARG002 - as the real one
        """Do what is asked: initial metadata, or the status of a call that failed."""
        status = None
        for operation in operations:
            if operation.type() == batches.SEND_INITIAL_METADATA:
                send_headers(self.served, operation._initial_metadata)
            else:
                status = operation
        if status is None:
            self.served.flush()
        else:
            finish(self.served, status._code, status._details, status._trailing_metadata)
        return 0


class Work:
    """A call as a work item of a thread pool: found a handler for, and answered, by one of the pool's threads."""

    __slots__ = ("_call", "_server")

    def __init__(self, server: MeshServer, call: ServedCall) -> None:
        self._server = server
        self._call = call

    def run(self) -> None:
        """Do it; what goes wrong is said on the standard error, as the long way has it."""
        try:
            self._run()
        except Exception:  # noqa: BLE001 - as `_unary_response_in_pool`
            traceback.print_exc()
        finally:
            # Of an answered call this was noted before; of one that nobody waited for any more, it ends here.
            notes.handled(self._call.begin.note, CANCELLED)  # type: ignore[arg-type]  # the trace's own

    def _run(self) -> None:
        server, method = self._server, self._call.begin.method
        state = server.state
        registered = state.registered_method_handlers.get(method)
        found: Any = (
            _server._GenericMethod(state.generic_handlers)
            if registered is None
            else _server._RegisteredMethod(method, registered)
        )
        call = UnaryCall(self._call, state.completion_queue)
        event = ShortEvent(call)
        details = _server._HandlerCallDetails(method, event.invocation_metadata)
        context = call.state.context
        try:
            handler = context.run(found.handler, details)
        except Exception as error:  # noqa: BLE001 - as `_handle_call`
            _server._LOGGER.exception("Exception servicing handler: %s", error)
            _server._abort(call.state, call, cygrpc.StatusCode.unknown, b"Error in service handler!")
            return
        if handler is None:
            _server._abort(call.state, call, cygrpc.StatusCode.unimplemented, b"Method not found!")
        elif handler.request_streaming or handler.response_streaming or handler.unary_unary is None:
            self._long_way(Incoming(method, self._call, state.completion_queue), handler)
        else:
            context.run(_respond, event, call, handler)

    def _long_way(self, event: Any, handler: Any) -> None:
        """Begin again with a call that is answered by more than one message."""
        state = _server._RPCState()
        with self._server.state.lock:
            self._server.state.rpc_states.add(state)
        if handler.request_streaming:
            requests = _server._RequestIterator(state, event.call, handler.request_deserializer)
            argument: Any = lambda: requests  # noqa: E731 - what `_handle_stream_unary` gives
        else:
            argument = _server._unary_request(event, state, handler.request_deserializer)
        behaviors = handler.stream_stream, handler.stream_unary, handler.unary_stream
        respond = (
            _server._stream_response_in_pool
            if handler.response_streaming
            else _server._unary_response_in_pool
        )
        with state.condition:
            event.call.start_server_batch(
                (cygrpc.ReceiveCloseOnServerOperation(0),), _server._receive_close_on_server(state)
            )
            state.due.add(_server._RECEIVE_CLOSE_ON_SERVER_TOKEN)
        state.context.run(
            respond,
            event,
            state,
            next(behavior for behavior in behaviors if behavior is not None),
            argument,
            handler.request_deserializer,
            handler.response_serializer,
        )


def short(server: MeshServer, call: ServedCall) -> bool:
    """Give a call to an idle thread of the server's pool, on the hub; False where that cannot be.

    It can where nobody else has a say: no interceptor, no limit of calls, a plain pool that has started the
    thread already.
    """
    state = server.state
    if (
        state is None
        or not call.whole
        or state.interceptor_pipeline is not None
        or state.maximum_concurrent_rpcs is not None
        or state.stage is not _server._ServerStage.STARTED
    ):
        return False
    pool = state.thread_pool
    if type(pool) is not ThreadPoolExecutor or pool._shutdown or pool._idle_semaphore._value <= 0:
        return False
    # What `submit` does when a thread is idle.
    pool._idle_semaphore._value -= 1
    pool._work_queue.put(Work(server, call))  # type: ignore[arg-type]  # all that a thread does is run it
    return True


def start(state: Any) -> None:
    """Stand in for `_server._start`: the server learns whose it is."""
    if isinstance(state.server, MeshServer):
        state.server.state = state
        state.server.short = short
        pool = state.thread_pool
        if type(pool) is ThreadPoolExecutor:
            pool._idle_semaphore = IdleCount(pool._idle_semaphore._value)  # type: ignore[assignment]
    real_start(state)


def _respond(rpc_event: Any, call: UnaryCall, method_handler: Any) -> None:
    """Answer a call, in a thread of the server's pool."""
    served, state = call.served, call.state
    handling.set(served.begin.note)  # type: ignore[arg-type]  # the trace's own
    body = served.take()
    if body is None:
        return
    deserializer = method_handler.request_deserializer
    request = _common.deserialize(body, deserializer)
    if request is None:
        _server._abort(state, call, cygrpc.StatusCode.internal, b"Exception deserializing request!")
        return
    behavior = method_handler.unary_unary
    try:
        response = behavior(request, _server._Context(rpc_event, state, deserializer))
    except Exception as error:  # noqa: BLE001 - what becomes of it is the library's to say
        _server._call_behavior(rpc_event, state, _raiser(error), request, deserializer)
        return
    reply = _server._serialize_response(rpc_event, state, response, method_handler.response_serializer)
    if reply is None or served.over:
        return
    state.statused = True
    if (
        state.initial_metadata_allowed
        and state.code is None
        and state.details is None
        and state.trailing_metadata is None
        and state.compression_algorithm is None
    ):
        served.reply(reply, ())
        return
    if state.initial_metadata_allowed:
        send_headers(served, _server._get_initial_metadata(state, None))
    served.send(reply, None)
    finish(served, _server._completion_code(state), _server._details(state), state.trailing_metadata)


def _raiser(error: Exception) -> Any:
    """Return a handler that fails as another one has, for the library to say what that means."""

    def fail(_request: Any, _context: Any) -> Any:
        raise error

    return fail


class IdleCount:
    """How many threads of a pool are idle: a semaphore that nobody waits for, among tasks."""

    def __init__(self, value: int) -> None:
        self._value = value

    def acquire(self, *_: Any, **__: Any) -> bool:
        """Take one, if there is one."""
        if self._value <= 0:
            return False
        self._value -= 1
        return True

    def release(self) -> None:
        """Give one back."""
        self._value += 1


def patches() -> list[Patch]:
    """Return the patch of the short way."""
    return [Patch(_server, "_start", start)]
