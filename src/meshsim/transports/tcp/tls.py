"""A TLS session on a simulated socket: OpenSSL's own, over memory instead of a descriptor.

It has the methods of the C object that `ssl.SSLSocket` keeps as `_sslobj`, so that the socket class, contexts,
certificates, ALPN, SNI and every error are the standard library's and OpenSSL's. What OpenSSL draws at random
is not ours: the bytes differ in each run, and with ECDSA keys their number may differ by a few.
"""

from __future__ import annotations

import _ssl
import ssl
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.transports.tcp.socket import MeshSocket

HEADER_BYTES: Final = 5
original_wrap_socket: Any = vars(_ssl._SSLContext)["_wrap_socket"]


def wrap_socket(
    context: Any,
    sock: Any,
    server_side: bool,  # noqa: FBT001
    server_hostname: str | None = None,
    *,
    owner: Any = None,
    session: Any = None,
) -> Any:
    """Stand in for `SSLContext._wrap_socket`."""
    if getattr(sock, "mesh_file", None) is None:
        return original_wrap_socket(context, sock, server_side, server_hostname, owner=owner, session=session)
    return Session(context, sock, server_side, server_hostname, owner, session)


class Session:
    """What `ssl.SSLSocket` speaks TLS with."""

    def __init__(  # noqa: PLR0917 - as above
        self,
        context: Any,
        sock: MeshSocket,
        server_side: bool,  # noqa: FBT001
        server_hostname: str | None,
        owner: Any,
        session: Any,
    ) -> None:
        self._sock = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._header = b""
        self._left = 0
        self._inner = context._wrap_bio(
            self._incoming, self._outgoing, server_side, server_hostname, owner=owner, session=session
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def context(self) -> Any:
        """The context, which a server's SNI callback may exchange."""
        return self._inner.context

    @context.setter
    def context(self, context: Any) -> None:
        self._inner.context = context

    @property
    def session(self) -> Any:
        """The session, to be resumed by a later connection."""
        return self._inner.session

    @session.setter
    def session(self, session: Any) -> None:
        self._inner.session = session

    # The plain socket's methods: those of `SSLSocket` would come back here.

    def _plain(self, name: str) -> Any:
        return getattr(super(ssl.SSLSocket, self._sock), name)

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._plain("sendall")(data)

    def _feed(self) -> None:
        # One record at a time, as OpenSSL reads a descriptor: what follows the last one is not TLS's.
        data = self._plain("recv")(self._left or HEADER_BYTES - len(self._header))
        if not data:
            self._incoming.write_eof()
            return
        self._incoming.write(data)
        if self._left:
            self._left -= len(data)
            return
        self._header += data
        if len(self._header) == HEADER_BYTES:
            self._left = int.from_bytes(self._header[3:], "big")
            self._header = b""

    def _run(self, operation: Callable[..., Any], *args: Any) -> Any:
        """Run an operation to its end, moving bytes as it asks.

        Raises:
            ssl.SSLWantReadError, ssl.SSLWantWriteError: the socket does not block.
        """
        while True:
            try:
                result = operation(*args)
            except ssl.SSLWantReadError:
                self._flush_or_want()
                try:
                    self._feed()
                except BlockingIOError:
                    raise ssl.SSLWantReadError(
                        ssl.SSL_ERROR_WANT_READ, "The operation did not complete (read)"
                    ) from None
            except ssl.SSLError:
                # An alert is on its way out: the peer is told why.
                self._flush_quietly()
                raise
            else:
                self._flush_or_want()
                return result

    def _flush_or_want(self) -> None:
        try:
            self._flush()
        except BlockingIOError:
            raise ssl.SSLWantWriteError(
                ssl.SSL_ERROR_WANT_WRITE, "The operation did not complete (write)"
            ) from None

    def _flush_quietly(self) -> None:
        try:
            self._flush()
        except OSError:
            return

    def do_handshake(self) -> None:
        """Shake hands.

        Raises:
            TimeoutError: the peer did not answer in time.
        """
        try:
            self._run(self._inner.do_handshake)
        except TimeoutError:
            raise TimeoutError("The handshake operation timed out") from None

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        """Read up to so many bytes, or into a buffer."""
        arguments = (size,) if buffer is None else (size, buffer)
        try:
            return self._run(self._inner.read, *arguments)
        except TimeoutError:
            raise TimeoutError("The read operation timed out") from None

    def write(self, data: Any) -> int:
        """Write; returns how many bytes were taken."""
        try:
            written: int = self._run(self._inner.write, data)
        except TimeoutError:
            raise TimeoutError("The write operation timed out") from None
        return written

    def shutdown(self) -> Any:
        """Say that no more will come, wait for the peer's, and return the plain socket."""
        self._run(self._inner.shutdown)
        return self._sock
