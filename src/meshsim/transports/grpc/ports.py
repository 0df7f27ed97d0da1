"""A host's ports as gRPC's servers take them: bound when they are added, open once a server starts.

gRPC sets SO_REUSEPORT, so two servers of a process may have the same port, and connections are shared out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from meshsim.kernel.process import Process
    from meshsim.network.connection import Connection
    from meshsim.network.fabric import Fabric, Listener
    from meshsim.transports.grpc.server import GrpcServer

TABLE: Final = "grpc.ports"
# What Linux gives to who asks for any port.
FIRST_EPHEMERAL: Final = 32_768


class Port:
    """A port and the servers that have it."""

    def __init__(self, process: Process, number: int) -> None:
        self.number = number
        self.servers: list[GrpcServer] = []
        self._process = process
        self._open: list[GrpcServer] = []
        self._listener: Listener | None = None
        self._turn = 0

    def open(self, fabric: Fabric, server: GrpcServer) -> None:
        """Let connections come to a server."""
        self._open.append(server)
        if self._listener is None:
            self._listener = fabric.listen(self._process.host, self.number, self._accept)

    def _accept(self, connection: Connection) -> None:
        server = self._open[self._turn % len(self._open)]
        self._turn += 1
        server.accept(connection)

    def leave(self, server: GrpcServer) -> None:
        """Take a server off; without any the port is closed."""
        self.servers.remove(server)
        if server in self._open:
            self._open.remove(server)
        if not self._open and self._listener is not None:
            self._listener.close()
            self._listener = None
        if not self.servers:
            self._process.tables[TABLE].pop(self.number, None)


def take(process: Process, number: int, server: GrpcServer) -> Port | None:
    """Give a server a port of its process's host; None where somebody else has it.

    Args:
        process: whose port it is.
        number: which; 0 for any.
        server: who takes it.
    """
    ports: dict[int, Port] = process.tables.setdefault(TABLE, {})
    listeners = process.host.listeners
    while number == 0:
        found = FIRST_EPHEMERAL + process.count("grpc port")
        if found not in ports and found not in listeners:
            number = found
    port = ports.get(number)
    if port is None:
        if number in listeners:
            return None
        port = ports[number] = Port(process, number)
    elif not all(one.shares_ports for one in [*port.servers, server]):
        return None
    port.servers.append(server)
    return port
