"""One client's connection as the server sees it, sans-IO: bytes in, bytes out, and a wait that blocks nothing.

A blocking command (BLPOP, XREAD BLOCK, WAIT, ...) parks here: the session keeps what has to be tried again, the
server tries it when one of its keys was written, and a timer ends it. What the client sends meanwhile waits in
the inbox, as in Redis.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from meshsim.transports.redis.codec import PushReply, encode
from meshsim.transports.redis.commands import Commands
from meshsim.transports.redis.dispatch import (
    ALWAYS,
    RUN,
    Entry,
    bind,
    find,
    shaped,
    spellings,
    unknown_command,
)
from meshsim.transports.redis.engine import FakeSocket, NoResponse, SimpleError, SimpleString
from meshsim.transports.redis.requests import ProtocolError, RequestParser, whole_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.transports.redis.server import RedisServer
    from meshsim.transports.redis.timer import Timer

__all__ = ["Parked", "Session"]

_log = logging.getLogger("meshsim.redis")
_QUEUED = SimpleString(b"QUEUED")
_NOTHING = NoResponse()
_WITHOUT_LOGIN = frozenset({"auth", "hello", "quit", "reset"})
_WHILE_SUBSCRIBED = frozenset(
    {
        "ping",
        "quit",
        "reset",
        "subscribe",
        "unsubscribe",
        "psubscribe",
        "punsubscribe",
        "ssubscribe",
        "sunsubscribe",
    }
)
_MAY_WRITE = frozenset({"eval", "evalsha", "fcall", "publish"})
_RESP3 = 3


class Parked:
    """A command that waits: what to try again, what the answer to nothing is, and until when."""

    __slots__ = ("attempt", "database", "keys", "shape", "timer")

    def __init__(
        self, attempt: Callable[[], Any], shape: Callable[[Any], Any], keys: list[bytes], database: Any
    ) -> None:
        self.attempt = attempt
        self.shape = shape
        self.keys = keys
        self.database = database
        self.timer: Timer | None = None


class Session(Commands, FakeSocket):  # type: ignore[misc]  # parts of the engine are narrowed, others mended
    """A client of one server.

    Args:
        server: whose client this is.
        peer: the client's address for CLIENT LIST, as `host:port`.
        on_reply: called with the bytes to send to the client.
        on_close: called when the server closes the connection.

    Attributes:
        caller: the host that asks, for faults that mean one.
    """

    _server: RedisServer

    def __init__(
        self, server: RedisServer, peer: str, on_reply: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> None:
        super().__init__(server, 0, client_class=object, client_info=server.client_info(peer))
        self.server = server
        self.responses = None
        self.peer = peer
        self.caller = peer
        self.closed = False
        self.logged_in = not server.password
        self.dialect = server.dialects[2]
        self.parked: Parked | None = None
        self.fields: list[bytes] = []
        self.is_master_link = False
        self._on_reply = on_reply
        self._on_close = on_close
        self._requests = RequestParser()
        self._inbox: deque[list[bytes]] = deque()
        self._outbox: list[bytes] = []
        self._closing = False
        self._delayed: list[str | None] = []

    # -- what the network calls

    def feed(self, data: bytes) -> None:
        """Take bytes that arrived from the client, and answer what can be answered."""
        if self.closed or self._closing:
            return
        server = self.server
        if self._requests.idle and self.parked is None and not self._inbox and server.unhindered:
            fields = whole_command(data)
            if fields is not None:
                server.serve_one(self, fields)
                return
        try:
            self._inbox.extend(self._requests.feed(data))
        except ProtocolError as error:
            self._outbox.append(encode(SimpleError(f"ERR {error}"), self.dialect))
            self._closing = True
        server.serve(self)

    def close(self) -> None:
        """Forget the client: it closed the connection, or its host died."""
        if not self.closed:
            self.closed = True
            self._stop_waiting()
            self._inbox.clear()
            self._discard_subscriptions()
            self._clear_watches()
            if self in self.server.sockets:
                self.server.sockets.remove(self)

    # -- what the server calls

    def drain(self) -> None:
        """Run what the client has sent, up to a command that parks."""
        server, inbox = self.server, self._inbox
        while inbox and self.parked is None and not self.closed and not self._closing:
            if server.paused_until_ns and self._is_held(inbox[0]):
                break
            if server.faults and self._is_met(inbox[0]):
                continue
            self.run(inbox.popleft())
            if server.ready_keys:
                server.wake_waiting()

    def _is_met(self, fields: list[bytes]) -> bool:
        """Let a fault answer a command, or hold it up; whether it is dealt with for now."""
        if self._delayed:
            error, self._delayed = self._delayed.pop(), []
        else:
            found = self.server.intercept(self.caller, fields) if self.server.intercept is not None else None
            if found is None:
                return False
            delay_ns, error = found
            if delay_ns > 0:
                self._delayed = [error]
                self.parked = Parked(lambda: None, self._as_it_is, [], self._db)
                self.parked.timer = self.server.call_later(delay_ns, self._go_on)
                return True
        if error is None:
            return False
        self._inbox.popleft()
        self._outbox.append(encode(SimpleError(error), self.dialect))
        return True

    def _go_on(self) -> None:
        self.parked = None
        self.server.serve(self)

    def _is_held(self, fields: list[bytes]) -> bool:
        try:
            entry = find(fields)
        except SimpleError:
            return self.server.holds(writes=False)
        if entry.name == "exec" and self._transaction is not None:
            return self.server.holds(writes=any(queued.writes for queued, _ in self._transaction))
        return self.server.holds(
            writes=(entry.writes and self._transaction is None) or entry.name in _MAY_WRITE
        )

    def send_reply(self) -> bool:
        """Send the one reply there is, and nothing else; False when there is more to do than that."""
        outbox = self._outbox
        if len(outbox) != 1 or self._closing or self._killed:
            return False
        self._on_reply(outbox.pop())
        return True

    def flush(self) -> None:
        """Send what there is to send, in one piece, and close when that was the last of it."""
        if self._outbox and not self.closed:
            data = self._outbox[0] if len(self._outbox) == 1 else b"".join(self._outbox)
            self._outbox.clear()
            self._on_reply(data)
        if (self._closing or self._killed) and not self.closed:
            self.close()
            self._on_close()

    def drop_replies(self) -> None:
        """Forget what would be sent: a master wants no answer from its replica."""
        self._outbox.clear()

    def run(self, fields: list[bytes]) -> None:
        """Run one command and note its reply."""
        server = self.server
        self.fields = fields
        server.commands_processed += 1
        entry = spellings.get(fields[0])
        if (
            entry is not None
            and entry.since is ALWAYS
            and self._transaction is None
            and self.logged_in
            and not (self._pubsub or server.guarded or server.links)
        ):
            # What nearly every command is: nothing stands between it and the engine.
            result = self.call(entry, fields[entry.words :])
            if entry.shape is not None and type(result) is not SimpleError:
                result = entry.shape(result)
        else:
            result = self._answer(fields)
        kind = type(result)
        if kind is NoResponse:
            return
        if kind is SimpleError:
            server.note_error(result)
        if self._reply_off or self._reply_skip or self._reply_skip_next:
            silent = self._reply_off or self._reply_skip
            self._reply_skip, self._reply_skip_next = self._reply_skip_next, False
            if silent:
                return
        self._outbox.append(encode(result, self.dialect))

    def try_again(self) -> bool:
        """Try a parked command again; whether it came through."""
        parked = self.parked
        if parked is None:
            return False
        self._db.time = self.server.now_s
        try:
            found = parked.attempt()
        except SimpleError as error:
            self.unpark(error)
            return True
        if found is None:
            return False
        self.server.log_write(self, self.fields)
        self.unpark(parked.shape(found))
        return True

    def unpark(self, reply: Any) -> None:
        """End the wait of a parked command with a reply; what was sent meanwhile runs later in this turn."""
        self._stop_waiting()
        entry = find(self.fields)
        self._outbox.append(encode(shaped(entry, reply), self.dialect))
        self.server.resume(self)

    def time_out(self) -> None:
        """Answer a parked command whose time is over."""
        parked = self.parked
        if parked is not None:
            self.unpark(parked.shape(None))
            self.server.serve(self)

    # -- what the engine calls

    def put_response(self, msg: Any) -> None:
        """Send what is no reply: messages of subscriptions, and the confirmations of (un)subscribing."""
        if not self.closed:
            self._outbox.append(encode(PushReply(msg), self.dialect))
            self.server.resume(self)

    def _blocking(
        self, timeout: float | None, func: Callable[[bool], Any], shape: Callable[[Any], Any] | None = None
    ) -> Any:
        shaped = shape or self._as_it_is
        found = func(True)  # noqa: FBT003 - the engine's own way to say that it is the first try
        if found is not None or self._in_transaction or self._script_resp is not None:
            return shaped(found)
        return self.park(lambda: func(False), shaped, timeout)  # noqa: FBT003 - as above

    def park(
        self, attempt: Callable[[], Any], shape: Callable[[Any], Any], timeout_s: float | None
    ) -> NoResponse:
        """Wait until `attempt` gives something or the time is over; 0 or None waits for ever."""
        keys = self._keys_waited_for(self.fields)
        self.parked = Parked(attempt, shape, keys, self._db)
        self._blocked = True
        self._db.block(self, keys)
        if timeout_s:
            self.parked.timer = self.server.call_later(round(timeout_s * 1_000_000_000), self.time_out)
        return _NOTHING

    def _stop_waiting(self) -> None:
        parked, self.parked = self.parked, None
        self._blocked = False
        if parked is not None:
            parked.database.unblock(self, parked.keys)
            if parked.timer is not None:
                parked.timer.cancel()

    @staticmethod
    def _as_it_is(found: Any) -> Any:
        return found

    def _answer(self, fields: list[bytes]) -> Any:
        server = self.server
        entry = None
        try:
            entry = find(fields)
            if entry.since is not ALWAYS and entry.since > server.version:
                raise unknown_command(fields)
            if server.links:
                server.forget_draws()
            if server.guarded or self._pubsub or not self.logged_in:
                self._may_run(entry, fields)
            if self._transaction is None or entry.at_once:
                return self._run_entry(entry, fields[entry.words :], fields)
            entry.check_queueing(len(fields) - entry.words)
            self._transaction.append((entry, fields[entry.words :]))
        except SimpleError as error:
            if self._transaction is not None and (entry is None or not entry.at_once):
                self._transaction_failed = True
            return error
        return _QUEUED

    def _may_run(self, entry: Entry, fields: list[bytes]) -> None:
        server = self.server
        if not self.logged_in and entry.name not in _WITHOUT_LOGIN:
            raise SimpleError("NOAUTH Authentication required.")
        if server.restricted:
            server.acl.validate_command(self._client_info.user, self._client_info, fields)
        if entry.writes and server.read_only and not self.is_master_link:
            raise SimpleError("READONLY You can't write against a read only replica.")
        if self._pubsub and self._client_info["resp"] != _RESP3 and entry.name not in _WHILE_SUBSCRIBED:
            message = (
                f"ERR Can't execute '{entry.name.replace(' ', '|')}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                "QUIT / RESET are allowed in this context"
            )
            raise SimpleError(message)

    def _run_entry(self, entry: Entry, arguments: list[bytes], fields: list[bytes]) -> Any:
        server = self.server
        before = server.dirty
        result = self.call(entry, arguments)
        if entry.propagates and server.links:
            server.dirty += 1
        if server.dirty != before and self.parked is None and entry.name != "exec":
            server.log_write(self, fields)
        return shaped(entry, result)

    def call(self, entry: Entry, arguments: list[bytes]) -> Any:
        """Run one command of the engine and store what it wrote.

        An engine that breaks is answered as an error of the server: the world must go on, and the client's own
        traceback is where its user will look.
        """
        items: Any = ()
        try:
            bound, items, reply = bind(entry, arguments, self._db)
            if reply is RUN:
                reply = getattr(self, entry.function)(*bound)
        except SimpleError as error:
            reply = error
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            _log.exception("the simulated Redis failed on %s", entry.name)
            reply = SimpleError(f"ERR internal error of the simulated Redis in '{entry.name}': {error!r}")
        for item in items:
            if item._modified or item._expireat_modified:
                item.writeback(remove_empty_val=entry.removes_empty)
        if entry.writes and self.server.links and self.parked is None and not isinstance(reply, SimpleError):
            self.server.dirty += 1  # the engine notes keys, not what changed inside a stream's groups
        if self.server.notify_flags:
            self._keyspace_notifications(items, entry.name.encode())
        return reply
