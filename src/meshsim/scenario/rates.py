"""How often a workload calls: `20/s`, `poisson(20/s)`, and ramps `20/s..200/s`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsim.core.units import parse_rate
from meshsim.scenario.fields import Check, Refused
from meshsim.scenario.values import text

if TYPE_CHECKING:
    from meshsim.scenario.nodes import Node

__all__ = ["Rate", "parse_rate_form", "rate"]

_POISSON = re.compile(r"poisson\s*\((.*)\)")


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls a second from the beginning of a workload to its end, evenly spaced or at random (`poisson`)."""

    text: str
    start_per_s: float
    end_per_s: float
    poisson: bool = False

    def __str__(self) -> str:
        return self.text


def parse_rate_form(written: str) -> Rate:
    """Return the rate that a text says. Raises UsageError or Refused with what would be right."""
    stripped = written.strip()
    match = _POISSON.fullmatch(stripped)
    if match is None and "(" in stripped:
        raise Refused(f"{written!r} is not a rate: 20/s, poisson(20/s), or 20/s..200/s")
    low, dots, high = (match[1] if match else stripped).partition("..")
    start_per_s = parse_rate(low.strip())
    end_per_s = parse_rate(high.strip()) if dots else start_per_s
    return Rate(stripped, start_per_s, end_per_s, match is not None)


def rate(node: Node, check: Check) -> Rate:
    """Parse a rate."""
    return parse_rate_form(text(node, check))
