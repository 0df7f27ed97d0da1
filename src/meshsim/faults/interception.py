"""What rooms ask before they answer a call: whether a fault wants an error there, or a delay.

    found = world.nemesis.interceptions.for_call("storefront/0", "payments/1", "POST /charges")
    if found is not None: ...      # found.delay_ns, found.error

Asked on the hub, so nothing here runs a user's code. Without faults at calls the answer costs one look at an
empty list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsim.core.selector import Selector

__all__ = ["ErrorReply", "Filter", "Interception", "Interceptions", "Standing"]


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """The error that is sent instead of an answer; each room uses what its protocol has.

    Attributes:
        status: a number, or a name (`UNAVAILABLE`), where the protocol has one.
        text: what the error says.
        json: a body.
        code: a word for programs, where the protocol has one beside what the error says.
    """

    status: int | str | None = None
    text: str | None = None
    json: object = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Interception:
    """What becomes of one call.

    Attributes:
        error: sent instead of an answer; None lets the service answer.
        delay_ns: how long the call is held up before either.
        drop: whether the request is lost: the service never sees it, and nobody answers.
    """

    error: ErrorReply | None = None
    delay_ns: int = 0
    drop: bool = False


class Filter(Protocol):
    """Which of the calls that a selector means are met."""

    def admits(self) -> bool:
        """Say whether the next one is met; asked once for each."""


class Standing:
    """One fault at calls, in force.

    Args:
        selector: which calls.
        chosen: which of those.
        error: the error, or None.
        delay_ns: draws a delay, or None.
        drop: whether the calls are lost.

    Attributes:
        fired: how many calls it met.
    """

    __slots__ = ("chosen", "delay_ns", "drop", "error", "fired", "selector")

    def __init__(
        self,
        selector: Selector,
        chosen: Filter,
        error: ErrorReply | None,
        delay_ns: Callable[[], int] | None,
        *,
        drop: bool = False,
    ) -> None:
        self.selector = selector
        self.chosen = chosen
        self.error = error
        self.delay_ns = delay_ns
        self.drop = drop
        self.fired = 0


class Interceptions:
    """All faults at calls that are in force in a world, in the order in which they began."""

    def __init__(self) -> None:
        self.standing: list[Standing] = []

    def for_call(self, caller: str, target: str, operation: str) -> Interception | None:
        """Say what becomes of a call: delays add up, the first error stands, a loss is for good; None for nothing.

        Args:
            caller: the host that calls.
            target: the host that is about to answer.
            operation: concrete, as `POST /orders/7`, `place_order` or `GET`.
        """
        if not self.standing:
            return None
        error: ErrorReply | None = None
        delay_ns, met, drop = 0, False, False
        for one in self.standing:
            if not one.selector.matches(caller, target, operation) or (one.error and error):
                continue
            if not one.chosen.admits():
                continue
            one.fired += 1
            met = True
            error = error or one.error
            drop = drop or one.drop
            if one.delay_ns is not None:
                delay_ns += one.delay_ns()
        return Interception(error, delay_ns, drop) if met else None
