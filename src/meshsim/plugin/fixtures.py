"""The fixtures: mesh, mesh_factory, mesh_scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import MeshError
from meshsim.plugin.options import SETTINGS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meshsim.runner import Result
    from meshsim.world import World

MESH = pytest.StashKey["World"]()


@pytest.fixture(scope="session")
def mesh_scenario(pytestconfig: pytest.Config) -> Any:
    """The scenario that `mesh` starts: a path, a dict, or a `World` that is not open yet.

    Redefine it in a conftest to say so for a folder of tests; by default it is the one of `--mesh-scenario`,
    or of the ini word `mesh_scenario`.
    """
    settings = pytestconfig.stash[SETTINGS]
    if settings.scenarios:
        path, case = settings.scenarios[0]
        return path if case is None else f"{path}::{case}"
    if settings.wired is not None:
        path, case = settings.wired
        return path if case is None else f"{path}::{case}"
    return None


@pytest.fixture(scope="session")
def mesh_factory(pytestconfig: pytest.Config, mesh_scenario: Any) -> Callable[..., World]:
    """A maker of worlds, each a context manager; for `@given` and for tests that want several."""
    settings = pytestconfig.stash[SETTINGS]

    def make(scenario: Any = None, case: str | None = None, seed: int | None = None) -> World:
        return make_world(settings, mesh_scenario if scenario is None else scenario, case, seed)

    return make


@pytest.fixture
def mesh(request: pytest.FixtureRequest, mesh_scenario: Any) -> Iterator[World]:
    """A fresh world, started; closed when the test ends."""
    settings = request.config.stash[SETTINGS]
    scenario, case, seed = getattr(request, "param", (None, None, None))
    try:
        world = make_world(settings, mesh_scenario if scenario is None else scenario, case, seed)
        world.graph  # noqa: B018 - built now, so that its mistakes are told without our traceback
    except (MeshError, pytest.UsageError) as error:
        pytest.fail(str(error), pytrace=False)
    request.node.stash[MESH] = world
    with world:
        yield world
        request.node.user_properties += properties(world)


def make_world(settings: Settings, scenario: Any, case: str | None, seed: int | None) -> World:
    """Return the world of whatever names a scenario, not open yet.

    Raises:
        pytest.UsageError: nothing names one.
        ScenarioError: with every mistake and its place.
    """
    from meshsim.world import World  # noqa: PLC0415 - an unused plugin imports nothing

    if isinstance(scenario, World):
        return scenario
    if scenario is None:
        msg = (
            "the `mesh` fixture has no scenario: pass --mesh-scenario=PATH, set mesh_scenario in the ini "
            "file, mark the test @pytest.mark.mesh(scenario=...), or redefine the fixture `mesh_scenario` in "
            "a conftest"
        )
        raise pytest.UsageError(msg)
    if isinstance(scenario, str) and "::" in scenario:
        scenario, _, named = scenario.partition("::")
        case = case or named
    return World.from_file(
        scenario, case, settings.seed if seed is None else seed, **settings.world_options()
    )


def properties(world: World | Result) -> list[tuple[str, object]]:
    """Return what JUnit files say of a world."""
    return [
        ("mesh.seed", world.seed),
        ("mesh.trace_hash", world.hash),
        ("mesh.virtual_seconds", round(world.now, 6)),
    ]
