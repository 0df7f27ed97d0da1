"""What a workload meant by the call that its flow makes next: when it was due, and which one it is.

Latency is measured from the moment at which a call was due, not from the moment at which a busy caller came
to send it. The room that notes a call in the trace asks `take()`.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

__all__ = ["Intent", "intend", "take"]


class Intent(NamedTuple):
    """One call of a workload.

    Attributes:
        at_ns: when it was due; None for what follows on it, as the request after a redirect.
        origin: which piece of work it belongs to, as `buyers#17`.
    """

    at_ns: int | None
    origin: str


_intent: ContextVar[Intent | None] = ContextVar("meshsim_intent", default=None)


def intend(at_ns: int, origin: str) -> None:
    """Say what the calling flow's next call is."""
    _intent.set(Intent(at_ns, origin))


def take() -> Intent | None:
    """Give what the call that is being noted was meant to be; only the first one was due at its moment."""
    found = _intent.get()
    if found is not None and found.at_ns is not None:
        _intent.set(Intent(None, found.origin))
    return found
