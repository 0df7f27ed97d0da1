"""A fault: when, what and at whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshsim.scenario.verbs import VERBS, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsim.core.selector import Selector
    from meshsim.errors import Place
    from meshsim.scenario.triggers import Trigger

__all__ = ["FaultSpec", "When"]


@dataclass(frozen=True, slots=True)
class When:
    """The moments of a fault, in nanoseconds since the start; None where nothing is said.

    At most one of `at_ns`, `every`, `between` and `trigger` begins it (`at_ns` with `every`: the first
    time); with none of them a lasting fault acts from the start. `for_ns` or `until_ns` ends it, else the
    end of the run; with `every`, `until_ns` ends the repetition. `between` without `for_ns`: a lasting
    fault fills the window, an instant one happens once at a drawn moment. `nth` (None: the first time) and
    `plus_ns` belong to the trigger. `ramp_ns`: how long it takes to full strength.
    """

    at_ns: int | None = None
    for_ns: int | None = None
    until_ns: int | None = None
    every: tuple[int, int] | None = None
    between: tuple[int, int] | None = None
    trigger: Trigger | None = None
    nth: int | None = None
    plus_ns: int | None = None
    ramp_ns: int | None = None
    probability: float | None = None
    first: int | None = None
    after_calls: int | None = None
    after_messages: int | None = None

    @property
    def last_ns(self) -> int:
        """The latest moment that the scenario names for this fault, 0 when it names none."""
        begin_ns = self.at_ns or 0
        ends = [begin_ns, begin_ns + (self.for_ns or 0), self.until_ns or 0]
        if self.between is not None:
            ends.append(self.between[1] + (self.for_ns or 0))
        if self.every is not None:
            ends.append(begin_ns + self.every[1] + (self.for_ns or 0))
        return max(ends)


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """One fault.

    `targets` are the two ends for a link's verb (`*` for everybody), else one selector, whose name is
    `caller` or `target` when a trigger supplies the host. `params` by verb, see `meshsim.scenario.verbs`:
    `oneway`, `add`, `set`, `lose_ns`, `status`, `text`, `json`, `by`; None where nothing is said.
    """

    verb: str
    when: When
    targets: tuple[Selector, ...]
    params: Mapping[str, Any]
    may_miss: bool
    place: Place
    text: str

    @property
    def row(self) -> Verb:
        """The verb's row in the table of verbs: its aim and its span."""
        return VERBS[self.verb]
