"""The endpoints of a socket: what it has bound and what it has connected, in the order in which it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshsim.transports.zeromq.addresses import ANY, Address, of_bind, of_connect, split
from meshsim.transports.zeromq.binding import Binding
from meshsim.transports.zeromq.connector import Connector
from meshsim.transports.zeromq.errors import EADDRINUSE, ENOENT, failure
from meshsim.transports.zeromq.numbers import Event
from meshsim.transports.zeromq.pipes import InprocPipe

if TYPE_CHECKING:
    from meshsim.transports.zeromq.socket import MeshSocket

__all__ = ["Endpoints"]

FIRST_EPHEMERAL: Final = 49_152
# One connection to an endpoint is all that makes sense for these; libzmq ignores another one.
SINGLE: Final = ("DEALER", "SUB", "PUB", "REQ")


class Name:
    """A name bound within the context."""

    __slots__ = ("name", "socket")

    def __init__(self, socket: MeshSocket, name: str) -> None:
        self.socket = socket
        self.name = name

    def end(self, linger_ms: int) -> None:  # noqa: ARG002 - nothing is queued here
        """Take the name back."""
        if not self.socket.closed:
            self.socket.context.unbind(self.name, self.socket)


Endpoint = Connector | Binding | InprocPipe | Name


class Endpoints:
    """The endpoints of one socket.

    Attributes:
        last: the latest one, as LAST_ENDPOINT tells it.
    """

    __slots__ = ("_entries", "_socket", "last")

    def __init__(self, socket: MeshSocket) -> None:
        self._socket = socket
        self._entries: list[tuple[str, Endpoint]] = []
        self.last = b""

    def __str__(self) -> str:
        return ", ".join(text for text, _ in self._entries) or "no endpoint"

    # -- binding ----------------------------------------------------------------------------------------

    def bind(self, text: str) -> None:
        """Bind an address.

        Raises:
            ZMQError: as `zmq_bind`.
        """
        socket = self._socket
        address = of_bind(text, socket.process, socket.fabric)
        if address.protocol == "inproc":
            socket.context.bind(address.name, socket)
            self._note(address.text, address.text, Name(socket, address.name))
            return
        host = socket.process.host
        if address.protocol == "ipc":
            port = socket.room.path_port(host, address.name)
            # libzmq unlinks the file: who bound the path before hears nobody any more.
            host.listeners.pop(port, None)
        else:
            port = address.port or self._free_port()
            address = Address("tcp", address.name, port)
        binding = Binding(socket, address, port)
        try:
            binding.begin()
        except OSError as error:
            socket.tell(Event.CLOSED, socket.descriptor_number(), "")
            socket.tell(Event.BIND_FAILED, error.errno or EADDRINUSE, address.text.partition("://")[2])
            raise failure(error.errno or EADDRINUSE) from None
        self._note(address.text, address.text, binding)

    def _note(self, last: str, text: str, endpoint: Endpoint) -> None:
        self.last = last.encode()
        self._entries.append((text, endpoint))

    def _free_port(self) -> int:
        listeners = self._socket.process.host.listeners
        port = FIRST_EPHEMERAL
        while port in listeners:
            port += 1
        return port

    # -- connecting -------------------------------------------------------------------------------------

    def connect(self, text: str) -> None:
        """Connect to an address; whether anybody is there shows later.

        Raises:
            ZMQError: as `zmq_connect`.
            FenceError: nothing of this world has that name.
        """
        socket = self._socket
        address = of_connect(text)
        self.last = text.encode()
        if address.protocol == "inproc":
            self._note(text, text, socket.context.connect(address.name, socket, text))
            return
        if socket.type_name in SINGLE and any(known == text for known, _ in self._entries):
            return
        host = socket.process.host
        if address.protocol == "ipc":
            port = socket.room.path_port(host, address.name)
        else:
            port = address.port
            socket.fabric.names.resolve(host, address.name, port)
        connector = Connector(socket, address, text, port)
        self._note(text, text, connector)
        connector.begin()

    # -- undoing ----------------------------------------------------------------------------------------

    def unbind(self, text: str) -> None:
        """Undo a bind.

        Raises:
            ZMQError: ENOENT, it was not bound.
        """
        self._undo(text, (Binding, Name))

    def disconnect(self, text: str) -> None:
        """Undo a connect.

        Raises:
            ZMQError: ENOENT, it was not connected.
        """
        self._undo(text, (Connector, InprocPipe))

    def _undo(self, text: str, kinds: tuple[type, ...]) -> None:
        protocol, rest = split(text)
        wanted = {text}
        if protocol == "tcp" and rest.startswith("*:"):
            wanted.add(f"tcp://{ANY}:{rest[2:]}")
        elif protocol == "tcp" and rest.startswith("localhost:"):
            wanted.add(f"tcp://127.0.0.1:{rest[10:]}")
        found = [entry for entry in self._entries if entry[0] in wanted and isinstance(entry[1], kinds)]
        if not found:
            raise failure(ENOENT)
        for entry in found:
            self._entries.remove(entry)
            entry[1].end(self._socket.options.linger_ms)

    def forget(self, endpoint: Endpoint) -> None:
        """Take an endpoint off the list: it has ended by itself."""
        self._entries = [entry for entry in self._entries if entry[1] is not endpoint]

    def close(self, linger_ms: int) -> None:
        """End every endpoint, once what is queued has been sent or the time is over."""
        entries, self._entries = self._entries, []
        for _, endpoint in entries:
            endpoint.end(linger_ms)

    def farewell(self) -> None:
        """Have the machine close the connections of a process that has ended."""
        for _, endpoint in self._entries:
            if isinstance(endpoint, Binding):
                pipes = list(endpoint.pipes)
            else:
                pipes = [endpoint.pipe] if isinstance(endpoint, Connector) and endpoint.pipe else []
            for pipe in pipes:
                if pipe.connection is not None:
                    pipe.connection.farewell()
