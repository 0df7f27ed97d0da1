"""What a rule says of a packet."""

from __future__ import annotations

from typing import Final


class Verdict:
    """Deliver, drop or reset; the first rule that does not pass decides.

    Attributes:
        action: DELIVER, DROP or RESET.
        delay_ns: for DELIVER, instead of what the link would take; None leaves it to the link.
        extra_ns: added to what the link takes.
    """

    __slots__ = ("action", "delay_ns", "extra_ns")

    def __init__(self, action: int, delay_ns: int | None = None, extra_ns: int = 0) -> None:
        self.action = action
        self.delay_ns = delay_ns
        self.extra_ns = extra_ns


DELIVER: Final = 0
DROP: Final = 1
REFUSE: Final = 2
BREAK: Final = 3
DOUBLE: Final = 4

DROPPED: Final = Verdict(DROP)
REFUSED: Final = Verdict(REFUSE)
BROKEN: Final = Verdict(BREAK)
# Of a datagram: once more, and what the other rules say. A stream takes no notice, it counts its bytes.
DOUBLED: Final = Verdict(DOUBLE)
