"""What stands between a real client and a real server: passes bytes on, until it is told to break things."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Self


class Proxy:
    """A port that leads to another one.

    Attributes:
        mode: `pass`; `stall` swallows what the server says; `reset` and `close` end the connection instead of
            passing on the next thing that the server says.
    """

    def __init__(self, port: int) -> None:
        self.mode = "pass"
        self._port = port
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [client, server]
                threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)

    def _answer(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if self.mode == "pass":
                    target.sendall(data)
                elif self.mode != "stall":
                    self._end(source, target)
                    return

    def _end(self, source: socket.socket, target: socket.socket) -> None:
        if self.mode == "reset":
            target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        source.shutdown(socket.SHUT_RDWR)
        # The thread that reads it keeps a socket open over close(), so it is made to stop.
        target.shutdown(socket.SHUT_RD if self.mode == "reset" else socket.SHUT_RDWR)
        target.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
