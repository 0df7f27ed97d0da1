"""The errors that meshsim itself raises; a client library's errors stay that library's own.

MeshError
├── ScenarioError          mistakes in a scenario, each with its place
├── BootError              a service that did not come up: service, host and its own traceback
├── FenceError             something tried to leave the simulation
├── UnsupportedOperation   a room was asked for what it does not have
├── StuckError             the run cannot go on
│   ├── DeadlockError      nothing is ready and no timer is set
│   ├── LivelockError      virtual time stands still
│   └── WatchdogError      one step holds the thread
├── UnsettledError         the mesh did not become quiet
├── ReplayError            a saved run does not fit what runs now
└── UsageError             the API was called in a way that cannot work
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BootError",
    "DeadlockError",
    "FenceError",
    "LivelockError",
    "MeshError",
    "Mistake",
    "Place",
    "ReplayError",
    "ScenarioError",
    "StuckError",
    "UnsettledError",
    "UnsupportedOperation",
    "UsageError",
    "WatchdogError",
]


class MeshError(Exception):
    """The root of everything that meshsim raises of its own."""


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """Where something stands in a scenario file: `file:line:col`, both counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True, slots=True)
class Mistake:
    """One thing that is wrong in a scenario: where, what with its value, and what would be right."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ScenarioError(MeshError):
    """A scenario that cannot be run, with every mistake found in it."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class BootError(MeshError):
    """A service that did not come up; names the service and the host and carries its own traceback."""


class FenceError(MeshError):
    """An act that would leave the simulation, with the lines of scenario that would allow or fake it."""


class UnsupportedOperation(MeshError):  # noqa: N818 - the name that users know
    """A room was asked for an operation that its table of operations does not have."""


class StuckError(MeshError):
    """The run cannot go on; the message says what every task waits for."""


class DeadlockError(StuckError):
    """Nothing is ready and no timer is set."""


class LivelockError(StuckError):
    """Virtual time stands still although tasks run."""


class WatchdogError(StuckError):
    """One step holds the thread for too much real time."""


class UnsettledError(MeshError):
    """Calls were still in flight, or hosts not up, when everything had had its time to settle."""


class ReplayError(MeshError):
    """A saved run does not fit the scenario or the code that runs now."""


class UsageError(MeshError):
    """The API was called in a way that cannot work; the message names the value and the cure."""
