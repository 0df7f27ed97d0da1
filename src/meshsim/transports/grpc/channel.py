"""A channel, sans-IO: connectivity, back-off, and the calls that wait for a connection.

    IDLE -> CONNECTING -> READY -> IDLE (its connection ended)
                       -> TRANSIENT_FAILURE -> (after the back-off, by itself) -> READY

Calls go over one connection, as gRPC's `pick_first` has it. Which replica that leads to is asked anew for each
connection, because a name in the mesh balances where a real one has several addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshsim.errors import FenceError
from meshsim.kernel import api, state
from meshsim.network.connection import Connection
from meshsim.network.outcome import ConnectRefused, ConnectTimeout
from meshsim.transports.grpc import target as targets
from meshsim.transports.grpc import texts
from meshsim.transports.grpc.pipe import Pipe
from meshsim.transports.grpc.policy import Options
from meshsim.transports.grpc.status import UNAVAILABLE, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from meshsim.kernel.process import Process
    from meshsim.kernel.timer import Timer
    from meshsim.network.dial import Dial
    from meshsim.transports.grpc.call import ClientCall

IDLE: Final = 0
CONNECTING: Final = 1
READY: Final = 2
TRANSIENT_FAILURE: Final = 3
SHUTDOWN: Final = 4
MULTIPLIER: Final = 1.6
JITTER: Final = 0.2


class ClientChannel:
    """A channel.

    Args:
        process: whose it is.
        target: what it was made for.
        options: its options, as `grpc.insecure_channel` takes them.

    Attributes:
        service: the name in the scenario that its target means.
        authority: what it takes the server's name for.
        state: its connectivity.
    """

    def __init__(self, process: Process, target: str, options: Iterable[tuple[str, object]]) -> None:
        self.process = process
        self.target = target
        self.options = Options(options)
        self.places = targets.read(target)
        self.authority = str(self.options.given.get("grpc.default_authority", target.rpartition("/")[2]))
        self.state = IDLE
        self._fabric = api.kernel().fabric
        self.service = self._service()
        self._pipe: Pipe | None = None
        self._dial: Dial | None = None
        self._timer: Timer | None = None
        self._waiting: list[ClientCall] = []
        self._watchers: list[Callable[[], None]] = []
        self._failure = Status(UNAVAILABLE, "")
        self._failures = 0
        self._place = 0
        self._begun_ns = 0

    def _service(self) -> str:
        if not self.places:
            return self.target
        host, port = self.places[0]
        return str(self._fabric.names.service_of(host, port))

    @property
    def gone(self) -> bool:
        """Whether its process or its world has ended: nothing can be done on it."""
        return self.process.dead or state.kernel is None or state.kernel.fabric is not self._fabric

    # -- calls ------------------------------------------------------------------------------------------

    def submit(self, call: ClientCall) -> None:
        """Give a call a connection: now, when there is one, or never.

        Raises:
            FenceError: nothing in the world has the target's name.
        """
        pipe = self._pipe
        if pipe is not None:
            call.attach(pipe)
            return
        if self.state == TRANSIENT_FAILURE and not call.wait_for_ready:
            call.refuse(self._failure)
            return
        self._waiting.append(call)
        if self.state == IDLE:
            self.connect()

    def withdraw(self, call: ClientCall) -> None:
        """Forget a call that is over."""
        if self._waiting and call in self._waiting:
            self._waiting.remove(call)

    # -- connecting -------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Begin to connect, unless that goes on or is done."""
        if self.state == IDLE:
            self._become(CONNECTING)
            self._dial_now()

    def _dial_now(self) -> None:
        self._begun_ns = api.now()
        if not self.places:
            text = f"errors resolving {self.target}: [field:hostname lookup error:no address]"
            self._failed(text)
            return
        host, port = self.places[self._place % len(self.places)]
        try:
            self._dial = self._fabric.dial(self.process.host, host, port, self._dialled)
        except FenceError:
            self._become(IDLE)
            self._waiting.clear()
            raise
        self._timer = api.call_at(api.now() + self.options.connect_ns, self._too_late)

    def _dialled(self, outcome: Connection | Exception) -> None:
        self._stop_timer()
        self._dial = None
        if self.state == SHUTDOWN:
            if isinstance(outcome, Connection):
                outcome.close()
            return
        if isinstance(outcome, Connection):
            self._failures = 0
            self._pipe = Pipe(outcome, self.options, self._lost)
            self._become(READY)
            waiting, self._waiting = self._waiting, []
            for call in waiting:
                call.attach(self._pipe)
            return
        why = texts.CONNECT_TIMEOUT
        if isinstance(outcome, ConnectRefused):
            why = texts.REFUSED
        elif not isinstance(outcome, ConnectTimeout):
            why = texts.RESET_AT_CONNECT
        self._failed(texts.not_connected(self._address(), why))

    def _too_late(self) -> None:
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None
        self._failed(texts.not_connected(self._address(), texts.CONNECT_TIMEOUT))

    def _address(self) -> str:
        host, port = self.places[self._place % len(self.places)]
        hosts = self._fabric.names.hosts_of(host, port)
        address = self._fabric.names.address(hosts[0]) if hosts else "127.0.0.1"
        return f"ipv4:{address}:{port}"

    def _failed(self, text: str) -> None:
        if (self._place + 1) % max(1, len(self.places)):
            self._place += 1
            self._dial_now()
            return
        self._place = 0
        self._failure = Status(UNAVAILABLE, text)
        self._become(TRANSIENT_FAILURE)
        options = self.options
        backoff = min(options.initial_backoff_ns * MULTIPLIER**self._failures, float(options.max_backoff_ns))
        self._failures += 1
        delay = round(backoff * self.process.random.uniform(1 - JITTER, 1 + JITTER))
        self._timer = api.call_at(max(self._begun_ns + delay, api.now()), self._dial_now)
        waiting = self._waiting
        self._waiting = [call for call in waiting if call.wait_for_ready]
        for call in waiting:
            if not call.wait_for_ready:
                call.refuse(self._failure)

    def _lost(self, pipe: Pipe) -> None:
        if self._pipe is pipe:
            self._pipe = None
            if self.state != SHUTDOWN:
                self._become(IDLE)

    # -- what is watched --------------------------------------------------------------------------------

    def watch(self, changed: Callable[[], None]) -> None:
        """Have `changed()` called once, at the next change of state; on the hub, or where it happens."""
        self._watchers.append(changed)

    def unwatch(self, changed: Callable[[], None]) -> None:
        """Take that back."""
        if changed in self._watchers:
            self._watchers.remove(changed)

    def _become(self, new: int) -> None:
        if self.state != new:
            self.state = new
            watchers, self._watchers = self._watchers, []
            for changed in watchers:
                changed()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """End the connection, and connect no more; the calls are its owner's to end."""
        if self.state == SHUTDOWN or self.gone:
            return
        self._stop_timer()
        if self._dial is not None:
            self._dial.cancel()
        self._become(SHUTDOWN)
        if self._pipe is not None:
            self._pipe.close()
