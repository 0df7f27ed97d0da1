"""`socket.socket` inside a world: the real class, on a file of the simulation instead of a descriptor.

`socket.socket(...)` in a task makes a `MeshSocket`, which is a `socket.socket` whose C part is never opened;
every method that would reach the system is here, and what the standard library builds on them (`makefile`,
`accept`, `with`, `SocketIO`, `ssl.SSLSocket`) is its own code. A class of a user's that derives from
`socket.socket` gets a subclass of both.
"""

from __future__ import annotations

import _socket
import errno
import socket
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Final

from meshsim.errors import FenceError, UnsupportedOperation
from meshsim.kernel import descriptors, state
from meshsim.transports.tcp import flags as bits
from meshsim.transports.tcp.datagram import Datagram
from meshsim.transports.tcp.errors import system_error
from meshsim.transports.tcp.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NANOSECONDS: Final = 1_000_000_000
TIMEOUT: Final = "socket default timeout"
_KIND_MASK: Final = ~(socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
_PROTOCOLS: Final = {socket.SOCK_STREAM: socket.IPPROTO_TCP, socket.SOCK_DGRAM: socket.IPPROTO_UDP}
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
_classes: weakref.WeakKeyDictionary[type, type] = weakref.WeakKeyDictionary()


def new(cls: Any, *arguments: Any, fileno: Any = None, **_named: Any) -> Any:
    """Make a socket: one of the mesh for a task; the replacement of `socket.socket.__new__`."""
    if len(arguments) > 3:
        fileno = arguments[3]
    if state.current() is not None and (
        fileno is None or (isinstance(fileno, int) and fileno >= descriptors.LOWEST)
    ):
        cls = mesh_class(cls)
    return _socket.socket.__new__(cls)


def mesh_class(cls: Any) -> Any:
    """Return the class of a task's sockets for a class that a program asked for."""
    if cls is socket.socket:
        return MeshSocket
    if issubclass(cls, MeshSocket):
        return cls
    found = _classes.get(cls)
    if found is None:
        space = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        found = _classes[cls] = type(cls)(cls.__name__, (cls, MeshSocket), space)
    return found


def open_file(process: Any, family: int, kind: int, protocol: int) -> Stream | Datagram:
    """Return a new file for a socket.

    Raises:
        UnsupportedOperation: there are no simulated sockets of that family or kind.
    """
    if family not in _FAMILIES or kind not in _PROTOCOLS:
        what = f"{_named(socket.AddressFamily, family)} and {_named(socket.SocketKind, kind)}"
        msg = (
            f"a socket of {what} is not simulated; AF_INET, AF_INET6 and AF_UNIX"
            " with SOCK_STREAM or SOCK_DGRAM are (meshsim.transports.tcp.supported)"
        )
        raise UnsupportedOperation(msg)
    made = Stream if kind == socket.SOCK_STREAM else Datagram
    return made(process, family, protocol)


def _named(kind: Any, number: int) -> str:
    try:
        return str(kind(number).name)
    except ValueError:
        return str(number)


class MeshSocket(socket.socket):
    """A socket of a task.

    Attributes:
        mesh_file: the file under it, or None when it is closed or detached.
        mesh_fd: its descriptor, -1 when closed.
        mesh_timeout_s: None blocks, 0 does not.
        mesh_told: whether its end is no news, so that nobody warns of it.
    """

    mesh_file: Stream | Datagram | None = None
    mesh_fd = -1
    mesh_timeout_s: float | None = None
    mesh_told = False
    _io_refs: int
    _closed: bool

    def __init__(
        self,
        family: int = -1,
        type: int = -1,  # noqa: A002 - its name in the real signature
        proto: int = -1,
        fileno: int | None = None,
    ) -> None:
        self._io_refs = 0
        self._closed = False
        task = state.current()
        if task is None:
            raise system_error(errno.EBADF)
        self.mesh_process = task.process
        if fileno is not None:
            found = descriptors.find(fileno)
            if not isinstance(found, (Stream, Datagram)):
                raise system_error(errno.ENOTSOCK)
            self.mesh_file, self.mesh_fd = found, fileno
        else:
            asked = socket.SOCK_STREAM if type == -1 else int(type)
            kind = asked & _KIND_MASK
            family = socket.AF_INET if family == -1 else family
            self.mesh_file = open_file(task.process, family, kind, max(proto, 0))
            self.mesh_fd = descriptors.of(task.process).add(self.mesh_file)
            if asked & socket.SOCK_NONBLOCK:
                self.mesh_timeout_s = 0.0
                return
        self.mesh_timeout_s = task.process.tables.get(TIMEOUT)

    # -- what it is -------------------------------------------------------------------------------------

    def _file(self) -> Any:
        file = self.mesh_file
        if file is None:
            raise system_error(errno.EBADF)
        return file

    @property
    def family(self) -> Any:
        """The address family."""
        file = self.mesh_file
        return socket.AddressFamily(socket.AF_INET if file is None else file.family)

    @property
    def type(self) -> Any:
        """SOCK_STREAM or SOCK_DGRAM."""
        return socket.SOCK_DGRAM if isinstance(self.mesh_file, Datagram) else socket.SOCK_STREAM

    @property
    def proto(self) -> int:
        """The protocol's number, as it was asked for."""
        return 0 if self.mesh_file is None else self.mesh_file.protocol

    @property
    def timeout(self) -> float | None:
        """The timeout in seconds."""
        return self.mesh_timeout_s

    def gettimeout(self) -> float | None:
        """Return the timeout in seconds."""
        return self.mesh_timeout_s

    def settimeout(self, value: float | None, /) -> None:
        """Set the timeout in seconds; None blocks, 0 does not."""
        if value is not None:
            value = float(value)
            if value < 0:
                msg = "Timeout value out of range"
                raise ValueError(msg)
        self.mesh_timeout_s = value

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001 - the real signature
        """Block, or do not."""
        self.mesh_timeout_s = None if flag else 0.0

    def getblocking(self) -> bool:
        """Whether it blocks, or waits for a timeout."""
        return self.mesh_timeout_s != 0

    def fileno(self) -> int:
        """Return the descriptor, -1 when closed."""
        return self.mesh_fd

    def get_inheritable(self) -> bool:
        """Return False: there are no children to inherit."""
        self._file()
        return False

    def set_inheritable(self, inheritable: bool) -> None:  # noqa: FBT001 - the real signature
        """Accept, and do nothing."""
        del inheritable
        self._file()

    def getsockname(self) -> Any:
        """Return the address of this end."""
        return self._file().socket_name()

    def getpeername(self) -> Any:
        """Return the address of the other end."""
        return self._file().peer_name()

    # -- waiting ----------------------------------------------------------------------------------------

    def _deadline(self, flags: int = 0) -> int | None:
        """Return when an operation gives up, None for never.

        Raises:
            BlockingIOError: it must not wait at all.
        """
        timeout = self.mesh_timeout_s
        if timeout == 0 or flags & bits.DONTWAIT:
            raise system_error(errno.EAGAIN)
        if timeout is None:
            return None
        kernel = state.kernel
        return None if kernel is None else kernel.now + max(1, round(timeout * NANOSECONDS))

    def _again(self, file: Any, deadline_ns: int | None) -> None:
        """Park until the file has changed.

        Raises:
            TimeoutError: the deadline passed.
        """
        if not file.wait(deadline_ns):
            msg = "timed out"
            raise TimeoutError(msg)
        if self.mesh_file is None:
            raise system_error(errno.EBADF)

    def _until(self, operation: Callable[[], Any], flags: int = 0) -> Any:
        """Try until the operation returns something other than None."""
        found = operation()
        if found is not None:
            return found
        deadline = self._deadline(flags)
        file = self._file()
        while True:
            try:
                self._again(file, deadline)
            except TimeoutError:
                found = operation()
                if found is None:
                    raise
                return found
            found = operation()
            if found is not None:
                return found

    # -- connections ------------------------------------------------------------------------------------

    def bind(self, address: Any, /) -> None:
        """Take an address."""
        self._file().bind(address)

    def listen(self, backlog: int = 128, /) -> None:
        """Accept connections."""
        file = self._file()
        if not isinstance(file, Stream):
            raise system_error(errno.EOPNOTSUPP)
        file.listen(backlog)

    def _accept(self) -> tuple[int, Any]:
        """Wait for a connection; return its descriptor and the peer's address."""
        file = self._file()
        if not isinstance(file, Stream):
            raise system_error(errno.EOPNOTSUPP)
        child = file.accept()
        if child is None:
            child = self._until(file.accept)
        return descriptors.of(self.mesh_process).add(child), child.peer_name_once()

    def connect(self, address: Any, /) -> None:
        """Connect; waits until the connection stands unless the socket does not block."""
        number = self._connect(address)
        if number:
            raise system_error(number)

    def connect_ex(self, address: Any, /) -> int:
        """Connect, and return an error number instead of raising."""
        try:
            return self._connect(address)
        except TimeoutError as error:
            return error.errno or errno.EAGAIN
        except socket.gaierror:
            raise
        except OSError as error:
            if error.errno is None:
                raise
            return error.errno

    def _connect(self, address: Any) -> int:
        file = self._file()
        try:
            file.connect(address)
        except FenceError:
            # The fence's error is the news; that its socket was left open on the way is none.
            self.mesh_told = True
            raise
        if not isinstance(file, Stream):
            return 0
        if file.connecting:
            if self.mesh_timeout_s == 0:
                return errno.EINPROGRESS
            deadline = self._deadline()
            while file.connecting:
                self._again(file, deadline)
        number = file.take_error() if file.connection is None else 0
        file.told()
        return number

    def shutdown(self, how: int, /) -> None:
        """Give up reading, writing or both."""
        self._file().shutdown(how)

    # -- receiving --------------------------------------------------------------------------------------

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive up to `bufsize` bytes."""
        file = self.mesh_file
        if file is None:
            raise system_error(errno.EBADF)
        if bufsize < 0:
            msg = "negative buffersize in recv"
            raise ValueError(msg)
        if flags or not bufsize or file.__class__ is not Stream:
            return bits.receive(self, file, bufsize, flags)[0]
        data = file.read(bufsize)
        if data is not None:
            return data
        deadline = self._deadline()
        while data is None:
            try:
                self._again(file, deadline)
            except TimeoutError:
                data = file.read(bufsize)
                if data is None:
                    raise
            else:
                data = file.read(bufsize)
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive into a buffer; returns the number of bytes."""
        view = memoryview(buffer).cast("B")
        size = nbytes or len(view)
        if nbytes < 0:
            msg = "negative buffersize in recv_into"
            raise ValueError(msg)
        if size > len(view):
            msg = "buffer too small for requested bytes"
            raise ValueError(msg)
        data = self.recv(size, flags)
        view[: len(data)] = data
        return len(data)

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """Receive, with the sender's address."""
        if bufsize < 0:
            msg = "negative buffersize in recvfrom"
            raise ValueError(msg)
        data, address, _ = bits.receive(self, self._file(), bufsize, flags)
        return data, address

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """Receive into a buffer, with the sender's address."""
        view = memoryview(buffer).cast("B")
        data, address = self.recvfrom(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data), address

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /) -> Any:
        """Receive, with ancillary data, of which there is never any."""
        del ancbufsize
        data, address, said = bits.receive(self, self._file(), bufsize, flags)
        return data, [], said, address

    def recvmsg_into(self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /) -> Any:
        """Receive into several buffers."""
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        data, _, said, address = self.recvmsg(sum(map(len, views)), ancbufsize, flags)
        rest = memoryview(data)
        for view in views:
            part = rest[: len(view)]
            view[: len(part)] = part
            rest = rest[len(part) :]
        return len(data), [], said, address

    # -- sending ----------------------------------------------------------------------------------------

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send; returns how many bytes were taken."""
        file = self.mesh_file
        if file is None:
            raise system_error(errno.EBADF)
        whole = data if data.__class__ is bytes else bytes(data)
        if file.__class__ is not Stream:
            return bits.send_datagram(self, file, whole, None)
        sent = file.write(whole)
        if sent == len(whole):
            return sent
        if self.mesh_timeout_s is None and not flags & bits.DONTWAIT:
            # A blocking send takes all of it.
            return self._send_rest(file, whole, sent, None)
        return sent or int(self._until(lambda: file.write(whole) or None, flags))

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all of it."""
        file = self.mesh_file
        if file is None:
            raise system_error(errno.EBADF)
        whole = data if data.__class__ is bytes else bytes(memoryview(data))
        if file.__class__ is not Stream:
            bits.send_datagram(self, file, whole, None)
            return
        sent = file.write(whole)
        if sent != len(whole):
            self._send_rest(file, whole, sent, self._deadline(flags))

    def _send_rest(self, file: Any, whole: bytes, sent: int, deadline_ns: int | None) -> int:
        while sent < len(whole):
            # Asking says that somebody wants to write, so that an open window is told.
            if not file.poll() & bits.WRITABLE:
                self._again(file, deadline_ns)
            sent += file.write(whole[sent : sent + bits.PIECE_BYTES])
        return sent

    def sendto(self, data: Any, *rest: Any) -> int:
        """Send to an address: `sendto(data, address)` or `sendto(data, flags, address)`."""
        if not 1 <= len(rest) <= 2:
            msg = f"sendto() takes 2 or 3 arguments ({len(rest) + 1} given)"
            raise TypeError(msg)
        file = self._file()
        if isinstance(file, Stream):
            return self.send(data, rest[0] if len(rest) == 2 else 0)
        return bits.send_datagram(self, file, bytes(memoryview(data)), rest[-1])

    def sendmsg(
        self, buffers: Iterable[Any], ancdata: Iterable[Any] = (), flags: int = 0, address: Any = None, /
    ) -> int:
        """Send several buffers as one.

        Raises:
            UnsupportedOperation: there is ancillary data, such as descriptors to pass on.
        """
        if list(ancdata):
            msg = "sendmsg() with ancillary data is not simulated; pass the data itself"
            raise UnsupportedOperation(msg)
        whole = b"".join([bytes(memoryview(buffer)) for buffer in buffers])
        file = self._file()
        if isinstance(file, Stream):
            return self.send(whole, flags)
        return bits.send_datagram(self, file, whole, address)

    def _sendfile_use_sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        # The system's sendfile() knows no simulated descriptors; the standard library has another way.
        del file, offset, count
        raise socket._GiveupOnSendfile(None)  # type: ignore[attr-defined]

    # -- options ----------------------------------------------------------------------------------------

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None, /) -> None:
        """Set an option."""
        file = self._file()
        if value is None:
            value = bytes(optlen or 0)
        file.options.set(level, optname, value)

    def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> Any:
        """Return an option."""
        file = self._file()
        if level == socket.SOL_SOCKET and not buflen:
            if optname == socket.SO_ERROR:
                return file.take_error()
            if optname == socket.SO_ACCEPTCONN:
                return int(isinstance(file, Stream) and file.listening)
            if optname == socket.SO_DOMAIN:
                return int(file.family)
            if optname == socket.SO_PROTOCOL:
                return file.protocol or int(_PROTOCOLS[self.type])
        return file.options.get(level, optname, buflen)

    # -- the end ----------------------------------------------------------------------------------------

    def dup(self) -> MeshSocket:
        """Return another socket on the same file."""
        fd = descriptors.of(self.mesh_process).add(self._file())
        made = self.__class__(self.family, self.type, self.proto, fileno=fd)
        made.settimeout(self.gettimeout())
        return made

    def _real_close(self, _ss: Any = None) -> None:
        fd, self.mesh_fd, self.mesh_file = self.mesh_fd, -1, None
        # What a dead process had open is its machine's to close.
        if fd >= 0 and not self.mesh_process.dead:
            table = descriptors.of(self.mesh_process)
            if fd in table.files:
                table.close(fd)

    def detach(self) -> int:
        """Give up the descriptor without closing it, and return it."""
        self._closed = True
        fd, self.mesh_fd, self.mesh_file = self.mesh_fd, -1, None
        return fd

    def __del__(self) -> None:
        if self.mesh_fd >= 0:
            if state.kernel is not None and not self.mesh_process.dead and not self.mesh_told:
                warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self._real_close()
