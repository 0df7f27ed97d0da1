"""The fixtures in tests of a user's own: which world they get, whose clock runs, what a failure says."""

from __future__ import annotations

import re
import shlex
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from tests.plugin.test_runs import ids

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

TWO = """
def test_first(mesh):
    assert mesh.http("shop").post("/buy").json() == {"taken": 1}

def test_second(mesh):
    assert mesh.http("shop").post("/buy").json() == {"taken": 1}
    mesh.http("shop").post("/buy")
    assert mesh.http("stock").post("/take").json() == {"taken": 3}
"""


def test_each_test_has_a_fresh_world(project: Project) -> None:
    """Two tests of one scenario share nothing, and JUnit has their seeds and hashes."""
    project.write("test_two.py", TWO)
    ran = project.pytest("test_two.py", "-o", "mesh_scenario=shop.mesh.yaml", "--junitxml=junit.xml")
    assert ran.code == 0, ran.out
    assert "2 passed" in ran.out
    names = [one.attrib["name"] for one in ET.parse(project.folder / "junit.xml").iter("property")]
    assert names == ["mesh.seed", "mesh.trace_hash", "mesh.virtual_seconds"] * 2


def test_several_scenarios_parametrize_mesh(project: Project) -> None:
    """A test that uses `mesh` runs once for each, one that does not runs once, and seeds multiply."""
    project.scenario("other")
    project.write("test_mine.py", "def test_a(mesh): pass\ndef test_b(): pass\n")
    both = ("test_mine.py", "--mesh-scenario=shop.mesh.yaml", "--mesh-scenario=other.mesh.yaml")
    ran = project.pytest(*both, "--collect-only", "-q")
    assert ids(ran.out) == [
        "test_mine.py::test_a[shop.mesh.yaml]",
        "test_mine.py::test_a[other.mesh.yaml]",
        "test_mine.py::test_b",
        "shop.mesh.yaml::run[seed0]",
        "other.mesh.yaml::run[seed0]",
    ]
    seeds = project.pytest(
        "test_mine.py::test_a", "--mesh-scenario=shop.mesh.yaml", "--mesh-seed=4+2", "--collect-only", "-q"
    )
    assert ids(seeds.out)[:2] == ["test_mine.py::test_a[seed4]", "test_mine.py::test_a[seed5]"]


def test_the_marker_says_scenario_case_seed_and_seeds(project: Project) -> None:
    """Each word reaches the world; a word that the marker has not is refused where it stands."""
    project.scenario("cased", "seed: 7\ncases:\n  long: {epoch: 2030-01-01T00:00:00Z}\n")
    project.write(
        "test_marks.py",
        """
        import datetime
        import pytest

        @pytest.mark.mesh(scenario="cased.mesh.yaml")
        def test_scenario(mesh):
            assert mesh.seed == 7 and datetime.datetime.now().year == 2026

        @pytest.mark.mesh(scenario="cased.mesh.yaml", case="long", seed=3)
        def test_case(mesh):
            assert mesh.seed == 3 and datetime.datetime.now().year == 2030

        @pytest.mark.mesh(scenario="cased.mesh.yaml", seed=5, seeds=2)
        def test_seeds(mesh, request):
            assert f"seed{mesh.seed}" in request.node.name
        """,
    )
    ran = project.pytest("test_marks.py", "-v")
    assert ran.code == 0, ran.out
    assert "4 passed" in ran.out
    assert "test_seeds[cased.mesh.yaml-seed6]" in ran.out
    for words, complaint in (
        ("sead=3", "not sead"),
        ("'shop'", "not positional arguments"),
        ("seeds='2'", "and seeds is a whole number from 1 on, not '2'"),
        ("seed=-1", "and seed is a whole number from 0 on, not -1"),
    ):
        project.write("test_wrong.py", f"import pytest\n@pytest.mark.mesh({words})\ndef test_a(mesh): pass\n")
        wrong = project.pytest("test_wrong.py")
        assert wrong.code in {2, 4}
        assert (
            "test_wrong.py::test_a: @pytest.mark.mesh takes scenario=, case=, seed= and seeds=" in wrong.out
        )
        assert complaint in wrong.out
        assert "INTERNALERROR" not in wrong.out


def test_what_names_no_scenario_or_a_wrong_one_is_told_plainly(project: Project) -> None:
    """No scenario, one that is not there, and one with mistakes: a sentence each, none of our frames."""
    project.write("bad.mesh.yaml", "scenario: x\nservices: {}\nduration: 10\nlinkz: {}\n")
    project.write("test_mine.py", "def test_a(mesh): pass\n")
    nothing = project.pytest("test_mine.py")
    assert nothing.code == 1
    assert "the `mesh` fixture has no scenario: pass --mesh-scenario=PATH" in nothing.out
    bad = project.pytest("test_mine.py", "-o", "mesh_scenario=bad.mesh.yaml")
    assert bad.code == 1
    assert "bad.mesh.yaml:3:11: " in bad.out
    assert "bad.mesh.yaml:4:1: " in bad.out
    for ran in (nothing, bad):
        assert "fixtures.py" not in ran.out


def test_mesh_scenario_may_be_redefined(project: Project) -> None:
    """A conftest may return a dict or a world in code, and `mesh` starts that."""
    service = "{'wsgi': 'stock:app', 'path': 'services'}"
    project.write(
        "dict/conftest.py",
        f"""
        import pytest
        @pytest.fixture(scope="session")
        def mesh_scenario():
            return {{"seed": 9, "services": {{"stock": {service}}}}}
    """,
    )
    project.write(
        "world/conftest.py",
        f"""
        import pytest
        from meshsim import World
        @pytest.fixture(scope="session")
        def mesh_scenario():
            return World(seed=9).service("stock", **{service})
    """,
    )
    text = """
    def test_a(mesh):
        assert mesh.seed == 9
        assert mesh.http("stock").post("/take").json() == {"taken": 1}
        assert mesh.http("stock").post("/take").json() == {"taken": 2}

    def test_b(mesh):
        assert mesh.now == 0
        assert mesh.http("stock").post("/take").json() == {"taken": 1}
    """
    project.write("dict/test_dict.py", text)
    project.write("world/test_world.py", text)
    ran = project.pytest("dict", "world")
    assert ran.code == 0, ran.out
    assert "4 passed" in ran.out


def test_the_factory_works_inside_given(project: Project) -> None:
    """Each example of Hypothesis has a world of its own; an hour in it is none of Hypothesis' deadline."""
    project.write(
        "test_given.py",
        """
        from hypothesis import given, settings, strategies as st

        @settings(max_examples=5, database=None, deadline=60_000)
        @given(seed=st.integers(0, 9), bought=st.integers(1, 3))
        def test_counts(mesh_factory, seed, bought):
            with mesh_factory(scenario="shop.mesh.yaml", seed=seed) as mesh:
                assert mesh.seed == seed
                for count in range(1, bought + 1):
                    assert mesh.http("shop").post("/buy").json() == {"taken": count}
    """,
    )
    ran = project.pytest("test_given.py")
    assert ran.code == 0, ran.out


def test_coroutines_run_on_virtual_time(project: Project) -> None:
    """Under pytest-asyncio and anyio `async def test_x(mesh)` sleeps an hour at once and calls with httpx."""
    project.write(
        "test_async.py",
        """
        import asyncio
        import pytest

        async def sleep_and_call(mesh):
            await asyncio.sleep(3600)
            assert mesh.now >= 3600
            async with mesh.httpx_async("shop") as client:
                assert (await client.post("/buy")).json() == {"taken": 1}

        @pytest.mark.asyncio
        async def test_asyncio(mesh):
            await sleep_and_call(mesh)

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_anyio(mesh, anyio_backend):
            await sleep_and_call(mesh)
    """,
    )
    ran = project.pytest("test_async.py", "-o", "mesh_scenario=shop.mesh.yaml")
    assert ran.code == 0, ran.out
    assert "2 passed" in ran.out
    project.write("test_auto.py", "import asyncio\nasync def test_a(mesh): await asyncio.sleep(3600)\n")
    auto = project.pytest("test_auto.py", "-o", "mesh_scenario=shop.mesh.yaml", "-o", "asyncio_mode=auto")
    assert auto.code == 0, auto.out


def test_a_failing_test_says_how_to_see_it_again(project: Project) -> None:
    """The section has seed and hash and a command; executed, it fails the same test with the same hash."""
    project.write(
        "test_fails.py",
        """
        def test_a(mesh):
            mesh.http("shop").post("/buy")
            assert mesh.seed != 5
    """,
    )
    ran = project.pytest("test_fails.py", "--mesh-scenario=shop.mesh.yaml", "--mesh-seed=4+2")
    assert "1 failed" in ran.out
    said = ran.line("seed 5, ")
    command = shlex.split(ran.line("again: ").removeprefix("again: "))
    assert command[:2] == ["pytest", "test_fails.py::test_a[seed5]"]
    again = project.pytest(*command[1:])
    assert again.line("seed 5, ") == said
    assert "test_fails.py::test_a[seed5]" in again.out
    policy = project.pytest(
        "test_fails.py",
        "--mesh-scenario=shop.mesh.yaml",
        "--mesh-seed=5",
        "--mesh-policy=fifo",
        "--mesh-carrier=thread",
    )
    assert policy.line("again: ").endswith("--mesh-policy=fifo --mesh-carrier=thread")


def test_users_fixtures_see_virtual_time_and_the_runner_does_not(project: Project) -> None:
    """Fixtures on both sides of a test that lasts an hour see its clock; the durations are real ones."""
    project.write(
        "test_time.py",
        """
        import time
        import pytest

        @pytest.fixture
        def rested(mesh):
            began = time.monotonic()
            time.sleep(3600)
            assert time.monotonic() - began >= 3600
            yield began
            assert time.monotonic() - began >= 3 * 3600
            time.sleep(3600)
            assert time.monotonic() - began >= 4 * 3600

        def test_a(rested, mesh):
            mesh.run_for("1h")
            assert mesh.http("stock").get("/hour", timeout=None).json() == {"slept": True}
            assert mesh.now >= 3 * 3600

        def test_b():
            assert time.time() < 4e9 and time.strftime("%H:%M:%S") == time.strftime("%H:%M:%S", time.localtime())
    """,
    )
    ran = project.pytest(
        "test_time.py", "-o", "mesh_scenario=shop.mesh.yaml", "--junitxml=junit.xml", "--durations=0", "-vv"
    )
    assert ran.code == 0, ran.out
    times = [float(case.attrib["time"]) for case in ET.parse(project.folder / "junit.xml").iter("testcase")]
    assert len(times) == 2
    assert all(0 <= time < 30 for time in times), times
    durations = [
        float(found) for found in re.findall(r"^([0-9.]+)s (?:setup|call|teardown)", ran.out, re.MULTILINE)
    ]
    assert durations
    assert max(durations) < 30


def test_an_idle_plugin_imports_nothing_of_meshsim(project: Project) -> None:
    """A session without scenarios has the shell of the plugin in it, and none of the rooms."""
    project.write(
        "test_idle.py",
        """
        import sys
        def test_idle():
            mine = {name for name in sys.modules if name.partition(".")[0] == "meshsim"}
            shell = {"meshsim", "meshsim.errors", "meshsim.pytest_plugin"}
            mine = {name for name in mine if not name.startswith("meshsim.plugin")}
            assert mine <= shell, sorted(mine - shell)
            assert "greenlet" not in sys.modules and "ruamel.yaml" not in sys.modules
            assert not {"meshsim.plugin.items", "meshsim.plugin.summary"} & set(sys.modules)
    """,
    )
    (project.folder / "shop.mesh.yaml").unlink()
    ran = project.run(sys.executable, "-m", "pytest", "test_idle.py")
    assert ran.code == 0, ran.out
