"""The short way of a unary call, at its client: one message each way, and the caller waits.

gRPC's Python code makes a batch of six operations, a state with a lock, and an event of all of them, which real
threads need and tasks do not: one task runs at a time and only parks by itself. What this file says again of
`_blocking` is held to the long way, and to the real thing, by the parity tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grpc import StatusCode, _channel, _common, _compression

from meshsim.kernel import api
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.transports.grpc import metadata as pairs
from meshsim.transports.grpc import texts
from meshsim.transports.grpc.call import ClientCall
from meshsim.transports.grpc.credentials import start
from meshsim.transports.grpc.metadata import Metadatum
from meshsim.transports.grpc.seam_channel import MeshChannel
from meshsim.transports.grpc.status import INTERNAL, OK

if TYPE_CHECKING:
    from meshsim.transports.grpc.status import Status

real_call = _channel._UnaryUnaryMultiCallable.__call__
CODES: Final = {int(code): known for code, known in _common.CYGRPC_STATUS_CODE_TO_STATUS_CODE.items()}


class Waiting:
    """What a blocking call waits for."""

    __slots__ = ("body", "status", "task")

    def __init__(self, task: Any) -> None:
        self.task = task
        self.body: bytes | None = None
        self.status: Status | None = None

    def got(self, body: bytes | None) -> None:
        """Take the reply."""
        self.body = body

    def over(self, status: Status) -> None:
        """Take the status, which comes last."""
        self.status = status
        api.wake(self.task)


def unary_call(  # noqa: PLR0917 - as the real one
    self: Any,
    request: Any,
    timeout: float | None = None,
    metadata: Any = None,
    credentials: Any = None,
    wait_for_ready: bool | None = None,  # noqa: FBT001 - as the real one
    compression: Any = None,
) -> Any:
    """Stand in for `_UnaryUnaryMultiCallable.__call__`."""
    channel = self._channel
    task = current()
    if (
        task is None
        or type(channel) is not MeshChannel
        or channel.closed
        or channel.core.process is not task.process
    ):
        return real_call(self, request, timeout, metadata, credentials, wait_for_ready, compression)
    body = _common.serialize(request, self._request_serializer)
    if body is None:
        raise _error(StatusCode.INTERNAL, "Exception serializing request!")
    deadline = None if timeout is None else api.now() + round(timeout * 1_000_000) * 1_000
    call = ClientCall(channel.core, self._method.decode(), deadline, wait_for_ready)
    channel.calls[call] = None
    try:
        found = _exchange(channel, call, task, body, _sent(metadata, compression), credentials)
    finally:
        channel.calls.pop(call, None)
        if call.status is None:
            call.cancel()
    status: Any = found.status
    if status.code != OK:
        raise _error_of(call, status)
    response = _common.deserialize(found.body, self._response_deserializer)
    if response is None:
        raise _error(StatusCode.INTERNAL, "Exception deserializing response!")
    return response


def _sent(given: Any, compression: Any) -> Any:
    return given if compression is None else _compression.augment_metadata(given, compression)


def _exchange(  # noqa: PLR0917 - the parts of a call
    channel: MeshChannel, call: ClientCall, task: Any, body: bytes, given: Any, credentials: Any
) -> Waiting:
    """Make a call; parks the calling task until it is over."""
    waiting = Waiting(task)
    call.on_message(waiting.got)
    call.on_status(waiting.over)
    call.send(body, None)
    call.finish_sending()
    try:
        sent = pairs.read(given) if given else ()
    except pairs.InvalidMetadataError:
        call.cancel(INTERNAL, texts.INVALID_METADATA)
    else:
        start(channel, call, sent, None if credentials is None else credentials._credentials)
    task.wait = call
    while waiting.status is None:
        api.park()
    return waiting


def _error(code: Any, details: str) -> Any:
    return _channel._InactiveRpcError(_channel._RPCState((), (), (), code, details))


def _error_of(call: ClientCall, status: Status) -> Any:
    """Return the exception that a status is."""
    initial = tuple([Metadatum(*pair) for pair in call.initial or ()])
    trailers = tuple([Metadatum(*pair) for pair in status.trailers])
    state = _channel._RPCState(
        (), initial, trailers, CODES.get(status.code, StatusCode.UNKNOWN), status.details
    )
    state.debug_error_string = status.debug_text()
    return _channel._InactiveRpcError(state)


def patches() -> list[Patch]:
    """Return the patch of the short way."""
    return [Patch(_channel._UnaryUnaryMultiCallable, "__call__", unary_call)]
