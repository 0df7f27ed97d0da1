"""One request, seen from both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.trace.message import MISSING

if TYPE_CHECKING:
    from meshsim.trace.message import Message

__all__ = ["ERROR_STATUS", "GOOD_WORDS", "Call"]

ERROR_STATUS = 500
"""From this status on a numeric reply is an error; 4xx is the caller's own mistake, answered properly."""

GOOD_WORDS = frozenset({"", "ok", "OK"})
"""Status words that are no error; rooms without numbers say "ok" or what went wrong."""


def _seconds(at_ns: int | None) -> float | None:
    return None if at_ns is None else at_ns / 1e9


class Call:
    """One request: who asked whom for what, and when each end saw what of it.

    Attributes:
        id: counts from 1 in the order sent.
        room: "http", "redis", "pysoa", ...
        caller: the host that asked.
        target_service, target_host: who was asked; the host is "" until one was reached.
        operation: concrete, as `POST /orders/7` or `place_order`.
        request, reply: the messages, or None.
        intended_ns: when the workload meant to send; the same as sent_ns elsewhere.
        sent_ns, received_ns, handled_ns, replied_ns, failed_ns: left the caller, reached a handler, the
            handler was done, the caller had the reply, the caller had an error; None for what did not happen.
        deadline_ns: when the caller means to give up, or None.
        status: the reply's, a number or a word.
        error: the caller's exception as text, or an error that the reply carries.
        parent: the id of the call whose handler sent this one, 0 for none.
        attempt: 1 for the first, as far as the room knows.
        origin: what the caller counts as one piece of work, for calls without a parent.
    """

    __slots__ = (
        "attempt",
        "caller",
        "deadline_ns",
        "error",
        "failed_ns",
        "handled_ns",
        "id",
        "intended_ns",
        "operation",
        "origin",
        "parent",
        "received_ns",
        "replied_ns",
        "reply",
        "request",
        "room",
        "sent_ns",
        "status",
        "target_host",
        "target_service",
    )

    def __init__(  # noqa: PLR0917 - a record has this many parts
        self, number: int, room: str, caller: str, target_service: str, operation: str, sent_ns: int
    ) -> None:
        self.id = number
        self.room = room
        self.caller = caller
        self.target_service = target_service
        self.target_host = ""
        self.operation = operation
        self.request: Message | None = None
        self.reply: Message | None = None
        self.intended_ns = sent_ns
        self.sent_ns = sent_ns
        self.received_ns: int | None = None
        self.handled_ns: int | None = None
        self.replied_ns: int | None = None
        self.failed_ns: int | None = None
        self.deadline_ns: int | None = None
        self.status: int | str = ""
        self.error = ""
        self.parent = 0
        self.attempt = 1
        self.origin = ""

    @property
    def target(self) -> str:
        """The host that was reached, or the service's name when none was."""
        return self.target_host or self.target_service

    @property
    def answered(self) -> bool:
        """Whether the caller got a reply, whatever it says."""
        return self.replied_ns is not None

    @property
    def failed(self) -> bool:
        """Whether the caller got an exception, an error reply, or a status from 500 on."""
        if self.error:
            return True
        status = self.status
        return status >= ERROR_STATUS if isinstance(status, int) else status not in GOOD_WORDS

    @property
    def ended_ns(self) -> int | None:
        """When the caller knew how it went: the reply's moment or the error's."""
        return self.replied_ns if self.replied_ns is not None else self.failed_ns

    @property
    def sent_at(self) -> float:
        """When it was sent, in seconds of virtual time, as `mesh.now` counts."""
        return self.sent_ns / 1e9

    @property
    def received_at(self) -> float | None:
        """When it reached its handler, in seconds, or None."""
        return _seconds(self.received_ns)

    @property
    def handled_at(self) -> float | None:
        """When its handler was done, in seconds, or None."""
        return _seconds(self.handled_ns)

    @property
    def replied_at(self) -> float | None:
        """When the caller had the reply, in seconds, or None."""
        return _seconds(self.replied_ns)

    def body(self, path: str, default: Any = MISSING) -> Any:
        """Look a value up in the request's JSON body: `order_id`, `items.0.sku`; else `default`."""
        value = self.request.field(path) if self.request is not None else MISSING
        return default if value is MISSING else value

    def __repr__(self) -> str:
        outcome = self.error or self.status or ("answered" if self.answered else "open")
        return f"<Call {self.id} {self.caller} -> {self.target} {self.operation}: {outcome}>"
