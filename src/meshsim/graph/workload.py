"""A workload: who calls what, how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsim.core.latency import Latency
    from meshsim.core.selector import Selector
    from meshsim.errors import Place
    from meshsim.scenario.rates import Rate
    from meshsim.scenario.references import Reference

__all__ = ["WorkloadSpec"]


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """One workload: either `call`, with its message, or `run`, a function given the mesh.

    Open with a `rate`, closed with `clients` that `think` between calls; with neither, one client that
    makes `count` calls. It begins at `at_ns` and ends after `for_ns`, at `until_ns` or after `count` calls,
    or with the run. Whether `body` travels as JSON or as the fields of a message is for the target's
    adapter to say.
    """

    name: str
    call: Selector | None
    run: Reference | None
    body: object
    json: object
    params: Mapping[str, object]
    headers: Mapping[str, str]
    rate: Rate | None
    clients: int | None
    think: Latency | None
    count: int | None
    at_ns: int
    for_ns: int | None
    until_ns: int | None
    place: Place
    text: str

    @property
    def ends_itself(self) -> bool:
        """Whether it ends without anybody saying when the run does."""
        return self.run is not None or None is not (self.count or self.for_ns or self.until_ns)
