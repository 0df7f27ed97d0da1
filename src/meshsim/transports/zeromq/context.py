"""Contexts: which sockets belong together, the names within, and the wait for the last message at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshsim.errors import UsageError
from meshsim.kernel import state
from meshsim.transports.zeromq.errors import EADDRINUSE, EINVAL, EMFILE, ENOENT, ETERM, failure
from meshsim.transports.zeromq.numbers import ContextOption
from meshsim.transports.zeromq.pipes import InprocPipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.kernel.host import Host
    from meshsim.kernel.process import Process
    from meshsim.kernel.task import Task
    from meshsim.network.connection import Connection
    from meshsim.transports.zeromq.link import LinkPipe
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["MeshContext", "Room", "room"]

SOCKET_LIMIT: Final = 65_535
SOCKETS_MAX: Final = 1023
# Where pointers to libzmq's objects begin: high enough to be nobody's small number.
FIRST_HANDLE: Final = 0x5A00_0000_0000
HANDLE_STEP: Final = 0x100
# Ports that stand for the paths of ipc addresses; no tcp port is that high.
FIRST_PATH_PORT: Final = 1 << 20

TABLE: Final = "zeromq.room"
# Known to libzmq, and by other names or none to pyzmq.
THREAD_PRIORITY: Final = 3
IPV6: Final = 42
BLOCKY: Final = 70
# What may be set, and the least that it takes.
_SETTABLE: Final[dict[int, int]] = {
    ContextOption.IO_THREADS: 0,
    ContextOption.MAX_SOCKETS: 1,
    ContextOption.MAX_MSGSZ: 0,
    THREAD_PRIORITY: 0,
    ContextOption.THREAD_SCHED_POLICY: 0,
    ContextOption.THREAD_AFFINITY_CPU_ADD: 0,
    ContextOption.THREAD_NAME_PREFIX: 0,
    IPV6: 0,
    BLOCKY: 0,
}


def room() -> Room:
    """Return what this room keeps of the current world.

    Raises:
        UsageError: no world is open.
    """
    kernel = state.kernel
    if kernel is None:
        msg = "no world is open; a simulated ZeroMQ socket is one of the world that it was made in"
        raise UsageError(msg)
    # On the test's own process, which lives as long as the world: a table by kernel would keep every world.
    found: Room = kernel.home.tables.get(TABLE) or Room()
    kernel.home.tables[TABLE] = found
    return found


class Room:
    """What the sockets of one world share.

    Attributes:
        sockets, contexts: by the number that stands for libzmq's pointer.
    """

    def __init__(self) -> None:
        self.sockets: dict[int, MeshSocket] = {}
        self.contexts: dict[int, MeshContext] = {}
        self._handles = 0
        self._paths: dict[tuple[int, str], int] = {}
        self._accepted: dict[tuple[int, int], list[Connection]] = {}
        self._processes: dict[Process, list[MeshSocket]] = {}

    def handle(self) -> int:
        """Return the next number that stands for a pointer."""
        self._handles += 1
        return FIRST_HANDLE + self._handles * HANDLE_STEP

    def path_port(self, host: Host, path: str) -> int:
        """Return the port that stands for a path of a machine."""
        return self._paths.setdefault((host.index, path), FIRST_PATH_PORT + len(self._paths))

    def enlist(self, socket: MeshSocket) -> None:
        """Note a new socket, so that its process can say goodbye."""
        process = socket.process
        mine = self._processes.get(process)
        if mine is None:
            mine = self._processes[process] = []
            process.at_death.append(lambda: self._left(process))
        mine.append(socket)
        self.sockets[socket.handle] = socket

    def discharge(self, socket: MeshSocket) -> None:
        """Forget a closed socket."""
        self.sockets.pop(socket.handle, None)

    def _left(self, process: Process) -> None:
        """Close the connections of a process that has ended in order; one that crashed says nothing."""
        sockets = self._processes.pop(process, [])
        if (process.exit_code or 0) >= 0:
            for socket in sockets:
                socket.endpoints.farewell()
        for socket in sockets:
            self.sockets.pop(socket.handle, None)

    def remember(self, connection: Connection) -> None:
        """Note a connection that came to a bound port."""
        key = (connection.process.host.index, connection.port)
        self._accepted.setdefault(key, []).append(connection)

    def reset_stale(self, host: Host, port: int) -> None:
        """Reset what is left of connections to a process that is dead: its machine is up again and knows none.

        A crashed host is silent. Of a peer that only listens, as a SUB does, nothing would ever be asked again,
        and it would stay deaf; a real machine that comes back answers the keep-alives of such a peer this way.
        """
        for connection in self._accepted.pop((host.index, port), []):
            if connection.process.dead:
                connection._answer_reset()


class MeshContext:
    """A context.

    Attributes:
        process: whose it is.
        sockets: those that are open, in the order in which they were made.
        terminated: `term` has been called; every operation fails. closed: it has returned.
    """

    def __init__(self, io_threads: int) -> None:
        task = state.task
        if task is None:
            msg = "a simulated ZeroMQ context belongs to a task of a world"
            raise UsageError(msg)
        if io_threads < 0:
            raise failure(EINVAL)
        self.room = room()
        self.process: Process = task.process
        self.sockets: dict[MeshSocket, None] = {}
        self.terminated = False
        self.closed = False
        self.handle = self.room.handle()
        self.room.contexts[self.handle] = self
        self._options: dict[int, int] = {
            ContextOption.IO_THREADS: io_threads,
            ContextOption.MAX_SOCKETS: SOCKETS_MAX,
            ContextOption.SOCKET_LIMIT: SOCKET_LIMIT,
            ContextOption.THREAD_SCHED_POLICY: -1,
            ContextOption.MAX_MSGSZ: 2**31 - 1,
            ContextOption.MSG_T_SIZE: 64,
            ContextOption.THREAD_NAME_PREFIX: 0,
            IPV6: 0,
            BLOCKY: 1,
        }
        self._names: dict[str, MeshSocket] = {}
        self._pending: list[tuple[str, InprocPipe]] = []
        self._lingering: dict[LinkPipe, None] = {}
        self._waiting: list[Task] = []

    # -- options ----------------------------------------------------------------------------------------

    def set(self, option: int, value: int) -> None:
        """Set an option.

        Raises:
            ZMQError: EINVAL.
        """
        least = _SETTABLE.get(option)
        if least is None or value < least:
            raise failure(EINVAL)
        self._options[option] = value

    def get(self, option: int) -> int:
        """Return an option.

        Raises:
            ZMQError: EINVAL.
        """
        value = self._options.get(option)
        if value is None:
            raise failure(EINVAL)
        return value

    # -- sockets ----------------------------------------------------------------------------------------

    def add(self, socket: MeshSocket) -> None:
        """Take up a new socket.

        Raises:
            ZMQError: ETERM, the context has ended; EMFILE, it has as many as it may.
        """
        if self.terminated:
            raise failure(ETERM)
        if len(self.sockets) >= self._options[ContextOption.MAX_SOCKETS]:
            raise failure(EMFILE)
        self.sockets[socket] = None

    def remove(self, socket: MeshSocket) -> None:
        """Forget a closed socket."""
        self.sockets.pop(socket, None)
        for name in [name for name, holder in self._names.items() if holder is socket]:
            del self._names[name]
        self._pending = [(name, pipe) for name, pipe in self._pending if pipe.socket is not socket]
        self._look()

    def linger(self, pipe: LinkPipe) -> None:
        """Note a closed socket's pipe that still has something to send."""
        self._lingering[pipe] = None

    def lingered(self, pipe: LinkPipe) -> None:
        """Note that it has no more."""
        if self._lingering.pop(pipe, self) is None:
            self._look()

    def _look(self) -> None:
        kernel = state.kernel
        if self.terminated and not self.sockets and not self._lingering and kernel is not None:
            for task in self._waiting:
                kernel.wake(task)

    def term(self, *, waits: bool = True) -> None:
        """End: every blocked call fails, and the caller waits until all is closed and sent.

        Args:
            waits: False where nobody may park, in a finalizer.
        """
        if self.closed:
            return
        self.terminated = True
        for socket in list(self.sockets):
            socket.fail(ETERM)
        task, kernel = state.current(), state.kernel
        if not waits or task is None or kernel is None:
            return
        self._waiting.append(task)
        task.wait = "the end of a ZeroMQ context: sockets to be closed, messages to be sent"
        try:
            while self.sockets or self._lingering:
                kernel.park()
        finally:
            self._waiting.remove(task)
        self.closed = True
        self.room.contexts.pop(self.handle, None)

    # -- names within the context -----------------------------------------------------------------------

    def bind(self, name: str, socket: MeshSocket) -> None:
        """Give a name to a socket, and join who waits for it.

        Raises:
            ZMQError: EADDRINUSE.
        """
        if name in self._names:
            raise failure(EADDRINUSE)
        self._names[name] = socket
        waiting = [pipe for wanted, pipe in self._pending if wanted == name]
        self._pending = [(wanted, pipe) for wanted, pipe in self._pending if wanted != name]
        for pipe in waiting:
            self._join(pipe, socket)
            pipe.socket.pattern.identified(pipe, socket.options.routing_id)

    def unbind(self, name: str, socket: MeshSocket) -> None:
        """Take a name back; who is connected stays so.

        Raises:
            ZMQError: ENOENT.
        """
        if self._names.get(name) is not socket:
            raise failure(ENOENT)
        del self._names[name]

    def connect(self, name: str, socket: MeshSocket, text: str) -> InprocPipe:
        """Connect a socket to a name, now or when somebody binds it."""
        options = socket.options
        pipe = InprocPipe(socket, text, options.high_in, options.high_out, local=True)
        peer = self._names.get(name)
        if peer is None:
            self._pending.append((name, pipe))
            socket.attach(pipe, None)
        else:
            # The names first: what a pattern sends when it takes a pipe up has to find the other end.
            self._join(pipe, peer, lambda: socket.attach(pipe, peer.options.routing_id))
        return pipe

    def _join(self, pipe: InprocPipe, peer: MeshSocket, then: Callable[[], None] | None = None) -> None:
        options = peer.options
        other = InprocPipe(peer, pipe.endpoint, options.high_in, options.high_out, local=False)
        pipe.join(other)
        if then is not None:
            then()
        peer.attach(other, pipe.socket.options.routing_id)
        if pipe.inbox and not pipe.in_active:
            pipe.in_active = True
            pipe.socket.read_activated(pipe)
