"""The sixteen statuses of gRPC by their numbers, and how a call ended."""

from __future__ import annotations

from typing import Final

from meshsim.scenario.verbs import GRPC_STATUSES

OK: Final = 0
CANCELLED: Final = 1
UNKNOWN: Final = 2
DEADLINE_EXCEEDED: Final = 4
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14
UNAUTHENTICATED: Final = 16

# A scenario may name each but OK, in this order, which is that of the numbers.
NAMES: Final = ("OK", *GRPC_STATUSES)
NUMBERS: Final = {name: number for number, name in enumerate(NAMES)}


def name_of(code: int) -> str:
    """Return a status's name; UNKNOWN for a number that gRPC does not have."""
    return NAMES[code] if 0 <= code < len(NAMES) else "UNKNOWN"


class Status:
    """How a call ended, as its client sees it.

    Attributes:
        code: the number.
        details: the text.
        trailers: the trailing metadata.
        answered: whether a server said so; otherwise this end found it out by itself.
    """

    __slots__ = ("answered", "code", "details", "trailers")

    def __init__(
        self,
        code: int,
        details: str,
        trailers: tuple[tuple[str, str | bytes], ...] = (),
        *,
        answered: bool = False,
    ) -> None:
        self.code = code
        self.details = details
        self.trailers = trailers
        self.answered = answered

    def debug_text(self) -> str:
        """Return what core says of it for people."""
        return f"{name_of(self.code)}:{self.details}" if self.code else ""

    def __repr__(self) -> str:
        return f"<Status {name_of(self.code)} {self.details!r}>"
