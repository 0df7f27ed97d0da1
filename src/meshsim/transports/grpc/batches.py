"""Batches of operations, as gRPC's Python code gives them to its core and is told of their results.

An operation that asks for something (a message, a status) is answered by an object of ours that has the same
methods; the ones that only send are handed back as they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshsim.transports.grpc.metadata import Metadatum

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meshsim.transports.grpc.status import Status

SEND_INITIAL_METADATA: Final = 0
SEND_MESSAGE: Final = 1
SEND_CLOSE: Final = 2
SEND_STATUS: Final = 3
RECEIVE_INITIAL_METADATA: Final = 4
RECEIVE_MESSAGE: Final = 5
RECEIVE_STATUS: Final = 6
RECEIVE_CLOSE: Final = 7


class InitialMetadata:
    """The server's initial metadata, received."""

    __slots__ = ("_metadata",)

    def __init__(self, metadata: tuple[Any, ...]) -> None:
        self._metadata = tuple([Metadatum(*pair) for pair in metadata])

    def type(self) -> int:
        """Return which operation this is."""
        return RECEIVE_INITIAL_METADATA

    def initial_metadata(self) -> tuple[Any, ...]:
        """Return it."""
        return self._metadata


class Received:
    """A message, or None at the end."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes | None) -> None:
        self._body = body

    def type(self) -> int:
        """Return which operation this is."""
        return RECEIVE_MESSAGE

    def message(self) -> bytes | None:
        """Return it."""
        return self._body


class Ended:
    """How a call ended, at its client."""

    __slots__ = ("_status",)

    def __init__(self, status: Status) -> None:
        self._status = status

    def type(self) -> int:
        """Return which operation this is."""
        return RECEIVE_STATUS

    def code(self) -> int:
        """Return the status's number."""
        return self._status.code

    def details(self) -> str:
        """Return its text."""
        return self._status.details

    def trailing_metadata(self) -> tuple[Any, ...]:
        """Return the trailing metadata."""
        return tuple([Metadatum(*pair) for pair in self._status.trailers])

    def error_string(self) -> str | None:
        """Return what core says for people."""
        return self._status.debug_text()


class Closed:
    """Whether a call was cancelled, at its server."""

    __slots__ = ("_cancelled",)

    def __init__(self, *, cancelled: bool) -> None:
        self._cancelled = cancelled

    def type(self) -> int:
        """Return which operation this is."""
        return RECEIVE_CLOSE

    def cancelled(self) -> bool:
        """Return it."""
        return self._cancelled


class Batch:
    """Operations that are complete together.

    Args:
        operations: as they were given.
        complete: called with the results, once, when all are there.
    """

    __slots__ = ("_complete", "_missing", "_results")

    def __init__(self, operations: Sequence[Any], complete: Callable[[list[Any]], None]) -> None:
        self._results: list[Any] = list(operations)
        self._missing = len(self._results)
        self._complete = complete

    def put(self, index: int, result: Any) -> None:
        """Take the result of one of them."""
        self._results[index] = result
        self.done()

    def done(self, _sent: bool = True) -> None:  # noqa: FBT001, FBT002 - what a send was told
        """Note that one of them is complete."""
        self._missing -= 1
        if not self._missing:
            self._complete(self._results)
