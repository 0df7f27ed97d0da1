"""`always` and `eventually`: a user's own function, called by the runner, judged here.

The runner decides when to look (after events, in a task of the host `test`, never on the hub) and calls
`look`; this file keeps the record. A function passes by returning True or nothing at all, and fails by
returning False or raising; any other answer is a mistake in the function and says so, because a list or a
count that happens to be empty or not would pass or fail by luck.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsim.checks.result import Result, failed, missed, passed
from meshsim.core.units import format_duration
from meshsim.trace import Event

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ALWAYS", "EVENTUALLY", "Watched"]

ALWAYS = "always"
EVENTUALLY = "eventually"


class Watched:
    """One user function and what became of it.

    Args:
        name: how the scenario names it, as `checks.shop:stock_never_negative`.
        function: what to call.
        kind: ALWAYS or EVENTUALLY.

    Attributes:
        looks: how often it was called.
        held_ns: the first moment at which it held, or None.
        broke_ns: the first moment at which it did not, or None.
        reason: why not, the last time for `eventually`, the first time for `always`.
    """

    def __init__(self, name: str, function: Callable[..., Any], kind: str) -> None:
        self.name = name
        self.kind = kind
        self.looks = 0
        self.held_ns: int | None = None
        self.broke_ns: int | None = None
        self.reason = ""
        self._function = function

    @property
    def decided(self) -> bool:
        """Whether looking again could not change the verdict."""
        return (self.broke_ns if self.kind == ALWAYS else self.held_ns) is not None

    def look(self, at_ns: int, *args: Any) -> bool:
        """Call the function with `args` at a moment of virtual time, and say whether it held."""
        reason = self._call(args)
        self.looks += 1
        if reason is None:
            if self.held_ns is None:
                self.held_ns = at_ns
            return True
        if self.broke_ns is None:
            self.broke_ns = at_ns
        elif self.kind == ALWAYS:
            return False
        self.reason = reason
        return False

    def _call(self, args: tuple[Any, ...]) -> str | None:
        try:
            answer = self._function(*args)
        except AssertionError as error:
            return str(error) or "an assertion without a message"
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises is its answer
            return f"raised {type(error).__name__}: {error}"
        if answer is None or answer is True:
            return None
        if answer is False:
            return "returned False"
        return f"returned {type(answer).__name__}; return True or False, or use assert"

    def result(self, began_ns: int = 0, within_ns: int | None = None) -> Result:
        """Give the verdict.

        Args:
            began_ns: from when `within_ns` counts.
            within_ns: how long `eventually` had, for the text.
        """
        if not self.looks:
            return missed(f"{self.name} was never looked at", "the run ended before it could be called")
        if self.kind == ALWAYS:
            return self._always()
        if self.held_ns is not None:
            after = format_duration(max(0, self.held_ns - began_ns))
            return passed(f"{self.name} came true", f"after {after}, at the {_ordinal(self.looks)} look")
        given = f" within {format_duration(within_ns)}" if within_ns is not None else ""
        first_line, *rest = self.reason.splitlines()
        return failed(f"{self.name} never came true{given}: {first_line}", *rest, f"{self.looks} looks")

    def _always(self) -> Result:
        if self.broke_ns is None:
            return passed(f"{self.name} held", f"{self.looks} looks")
        first_line, *rest = self.reason.splitlines()
        event = Event(self.broke_ns, "check", "test", first_line)
        return failed(
            f"{self.name} broke at {format_duration(self.broke_ns)}: {first_line}",
            *rest,
            f"held at {self.looks - 1} looks before",
            evidence=[event],
        )


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
