"""`grpc.aio` channels: the library's own Python code over calls of ours.

What is replaced is `cygrpc.AioChannel`; calls, interceptors, reader and writer styles and their exceptions stay
the library's own. What the network brings is handed to the event loop, whose task nobody else parks.
"""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any

from grpc._cython import cygrpc
from grpc.aio import _channel as aio_channel

from meshsim.kernel import api
from meshsim.kernel.patches.patch import Patch
from meshsim.kernel.state import current
from meshsim.transports.grpc import metadata, texts
from meshsim.transports.grpc.call import ClientCall
from meshsim.transports.grpc.channel import ClientChannel
from meshsim.transports.grpc.credentials import plugins_of, start
from meshsim.transports.grpc.loops import awaited, settle, tell
from meshsim.transports.grpc.metadata import Metadatum
from meshsim.transports.grpc.seam_channel import is_secure, moment_ns
from meshsim.transports.grpc.status import CANCELLED, INTERNAL, OK

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from meshsim.transports.grpc.status import Status
    from meshsim.transports.grpc.wire import Metadata

RealAioChannel = cygrpc.AioChannel
real_register_call = aio_channel.Channel._register_call


class MeshAioCall:
    """A call as `cygrpc._AioCall` is to the library's Python code."""

    def __init__(
        self, channel: MeshAioChannel, call: ClientCall, deadline: float | None, credentials: Any
    ) -> None:
        self._channel = channel
        self._call = call
        self._deadline = deadline
        self._credentials = credentials
        self._loop = channel.loop
        self._status: Any = None
        self._initial_metadata: tuple[Any, ...] | None = None
        self._status_waiters: list[asyncio.Future[None]] = []
        self._initial_waiters: list[asyncio.Future[None]] = []
        self._done_callbacks: list[Callable[[], None]] = []
        self._cancelled_here = False

    # -- what is known ----------------------------------------------------------------------------------

    def _set_status(self, status: Any) -> None:
        if self._status is not None:
            return
        self._status = status
        self._set_initial(())
        waiters, self._status_waiters = self._status_waiters, []
        for waiter in waiters:
            settle(waiter)
        for callback in self._done_callbacks:
            callback()

    def _ended(self, status: Status) -> None:
        trailers = tuple([Metadatum(*pair) for pair in status.trailers])
        self._set_status(
            cygrpc.AioRpcStatus(status.code, status.details, trailers, status.debug_text() or None)
        )

    def _set_initial(self, found: Metadata) -> None:
        if self._initial_metadata is None:
            self._initial_metadata = tuple([Metadatum(*pair) for pair in found])
            waiters, self._initial_waiters = self._initial_waiters, []
            for waiter in waiters:
                settle(waiter)

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Have a function called when the call is over."""
        if self.done():
            callback()
        else:
            self._done_callbacks.append(callback)

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline, if there is one."""
        return None if self._deadline is None else max(0, self._deadline - time.time())

    def done(self) -> bool:
        """Whether the call is over."""
        return self._status is not None

    def cancelled(self) -> bool:
        """Whether it was cancelled, by either side."""
        return self.done() and self._status.code() == CANCELLED

    def is_ok(self) -> bool:
        """Whether it ended well."""
        return self.done() and self._status.code() == OK

    def is_locally_cancelled(self) -> bool:
        """Whether it was cancelled by this side."""
        return self._cancelled_here

    async def status(self) -> Any:
        """Return how it ended, once it has."""
        if self._status is None:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._status_waiters.append(waiter)
            await waiter
        return self._status

    async def initial_metadata(self) -> Any:
        """Return the server's initial metadata, once it is there or never will be."""
        if self._initial_metadata is None:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._initial_waiters.append(waiter)
            await waiter
        return self._initial_metadata

    def cancel(self, details: str) -> None:
        """End the call from this side."""
        self._cancelled_here = True
        self._set_status(cygrpc.AioRpcStatus(CANCELLED, details, None, None))
        if not self._channel.core.gone:
            self._call.cancel(CANCELLED, details)

    def set_internal_error(self, error: str) -> None:
        """End the call for a reason that is nobody's."""
        self._set_status(cygrpc.AioRpcStatus(INTERNAL, "Internal error from Core", (), error))

    # -- what is done -----------------------------------------------------------------------------------

    def _begin(self, outbound: Any) -> None:
        self._call.on_initial(lambda found: tell(self._loop, self._set_initial, found))
        try:
            sent = metadata.read(outbound)
        except metadata.InvalidMetadataError:
            self._call.cancel(INTERNAL, texts.INVALID_METADATA)
        else:
            start(self._channel, self._call, sent, self._credentials)

    def _watch(self) -> None:
        self._call.on_status(lambda status: tell(self._loop, self._ended, status))

    async def unary_unary(self, request: bytes, outbound: Any, _context: Any = None) -> bytes | None:
        """Make a call of one message each way."""
        call = self._call
        call.send(request, None)
        call.finish_sending()
        self._begin(outbound)
        body: bytes | None = await awaited(self._loop, call.on_message)
        self._watch()
        await self.status()
        return body if self.is_ok() else None

    async def initiate_unary_stream(self, request: bytes, outbound: Any, _context: Any = None) -> None:
        """Begin a call that is answered by many messages."""
        self._call.send(request, None)
        self._call.finish_sending()
        self._begin(outbound)
        self._watch()
        await self.initial_metadata()

    async def stream_unary(
        self, outbound: Any, sent: Callable[[], None], _context: Any = None
    ) -> bytes | None:
        """Make a call that sends many messages; `sent()` when they may be sent."""
        self._begin(outbound)
        sent()
        body: bytes | None = await awaited(self._loop, self._call.on_message)
        self._watch()
        await self.status()
        return body if self.is_ok() else None

    async def initiate_stream_stream(
        self, outbound: Any, sent: Callable[[], None], _context: Any = None
    ) -> None:
        """Begin a call of many messages each way."""
        self._begin(outbound)
        self._watch()
        sent()
        await self.initial_metadata()

    async def receive_serialized_message(self) -> Any:
        """Return the next message, or EOF."""
        body = await awaited(self._loop, self._call.on_message)
        return cygrpc.EOF if body is None else body

    async def send_serialized_message(self, message: bytes) -> None:
        """Send a message, once the server's window is open."""

        def ask(done: Callable[..., None]) -> None:
            self._call.send(message, done)
            self._call.pump()

        await awaited(self._loop, ask)
        if self._call.status is not None:
            await self.status()

    async def send_receive_close(self) -> None:
        """Say that nothing more is sent."""
        self._call.finish_sending()
        self._call.pump()

    def __repr__(self) -> str:
        if self._status is None:
            return "<_AioCall object>"
        status = self._status
        code = aio_channel._common.CYGRPC_STATUS_CODE_TO_STATUS_CODE[status.code()]
        lines = [
            f'<_AioCall of RPC that terminated with:\n\tstatus = {code}\n\tdetails = "{status.details()}"\n'
        ]
        if status.code() != OK:
            lines.append(f'\tdebug_error_string = "{status.debug_error_string()}"\n')
        return "".join([*lines, ">"])


class MeshAioChannel:
    """A channel as `cygrpc.AioChannel` is to the library's Python code."""

    def __init__(
        self, target: bytes, options: Any, credentials: Any, loop: asyncio.AbstractEventLoop
    ) -> None:
        task = current()
        if task is None:
            msg = "a channel of a mesh is made by a task of one"
            raise RuntimeError(msg)
        self.core = ClientChannel(task.process, target.decode("utf8"), options or ())
        self.loop = loop
        self.secure = is_secure(credentials)
        self.plugins = plugins_of(credentials)
        self._closing = False
        self._closed = False

    def get_registered_call_handle(self, _method: bytes) -> int:
        """Return the handle of a method; here a method is its name."""
        return 0

    def call(
        self,
        method: bytes,
        deadline: float | None,
        credentials: Any,
        wait_for_ready: bool | None,  # noqa: FBT001 - as the real one
        _handle: Any = None,
    ) -> MeshAioCall:
        """Return a call that has not begun.

        Raises:
            UsageError: the channel is closed.
        """
        if self._closed or self._closing:
            msg = "Channel is closed."
            raise cygrpc.UsageError(msg)
        made = ClientCall(self.core, method.decode("utf8"), moment_ns(deadline), wait_for_ready)
        return MeshAioCall(self, made, deadline, getattr(credentials, "_credentials", credentials))

    def check_connectivity_state(self, try_to_connect: bool) -> int:  # noqa: FBT001 - as the real one
        """Return the channel's state, and begin to connect if asked to."""
        if self._closed:
            return int(cygrpc.ConnectivityState.shutdown)
        state = self.core.state
        if try_to_connect:
            self.core.connect()
        return state

    async def watch_connectivity_state(self, last: int, deadline: float | None) -> bool:
        """Return once the state is another one; False when the moment came first.

        Raises:
            UsageError: the channel is closed.
        """
        if self._closed or self._closing:
            msg = "Channel is closed."
            raise cygrpc.UsageError(msg)
        core = self.core
        limit = moment_ns(deadline)
        while core.state == last:
            future: asyncio.Future[Any] = self.loop.create_future()
            changed = _resolver(self.loop, future)
            core.watch(changed)
            timer = None if limit is None else api.call_at(limit, changed)
            try:
                await future
            finally:
                core.unwatch(changed)
                if timer is not None:
                    timer.cancel()
            if limit is not None and api.now() >= limit:
                break
        return core.state != last

    def closing(self) -> None:
        """Take no new calls."""
        self._closing = True

    def closed(self) -> bool:
        """Whether it is closed."""
        return self._closed

    def close(self) -> None:
        """End the connection."""
        self._closed = True
        if not self.core.gone:
            self.core.close()

    def __repr__(self) -> str:
        return f"<channel to {self.core.target}>"


def _resolver(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> Callable[[], None]:
    return lambda: tell(loop, settle, future)


class ActiveCalls:
    """The calls of a channel, weakly held, in the order in which they began.

    The library keeps a WeakSet, whose order is that of addresses; a channel that closes cancels in it.
    """

    def __init__(self) -> None:
        self._calls: dict[int, weakref.ref[Any]] = {}

    def add(self, call: Any) -> None:
        """Add a call."""
        key = id(call)
        self._calls[key] = weakref.ref(call, lambda _: self._calls.pop(key, None))

    def discard(self, call: Any) -> None:
        """Drop a call."""
        self._calls.pop(id(call), None)

    def clear(self) -> None:
        """Drop all."""
        self._calls.clear()

    def __iter__(self) -> Iterator[Any]:
        return iter([call for reference in list(self._calls.values()) if (call := reference()) is not None])

    def __len__(self) -> int:
        return len(self._calls)


def register_call(self: Any, call: Any) -> None:
    """Stand in for `grpc.aio.Channel._register_call`."""
    if isinstance(self._channel, MeshAioChannel) and not isinstance(self._active_calls, ActiveCalls):
        self._active_calls = ActiveCalls()
    real_register_call(self, call)


def channel(target: bytes, options: Any, credentials: Any, loop: Any) -> Any:
    """Stand in for `cygrpc.AioChannel`."""
    if current() is None:
        return RealAioChannel(target, options, credentials, loop)
    return MeshAioChannel(target, options, credentials, loop)


def patches() -> list[Patch]:
    """Return the patches of asyncio's channels."""
    return [
        Patch(cygrpc, "AioChannel", channel),
        Patch(aio_channel.Channel, "_register_call", register_call),
    ]
