"""What gRPC is on the simulated wire: the frames of HTTP/2 that matter, whole messages, no bytes of framing.

A unary call is one packet each way: what a client asks with its first message, what a server answers with its
status. Each frame knows about how many bytes it would be.

    Begin      client -> server   a call: method, metadata, time left, perhaps the only message
    Data       both               a message, or the end of what the client sends
    Headers    server -> client   initial metadata
    End        server -> client   the status, with what comes before it
    Reset      both               the call is over, unread
    Credit     both               what the receiver has read: the sender's window opens
    GoAway     server -> client   no new calls on this connection
    Ping       both               keepalive
"""

from __future__ import annotations

from typing import Final

Metadata = tuple[tuple[str, "str | bytes"], ...]

# HTTP/2's frame header; gRPC's own length prefix of a message.
FRAME_BYTES: Final = 9
PREFIX_BYTES: Final = 5
# What the names of the pseudo headers, content-type, te and user-agent take once HPACK knows them.
HEAD_BYTES: Final = 40
# How much may be under way unread on a stream before its sender waits: HTTP/2's initial window.
WINDOW_BYTES: Final = 65_535


def metadata_bytes(metadata: Metadata) -> int:
    """Return about how many bytes metadata is on a wire."""
    return sum([len(key) + len(value) + 2 for key, value in metadata]) if metadata else 0


class Begin:
    """A call begins.

    Attributes:
        stream: the call's number on its connection.
        method: `/package.Service/Method`.
        authority: what the client takes the server's name for.
        metadata: the client's.
        timeout_ns: how long the client waits, from now; None for ever.
        body: the first message, if it is sent along.
        last: whether the client sends nothing after it.
        note: the trace's record, which both ends complete.
    """

    __slots__ = (
        "authority",
        "body",
        "last",
        "metadata",
        "method",
        "note",
        "size_bytes",
        "stream",
        "timeout_ns",
    )

    def __init__(  # noqa: PLR0917 - a record has this many parts
        self,
        stream: int,
        method: str,
        authority: str,
        metadata: Metadata,
        timeout_ns: int | None,
        note: object,
    ) -> None:
        self.stream = stream
        self.method = method
        self.authority = authority
        self.metadata = metadata
        self.timeout_ns = timeout_ns
        self.body: bytes | None = None
        self.last = False
        self.note = note
        self.size_bytes = FRAME_BYTES + HEAD_BYTES + len(method) + metadata_bytes(metadata)

    def carry(self, body: bytes) -> None:
        """Send the first message along."""
        self.body = body
        self.size_bytes += FRAME_BYTES + PREFIX_BYTES + len(body)


class Data:
    """A message (None where only `last` is said)."""

    __slots__ = ("body", "last", "size_bytes", "stream")

    def __init__(self, stream: int, body: bytes | None, *, last: bool = False) -> None:
        self.stream = stream
        self.body = body
        self.last = last
        self.size_bytes = FRAME_BYTES + (0 if body is None else PREFIX_BYTES + len(body))


class Headers:
    """A server's initial metadata, with the first message where both are sent at once."""

    __slots__ = ("body", "metadata", "size_bytes", "stream")

    def __init__(self, stream: int, metadata: Metadata, body: bytes | None = None) -> None:
        self.stream = stream
        self.metadata = metadata
        self.body = body
        self.size_bytes = FRAME_BYTES + HEAD_BYTES + metadata_bytes(metadata)
        if body is not None:
            self.size_bytes += FRAME_BYTES + PREFIX_BYTES + len(body)


class End:
    """A call's status; initial metadata and a message where they are sent at once with it.

    Attributes:
        metadata: the initial metadata, or None where that was sent before.
        body: a message that goes before the status.
        code: the status as gRPC numbers it.
        details: its text.
        trailers: the trailing metadata.
    """

    __slots__ = ("body", "code", "details", "metadata", "size_bytes", "stream", "trailers")

    def __init__(  # noqa: PLR0917 - a record has this many parts
        self,
        stream: int,
        code: int,
        details: str,
        trailers: Metadata,
        metadata: Metadata | None = None,
        body: bytes | None = None,
    ) -> None:
        self.stream = stream
        self.code = code
        self.details = details
        self.trailers = trailers
        self.metadata = metadata
        self.body = body
        self.size_bytes = FRAME_BYTES + 15 + len(details) + metadata_bytes(trailers)
        if metadata is not None:
            self.size_bytes += FRAME_BYTES + HEAD_BYTES + metadata_bytes(metadata)
        if body is not None:
            self.size_bytes += FRAME_BYTES + PREFIX_BYTES + len(body)


class Reset:
    """A call that is broken off: by its caller, or by a server that has nothing to say.

    Attributes:
        code: the status that the other end tells, where it has none of its own.
        details: its text.
    """

    __slots__ = ("code", "details", "stream")
    size_bytes = FRAME_BYTES + 4

    def __init__(self, stream: int, code: int, details: str) -> None:
        self.stream = stream
        self.code = code
        self.details = details


class Credit:
    """So many bytes were read."""

    __slots__ = ("read_bytes", "stream")
    size_bytes = FRAME_BYTES + 4

    def __init__(self, stream: int, read_bytes: int) -> None:
        self.stream = stream
        self.read_bytes = read_bytes


class GoAway:
    """The server takes no new calls on this connection.

    Attributes:
        last_stream: calls with a higher number were not looked at and may be made elsewhere.
    """

    __slots__ = ("last_stream",)
    size_bytes = FRAME_BYTES + 8

    def __init__(self, last_stream: int) -> None:
        self.last_stream = last_stream


class Ping:
    """Asks whether the other end is there; `answer` is the answer."""

    __slots__ = ("answer",)
    size_bytes = FRAME_BYTES + 8

    def __init__(self, *, answer: bool = False) -> None:
        self.answer = answer


class Flow:
    """What one end of a stream knows of both windows.

    A sender may go on while less than half a window is unread, and then by a whole message, as a receiver
    that waits for a message opens its window for all of it. A receiver tells what was read by half windows,
    so that neither end waits for the other.
    """

    __slots__ = ("credit", "unread")

    def __init__(self) -> None:
        self.unread = 0
        self.credit = 0

    def may_send(self, size: int) -> bool:
        """Whether a message of that size may leave now."""
        return self.unread < WINDOW_BYTES // 2 or self.unread + size <= WINDOW_BYTES

    def sent(self, size: int) -> None:
        """Count what has left."""
        self.unread += size

    def read(self, size: int) -> int:
        """Count what was read; returns how much to tell the sender now, mostly nothing."""
        self.credit += size
        if self.credit < WINDOW_BYTES // 2:
            return 0
        credit, self.credit = self.credit, 0
        return credit
