"""A pipe inside a process: programs wake their own loops with one."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from meshsim.transports.tcp.stream import Stream

if TYPE_CHECKING:
    from meshsim.kernel.process import Process
    from meshsim.transports.tcp.local import LocalConnection


class Pipe(Stream):
    """One end of a pipe. It reads and writes as a local stream does, and has no address."""

    __slots__ = ()

    def __init__(self, process: Process, end: LocalConnection) -> None:
        super().__init__(process, socket.AF_UNIX, 0)
        self.established(end)

    def __repr__(self) -> str:
        return "bytes in a pipe"
