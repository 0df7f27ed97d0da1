"""What a handler of an asyncio server is given: the context of its call, for coroutines and for functions."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import TYPE_CHECKING, Any

import grpc.aio
from grpc import _compression
from grpc._cython import cygrpc

from meshsim.transports.grpc.loops import awaited
from meshsim.transports.grpc.metadata import Metadatum
from meshsim.transports.grpc.seam_server import INSECURE, deadline_s, finish, send_headers
from meshsim.transports.grpc.status import CANCELLED, OK, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.transports.grpc.served import ServedCall

CLOSED_WORDS = "RPC already finished."


def number_of(code: Any) -> int:
    """Return a status's number, as core takes a `StatusCode` or a plain number."""
    if isinstance(code, int):
        return code if 0 <= code <= 16 else UNKNOWN
    try:
        return int(code.value[0])
    except (KeyError, AttributeError, TypeError):
        return UNKNOWN


class Context(grpc.aio.ServicerContext):  # type: ignore[misc]  # grpcio is not typed for us
    """The context of one call, for coroutines.

    Attributes:
        served: the call.
        status_sent: whether the status has been sent, or is on its way.
        status_code: what `set_code` said, as a number.
        abort_error: what `abort` raised.
        callbacks: what is called when the handler has ended.
    """

    def __init__(self, served: ServedCall, loop: asyncio.AbstractEventLoop) -> None:
        self.served = served
        self.loop = loop
        self.deserializer: Any = None
        self.serializer: Any = None
        self.status_sent = False
        self.status_code = OK
        self.abort_error: BaseException | None = None
        self.callbacks: list[Callable[[], Any]] = []
        self.headers_sent = False
        self._code: Any = None
        self._details = ""
        self._trailing: tuple[Any, ...] = ()
        self._compression: Any = None

    def check(self) -> None:
        """Raise what keeps a handler from going on, if anything does.

        Raises:
            AbortError: the call was aborted, and the handler has gone on.
            UsageError: its status has been sent.
        """
        if self.abort_error is not None:
            raise self.abort_error
        if self.status_sent:
            raise cygrpc.UsageError(CLOSED_WORDS)

    # -- messages ---------------------------------------------------------------------------------------

    async def read(self) -> Any:
        """Return the next message, or EOF."""
        self.check()
        body = await awaited(self.loop, self.served.on_message)
        self.check()
        if body is None:
            return cygrpc.EOF
        return body if self.deserializer is None else self.deserializer(body)

    async def write(self, message: Any) -> None:
        """Send a message, once the client's window is open."""
        self.check()
        body = message if self.serializer is None else self.serializer(message)
        self.begin(())

        def ask(done: Callable[..., None]) -> None:
            self.served.send(body, done)
            self.served.flush()

        await awaited(self.loop, ask)

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Send initial metadata now.

        Raises:
            UsageError: it was sent before.
        """
        self.check()
        if self.headers_sent:
            msg = "Send initial metadata failed: already sent"
            raise cygrpc.UsageError(msg)
        self.begin(tuple(initial_metadata))
        self.served.flush()

    def begin(self, initial: tuple[Any, ...]) -> None:
        """Set the initial metadata, unless that was done before; it leaves with what is sent next."""
        if not self.headers_sent:
            self.headers_sent = True
            if self._compression is not None:
                pair = _compression.compression_algorithm_to_metadata(self._compression)
                initial = (pair, *initial)
            send_headers(self.served, initial)

    def finish(self, code: int, details: str) -> None:
        """Send the status."""
        self.status_sent = True
        self.begin(())
        finish(self.served, code, details, self._trailing)

    async def abort(self, code: Any, details: str = "", trailing_metadata: Any = ()) -> Any:
        """End the call with an error, and the handler with an exception.

        Raises:
            AbortError: always.
        """
        if self.abort_error is not None:
            msg = "Abort already called!"
            raise cygrpc.UsageError(msg)
        self.abort_error = cygrpc.AbortError("Locally aborted.")
        if trailing_metadata or not self._trailing:
            self._trailing = tuple(trailing_metadata)
        self._details = details or self._details
        self.set_code(code)
        self.finish(self.status_code, self._details)
        raise self.abort_error

    async def abort_with_status(self, status: grpc.Status) -> Any:
        """End the call with a rich error."""
        await self.abort(status.code, status.details, status.trailing_metadata)

    # -- what is known ----------------------------------------------------------------------------------

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """Set the trailing metadata."""
        cygrpc.raise_if_not_valid_trailing_metadata(trailing_metadata)
        self._trailing = tuple(trailing_metadata)

    def trailing_metadata(self) -> Any:
        """Return the trailing metadata."""
        return self._trailing

    def invocation_metadata(self) -> Any:
        """Return the client's metadata."""
        return tuple([Metadatum(*pair) for pair in self.served.begin.metadata])

    def set_code(self, code: Any) -> None:
        """Set the status's code."""
        self.status_code = number_of(code)
        self._code = code

    def code(self) -> Any:
        """Return the code that was set."""
        return self._code

    def set_details(self, details: str) -> None:
        """Set the status's text."""
        self._details = details

    def details(self) -> str:
        """Return the text that was set."""
        return self._details

    def set_compression(self, compression: Any) -> None:
        """Set the compression, which changes nothing here.

        Raises:
            RuntimeError: initial metadata was sent before.
        """
        if self.headers_sent:
            msg = "Compression setting must be specified before sending initial metadata"
            raise RuntimeError(msg)
        self._compression = compression

    def disable_next_message_compression(self) -> None:
        """Do nothing: messages are never compressed here."""

    def peer(self) -> str:
        """Return the client's address."""
        return self.served.peer

    def peer_identities(self) -> Any:
        """Return who the client has proved to be: nobody."""
        return None

    def peer_identity_key(self) -> Any:
        """Return by what it has proved that."""
        return None

    def auth_context(self) -> Any:
        """Return what is known of the connection's security."""
        return dict(INSECURE)

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline, if there is one."""
        return None if self.served.deadline_ns is None else max(deadline_s(self.served) - time.time(), 0)

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        """Have a function called when the handler has ended."""
        self.callbacks.append(functools.partial(callback, self))

    def done(self) -> bool:
        """Whether the status has been sent."""
        return self.status_sent

    def cancelled(self) -> bool:
        """Whether the call's status is CANCELLED."""
        return self.status_code == CANCELLED


class BlockingContext:
    """The same for a function in a thread of the server's pool: what has to wait, waits for the event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.done_callbacks: list[Callable[[], Any]] = []

    def _wait_for(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._context.loop).result()

    def is_active(self) -> bool:
        """Whether the call goes on."""
        return not self._context.served.over

    def cancel(self) -> None:
        """Break the call off."""
        self._context.served.cancel_here()

    def add_callback(self, callback: Callable[[], Any]) -> bool:
        """Have a function called when the handler has ended."""
        self.done_callbacks.append(callback)
        return True

    def abort(self, code: Any, details: str = "", trailing_metadata: Any = ()) -> Any:
        """End the call with an error, and the handler with an exception."""
        self._wait_for(self._context.abort(code, details, trailing_metadata))

    def abort_with_status(self, status: Any) -> Any:
        """End the call with a rich error."""
        self._wait_for(self._context.abort_with_status(status))

    def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Send initial metadata now."""
        self._wait_for(self._context.send_initial_metadata(initial_metadata))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
