"""A failure on disk: everything that another process needs to run it again, exactly."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from meshsim.core.tape import Tape
from meshsim.errors import ReplayError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsim.runner.result import Result

__all__ = ["FORMAT", "Saved", "load_saved", "save"]

FORMAT: Final = 1
"""The version of the saved form; a file with another one is refused."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A run that was saved.

    Attributes:
        scenario, case, seed, overrides, policy, carrier: what it was made from.
        hash: its identity: a replay with another one went another way.
        headline: what was wrong.
        hash_seed: PYTHONHASHSEED, or `random` where it was not set.
        versions: of Python and of the libraries that were imported.
        tape: its choices.
    """

    scenario: str
    case: str | None
    seed: int
    overrides: tuple[str, ...]
    policy: str
    carrier: str
    hash: str
    headline: str
    hash_seed: str
    versions: Mapping[str, str]
    tape: Tape = field(repr=False)

    def options(self) -> dict[str, Any]:
        """Return the options of `World` that replay it."""
        return {"policy": self.policy, "carrier": self.carrier, "tape": self.tape.copy()}

    def differences(self) -> list[str]:
        """Say what is not as it was: what a replay may differ by."""
        now = _versions()
        found = [
            f"{name} was {then}, is {now[name]}"
            for name, then in self.versions.items()
            if name in now and now[name] != then
        ]
        if self.hash_seed != _hash_seed():
            found.append(f"PYTHONHASHSEED was {self.hash_seed}, is {_hash_seed()}")
        return found


def save(path: Path, result: Result) -> None:
    """Write a run to a file."""
    recipe = result.recipe
    data = {
        "meshsim": FORMAT,
        "scenario": recipe.scenario,
        "case": recipe.case,
        "seed": recipe.seed,
        "overrides": list(recipe.overrides),
        "policy": recipe.policy,
        "carrier": recipe.carrier,
        "hash": result.hash,
        "headline": result.headline,
        "hash_seed": _hash_seed(),
        "versions": _versions(),
        "tape": result.tape.to_dict(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and moved: two workers may save the same failure.
    beside = path.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(data) + "\n", encoding="utf-8")
    beside.replace(path)


def load_saved(path: str | os.PathLike[str]) -> Saved:
    """Read a run that was saved.

    Raises:
        ReplayError: there is no such file, or it is none of ours, or one of another version.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ReplayError(f"{os.fspath(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ReplayError(f"{os.fspath(path)} is no saved run: {error}") from error
    if not isinstance(data, dict) or data.get("meshsim") != FORMAT:
        found = data.get("meshsim") if isinstance(data, dict) else type(data).__name__
        raise ReplayError(f"{os.fspath(path)} is no saved run of version {FORMAT}: found {found!r}")
    try:
        return Saved(
            scenario=str(data["scenario"]),
            case=data["case"],
            seed=int(data["seed"]),
            overrides=tuple(data["overrides"]),
            policy=str(data["policy"]),
            carrier=str(data["carrier"]),
            hash=str(data["hash"]),
            headline=str(data["headline"]),
            hash_seed=str(data["hash_seed"]),
            versions=dict(data["versions"]),
            tape=Tape.from_dict(data["tape"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ReplayError(f"{os.fspath(path)} is damaged: {type(error).__name__}: {error}") from error


def _hash_seed() -> str:
    return os.environ.get("PYTHONHASHSEED", "random")


@cache
def _owners() -> Mapping[str, list[str]]:
    # Reads the metadata of every distribution: only a failure that is saved pays for it, once a process.
    return packages_distributions()


def _versions() -> dict[str, str]:
    """Return the versions of Python and of every distribution of which something is imported."""
    imported = {name.partition(".")[0] for name in list(sys.modules)}
    owners = {owner for name in imported for owner in _owners().get(name, ())}
    return {"python": platform.python_version()} | {name: version(name) for name in sorted(owners)}
