r"""A Redis server, sans-IO: sessions are opened, fed bytes and closed; replies, timers and the clock are given.

    server = RedisServer("cache", clock=wall_ns, random=stream, call_at=call_at)
    session = server.open("storefront/0:40001", on_reply=connection.send)
    session.feed(b"*1\r\n$4\r\nPING\r\n")         # on_reply(b"+PONG\r\n")

One turn runs at a time: a command of one session, what it wakes in others, and then every reply leaves. The
engine's clock and dice are this server's for the turn.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from meshsim.transports.redis.codec import Dialect
from meshsim.transports.redis.commands.scripts import make_script_engine
from meshsim.transports.redis.database import Channels, Databases, MeshDatabase, NoLock, Sessions
from meshsim.transports.redis.engine import FakeServer, SimpleError, turn
from meshsim.transports.redis.replication import PlayedDraws, RecordedDraws, Write, copy_databases
from meshsim.transports.redis.session import Session
from meshsim.transports.redis.settings import Settings

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from meshsim.transports.redis.replication import Link
    from meshsim.transports.redis.scripting import ScriptEngine
    from meshsim.transports.redis.timer import Timer

__all__ = ["RedisServer"]

DEFAULT_PORT = 6379
DEFAULT_VERSION = "7.4"
# A replica that nobody reads may be so many writes behind in its work, which bounds what it holds.
_ARREARS_MAX = 10_000
_CONTAINERS = frozenset(
    {b"client", b"config", b"command", b"object", b"script", b"xgroup", b"xinfo", b"memory", b"acl"}
)


class RedisServer(FakeServer):
    """One Redis server.

    Args:
        name: the host's name, which replicas and Sentinels hand out as its address.
        clock: nanoseconds since 1970.
        random: the stream that random commands draw from.
        call_at: has a function called at a time of `clock`; returns a timer.
        version: as in `7.4`; newer commands are unknown.
        port: where it listens, for what it says about itself.
        password: what AUTH must bring; empty for none.

    Attributes:
        faults: what may answer for the server; while it is empty, `intercept` is not asked.
        intercept: asked with the host that asks and the words of each command; answers with a delay in
            nanoseconds and the text of an error to send instead of a reply, or None for neither.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], int],
        random: random.Random,
        call_at: Callable[..., Timer],
        version: str = DEFAULT_VERSION,
        port: int = DEFAULT_PORT,
        password: str = "",
    ) -> None:
        self.name = name
        self.port = port
        self.address = f"{name}:{port}"
        self.password = password.encode()
        self.clock = clock
        self.call_at = call_at
        self.random = random
        self.now_s = 0.0
        self.begin_turn()
        super().__init__(version=tuple(map(int, version.split("."))), server_type="redis")
        self.lock = NoLock()  # type: ignore[assignment]
        self.version_text = ".".join([*version.split("."), "0"][: max(3, version.count(".") + 1)])
        self.dbs: Databases = Databases(self)  # type: ignore[assignment]
        self.subscribers = Channels()  # type: ignore[assignment]
        self.psubscribers = Channels()  # type: ignore[assignment]
        self.ssubscribers = Channels()  # type: ignore[assignment]
        self.settings = Settings(self)
        self.config = self.settings
        self.scripts: ScriptEngine = make_script_engine(self)
        self.script_caller: Session | None = None
        self.restricted = False
        self.guarded = False
        self.notify_flags = ""
        self.dialects = {protocol: Dialect(protocol, shortest=self.version >= (7, 2)) for protocol in (2, 3)}
        self.dirty = 0
        self.ready_keys: list[tuple[MeshDatabase, bytes]] = []
        self.waiting_for_replicas = Sessions()
        self.faults: Sequence[object] = ()
        self.intercept: Callable[[str, list[bytes]], tuple[int, str | None] | None] | None = None
        self.run_id = f"{random.getrandbits(160):040x}"
        self.replication_id = f"{random.getrandbits(160):040x}"
        self.offset = 0
        self.master: RedisServer | None = None
        self.read_only = False
        self.links: list[Link] = []
        self.arrears: list[Write] = []
        self._replayer: Session | None = None
        self.connections_received = self.commands_processed = self.expired_keys = 0
        self.errors: Counter[str] = Counter()
        self.closed = False
        self._started_ns = clock()
        self._lua_random = self.scripts.random_state
        self._draws: RecordedDraws | None = None
        self._resumed: dict[Session, None] = {}
        self._serving = False
        self.paused_until_ns = 0
        self._pause_writes_only = False
        self._pause_timer: Timer | None = None

    # -- what the network calls

    def open(
        self, peer: str, on_reply: Callable[[bytes], None], on_close: Callable[[], None] | None = None
    ) -> Session:
        """Take a new client.

        Args:
            peer: its address, for CLIENT LIST.
            on_reply: sends bytes to it.
            on_close: closes its connection; called when the server wants that.
        """
        self.catch_up()
        self.begin_turn()
        self.connections_received += 1
        return Session(self, peer, on_reply, on_close or _nothing)

    def close(self) -> None:
        """Drop every client without a word: the process is gone."""
        self.closed = True
        for session in list(self.sockets):
            session.close()

    # -- one turn

    def begin_turn(self) -> None:
        """Lend the engine this server's clock and dice."""
        clock = turn.clock = self.clock
        turn.random = self.random
        now_s = (clock() // 1_000_000) / 1000
        if now_s != self.now_s:
            self.now_s = now_s
            for database in getattr(self, "dbs", {}).values():
                database.time = now_s

    @property
    def unhindered(self) -> bool:
        """Whether a command that arrives may run at once: no turn is on, no pause and no fault in force."""
        return not (self._serving or self.paused_until_ns or self.faults)

    def serve_one(self, session: Session, fields: list[bytes]) -> None:
        """Run one command and send its reply: a turn without the ceremony, which most turns do not need."""
        self._serving = True
        try:
            self.begin_turn()
            session.run(fields)
        finally:
            self._serving = False
        if self.ready_keys or self._resumed or not session.send_reply():
            if self.ready_keys:
                self.wake_waiting()
            self.serve(session)

    def serve(self, session: Session) -> None:
        """Run what a session has to run, then what that woke, then send every reply."""
        if self._serving:
            self.resume(session)
            return
        self._serving = True
        try:
            self.begin_turn()
            session.drain()
            session.flush()
            while self._resumed:
                other = next(iter(self._resumed))
                del self._resumed[other]
                other.drain()
                other.flush()
        finally:
            self._serving = False

    def resume(self, session: Session) -> None:
        """Have a session looked at before this turn ends: it has something to send or to run."""
        self._resumed[session] = None

    def wake_waiting(self) -> None:
        """Let sessions that wait for a written key try again, in the order in which they came."""
        while self.ready_keys:
            ready, self.ready_keys = self.ready_keys, []
            for database, key in dict.fromkeys(ready):
                for session in database.blocked.get(key, ()):
                    session.try_again()

    def call_later(self, delay_ns: int, function: Callable[[], None]) -> Timer:
        """Have a function called after a while."""
        return self.call_at(self.clock() + delay_ns, function)

    # -- holding clients

    def pause(self, duration_ns: int, *, writes_only: bool) -> None:
        """Hold all commands, or all writes, for a while."""
        self.paused_until_ns = max(self.paused_until_ns, self.clock() + duration_ns)
        self._pause_writes_only = writes_only
        if self._pause_timer is not None:
            self._pause_timer.cancel()
        self._pause_timer = self.call_at(self.paused_until_ns, self.unpause)

    def unpause(self) -> None:
        """Let held commands go on."""
        self.paused_until_ns = 0
        if self._pause_timer is not None:
            self._pause_timer.cancel()
            self._pause_timer = None
        for session in list(self.sockets):
            self.serve(session)

    def holds(self, *, writes: bool) -> bool:
        """Whether a command has to wait for the end of a pause."""
        return self.paused_until_ns > 0 and (writes or not self._pause_writes_only)

    # -- replication

    @property
    def role(self) -> str:
        """`master` or `slave`, as ROLE and INFO say it."""
        return "master" if self.master is None else "slave"

    def log_write(self, session: Session, fields: list[bytes]) -> None:
        """Send a command that wrote to the replicas."""
        if not self.links:
            return
        if fields[0].lower() == b"evalsha":
            fields = [b"EVAL", self.script_cache[fields[1].lower()], *fields[2:]]
        self.offset += sum(len(field) + 5 for field in fields)
        draws = tuple(self._draws.drawn) if self._draws is not None else ()
        write = Write(self.clock(), session._db_num, tuple(fields), draws, self._lua_random, self.offset)
        for link in self.links:
            link.push(write)

    def forget_draws(self) -> None:
        """Begin a command that the replicas may get: from here on its draws are recorded."""
        if self._draws is None:
            self._draws = RecordedDraws(self.random)
        self._draws.drawn.clear()
        self._lua_random = self.scripts.random_state
        turn.random = self._draws

    def receive(self, write: Write) -> None:
        """Take a master's write: run it now where a client could see that, else when one could.

        Nobody reads most replicas, and to run everything on each of them took a third of a run's time. What a
        write does depends on nothing but the write and those before it, so that it may as well be done later.
        """
        self.arrears.append(write)
        if self.sockets or len(self.arrears) >= _ARREARS_MAX:
            self.catch_up()

    def catch_up(self) -> None:
        """Run what was received and not run yet."""
        arrears = self.arrears
        if arrears:
            self.arrears = []
            for write in arrears:
                self.apply(write)

    def apply(self, write: Write) -> None:
        """Run a master's write, as it was there."""
        session = self._replayer
        if session is None:
            session = self._replayer = Session(self, self.address, _ignore, _nothing)
            session.is_master_link = session.logged_in = True
            self.sockets.remove(session)
        session.closed = False
        turn.clock = lambda: write.at_ns
        turn.random = PlayedDraws(write.draws)
        self.scripts.random_state = write.lua_random
        now_s = self.now_s = turn.time()
        for database in self.dbs.values():
            database.time = now_s
        session._db, session._db_num = self.dbs[write.database], write.database
        session._in_transaction = True
        session.run(list(write.fields))
        session.drop_replies()
        session.closed = True
        self.offset = write.offset
        self.serve(session)

    def follow(self, master: RedisServer | None) -> None:
        """Become the replica of a master, or a master."""
        self.catch_up()
        self.master = master
        self.read_only = master is not None
        self.guarded = self.read_only or self.restricted
        if master is None:
            self.replication_id = f"{self.random.getrandbits(160):040x}"

    def copy_from(self, master: RedisServer) -> None:
        """Take a master's data in place of one's own."""
        self.arrears.clear()
        master.catch_up()
        copy_databases(master, self)
        self.dirty = 0
        self.offset = master.offset
        self.replication_id = master.replication_id

    def replicas_at(self, offset: int) -> int:
        """Count replicas that have everything up to an offset."""
        return sum(link.acknowledged >= offset for link in self.links)

    def replica_progressed(self) -> None:
        """Let sessions in WAIT look again."""
        for session in self.waiting_for_replicas:
            if session.parked is None or session.try_again():
                self.waiting_for_replicas.discard(session)
                self.serve(session)

    def restrict(self) -> None:
        """Check commands against the access control list from here on: it says more than the default."""
        self.restricted = self.guarded = True

    def disconnect_clients(self) -> None:
        """Close every client's connection, as CLIENT KILL TYPE normal and TYPE pubsub do."""
        for session in list(self.sockets):
            session.kill()
            self.serve(session)

    # -- notes

    def apply_settings(self) -> None:
        """Take over settings that the server itself reads."""
        self.password = self.settings[b"requirepass"]
        self.notify_flags = self.settings[b"notify-keyspace-events"].decode()

    def note_error(self, error: SimpleError) -> None:
        """Count an error reply by its first word."""
        self.errors[error.value.partition(" ")[0]] += 1

    def note_expired(self, database: MeshDatabase, key: bytes) -> None:
        """Count a key that has expired, and tell who subscribed to that."""
        self.expired_keys += 1
        if "x" in self.notify_flags or "A" in self.notify_flags:
            self.publish_event("expired", key, database.number)

    def publish_event(self, event: str, key: bytes, number: int) -> None:
        """Publish a keyspace event to the channels that are switched on."""
        if "K" in self.notify_flags:
            self._publish(b"__keyspace@%d__:%b" % (number, key), event.encode())
        if "E" in self.notify_flags:
            self._publish(b"__keyevent@%d__:%b" % (number, event.encode()), key)

    def _publish(self, channel: bytes, message: bytes) -> None:
        if self.sockets:
            self.sockets[0].publish(channel, message)

    def forget_statistics(self) -> None:
        """Begin counting anew."""
        self.connections_received = self.commands_processed = self.expired_keys = 0
        self.errors.clear()

    @property
    def uptime_s(self) -> int:
        """Seconds since the process began."""
        return (self.clock() - self._started_ns) // 1_000_000_000

    def age_s(self, client_info: Any) -> int:
        """Seconds since a client connected."""
        return int(self.now_s) - int(client_info["-created"])

    def idle_s(self, database: MeshDatabase, key: bytes) -> int:
        """Seconds since a key was last named by a command."""
        return max(0, int(self.now_s - database.touched.get(key, self.now_s)))

    @staticmethod
    def is_plain(fields: list[bytes]) -> bool:
        """Whether a request's first word is its whole name."""
        return not fields or fields[0].lower() not in _CONTAINERS

    def client_info(self, peer: str) -> dict[str, Any]:
        """Return what a new client's CLIENT INFO begins with."""
        return {"addr": peer, "laddr": self.address, "name": "", "resp": 2, "user": "default"}


def _nothing() -> None:
    pass


def _ignore(_data: bytes) -> None:
    pass
