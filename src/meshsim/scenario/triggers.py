"""`when:`: a selector of calls and what must have happened to one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsim.core.names import did_you_mean
from meshsim.core.selector import Selector, parse_selector
from meshsim.scenario.fields import Check, Refused
from meshsim.scenario.values import text

if TYPE_CHECKING:
    from meshsim.scenario.nodes import Node

__all__ = ["EVENTS", "Trigger", "trigger"]

EVENTS = ("sent", "received", "replied", "failed")
"""What can happen to a call: it leaves, it arrives, its reply or its failure comes back."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event of a call: `resizer -> stripe POST /v1/charges replied`."""

    selector: Selector
    event: str

    @property
    def text(self) -> str:
        """The trigger as a scenario writes it."""
        return f"{self.selector.text} {self.event}"

    def __str__(self) -> str:
        return self.text


def trigger(node: Node, check: Check) -> Trigger:
    """Parse a trigger whose parties exist."""
    written = text(node, check).strip()
    calls, _, event = written.rpartition(" ")
    if event not in EVENTS or not calls:
        wanted = did_you_mean(event, EVENTS)
        raise Refused(f"{written!r} does not end in an event{wanted}: [CALLER ->] TARGET [OPERATION] EVENT")
    selector = parse_selector(calls)
    check.parties.check_selector(selector)
    return Trigger(selector, event)
