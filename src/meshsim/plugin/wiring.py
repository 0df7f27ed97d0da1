"""Which worlds a test that uses `mesh` runs in: scenarios times seeds."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.plugin.options import SETTINGS


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Parametrize `mesh` where there is more than one run, or a marker says which."""
    settings = metafunc.config.stash[SETTINGS]
    marker = metafunc.definition.get_closest_marker("mesh")
    words: dict[str, Any] = {} if marker is None else dict(marker.kwargs)
    wrong = _wrong(words, () if marker is None else marker.args)
    if wrong is not None:
        where = metafunc.definition.nodeid
        raise pytest.UsageError(
            f"{where}: @pytest.mark.mesh takes scenario=, case=, seed= and seeds=, {wrong}"
        )
    # Several scenarios on the command line are several tests; one is what the fixture `mesh_scenario` says.
    scenarios: list[tuple[Any, str | None]] = [(None, None)]
    if words.get("scenario") is not None or words.get("case") is not None:
        scenarios = [(words.get("scenario"), words.get("case"))]
    elif len(settings.scenarios) > 1:
        scenarios = list(settings.scenarios)
    first = settings.seed if settings.seed is not None else words.get("seed")
    count = settings.more_seeds or words.get("seeds") or 1
    seeds: list[int | None] = [first] if count == 1 else [(first or 0) + step for step in range(count)]
    if marker is None and len(scenarios) == 1 and len(seeds) == 1:
        return
    runs = [(scenario, case, seed) for scenario, case in scenarios for seed in seeds]
    metafunc.parametrize("mesh", runs, indirect=True, ids=[_name(*run) for run in runs])


def _wrong(words: dict[str, Any], args: tuple[Any, ...]) -> str | None:
    """Say what is wrong with a marker, as the end of a sentence."""
    if args:
        return "not positional arguments"
    unknown = sorted(set(words) - {"scenario", "case", "seed", "seeds"})
    if unknown:
        return f"not {', '.join(unknown)}"
    for name, least in (("seed", 0), ("seeds", 1)):
        value = words.get(name)
        if value is not None and (type(value) is not int or value < least):
            return f"and {name} is a whole number from {least} on, not {value!r}"
    return None


def _name(scenario: Any, case: str | None, seed: int | None) -> str:
    parts = [
        str(scenario) if isinstance(scenario, str) else None,
        case,
        None if seed is None else f"seed{seed}",
    ]
    return "-".join(part for part in parts if part) or "mesh"
