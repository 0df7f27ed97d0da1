"""Runs of a scenario, from set-up to verdict."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from meshsim.errors import ScenarioError
from meshsim.workloads.setup import run_setup
from meshsim.world import World
from tests.runner.shop import BUYERS, STATE, run, scenario, verdicts

if TYPE_CHECKING:
    from meshsim.runner import Result

PARTITION = {"at": "1s", "for": "500ms", "partition": ["shop", "stock"]}
SECOND = 1_000_000_000


def len_of_stock(mesh: Any) -> bool:
    """Be true at once."""
    return len(STATE) == 1


def phases(result: Result) -> list[tuple[int, str]]:
    return [(event.at_ns // 1_000_000, event.text) for event in result.trace.events("phase")]


def test_a_calm_run_passes() -> None:
    """Sixty calls in three seconds, all answered, and the phases are in the trace."""
    result = run()
    assert result.verdict == "pass", result.report()
    assert result.workloads == {"buyers": {"200": 60}}
    assert [name for _, name in phases(result)] == ["faults", "settle", "end"]
    assert phases(result)[:2] == [(0, "faults"), (3000, "settle")]
    assert result.calls == 120
    assert 3 <= result.now < 3.1
    assert "1 passed in 3s virtual" in result.summary


def test_a_fault_shows_in_the_error_rate_and_is_healed_at_the_end() -> None:
    """The same expectation passes without and fails with a partition, which ends with the run."""
    expect = [{"error_rate": "shop", "below": "1%"}]
    assert run(expect=expect).verdict == "pass"
    result = run(expect=expect, faults=[{"at": "2s", "partition": ["shop", "stock"]}])
    assert result.verdict == "fail"
    assert result.headline.startswith("shop: error rate 2")
    assert [event.at_ns for event in result.trace.events("heal")] == [3 * SECOND]
    assert set(result.workloads["buyers"]) == {"200", "503"}


def test_calls_under_way_end_before_the_verdict() -> None:
    """What was sent before the end has its reply when expectations are judged."""
    result = run(faults=[{"at": "2.8s", "partition": ["shop", "stock"]}], expect=["no unhandled errors"])
    assert sum(result.workloads["buyers"].values()) == 60
    assert all(call.ended_ns is not None for call in result.trace.calls)
    at_once = run(
        faults=[{"at": "2.8s", "partition": ["shop", "stock"]}], expect=[{"eventually": len_of_stock}]
    )
    assert sum(at_once.workloads["buyers"].values()) == 60


@pytest.mark.parametrize("plan", [[], [PARTITION, {"every": "300ms..1s", "crash": "stock/any"}]])
def test_the_same_seed_is_the_same_run(plan: list[Any]) -> None:
    """Two runs of a seed have one hash, on both carriers, and another seed has another."""
    words: Any = {"faults": plan, "workload": [{**BUYERS, "rate": "poisson(20/s)"}]}
    first = run(3, **words)
    again = run(3, **words)
    assert again.hash == first.hash, first.first_difference(again)
    threads = run(3, "thread", **words)
    assert threads.hash == first.hash, first.first_difference(threads)
    other = run(4, **words)
    assert other.hash != first.hash
    assert first.first_difference(other)


def test_progress_is_told_and_changes_nothing() -> None:
    """Whoever listens hears about every virtual second, and the run is the same."""
    from meshsim.runner import run_document

    told: list[tuple[float, float | None]] = []
    silent = run_document(scenario())
    heard = run_document(scenario(), on_progress=lambda now, total: told.append((now, total)))
    assert heard.hash == silent.hash
    assert [round(now) for now, _ in told] == [0, 1, 2]
    assert {total for _, total in told} == {3.0}


def test_without_a_duration_the_run_ends_with_its_workloads() -> None:
    """`count` ends the workload, and that ends the run."""
    result = run(duration=None, workload=[{**BUYERS, "count": 10}])
    assert result.workloads == {"buyers": {"200": 10}}
    assert result.now < 1


def test_without_workloads_the_run_ends_with_its_faults() -> None:
    """A run that only breaks things lasts until the last of them was."""
    result = run(duration=None, workload=[], faults=[{"at": "2s", "crash": "stock/0"}])
    assert result.verdict == "pass", result.report()
    assert result.now == pytest.approx(2, abs=0.01)


def test_settle_is_waited_out_where_nothing_must_come_true() -> None:
    """A stated `settle` gives late work its time."""
    assert run(settle="5s").now == pytest.approx(8, abs=0.1)


def test_setup_runs_with_the_mesh_before_time_counts() -> None:
    """Set-up functions may call services, and the run's moments begin after them."""
    seen: list[int] = []

    def stock_shelves(mesh: Any) -> None:
        seen.append(mesh.http("stock").post("/take").json()["left"])

    result = run(setup=[stock_shelves], faults=[PARTITION])
    assert seen == [999]
    with World.from_document(scenario(setup=[stock_shelves])) as mesh:
        run_setup(mesh)
        run_setup(mesh)
        assert seen == [999, 999]
    begin = next(event.at_ns for event in result.trace.events("phase"))
    assert [event.at_ns - begin for event in result.trace.events("fault")] == [SECOND]


def test_a_setup_that_raises_is_a_failure_with_its_traceback() -> None:
    """The run fails before it began, and says where."""

    def forget(mesh: Any) -> None:
        raise LookupError("no shelves")

    result = run(setup=[forget])
    assert result.verdict == "fail"
    assert "setup" in result.headline
    assert "in forget" in result.report()
    assert "no shelves" in result.report()


def test_a_service_that_does_not_boot_is_a_failure_of_the_run() -> None:
    """The report names the service, and the run can be told apart by its verdict alone."""

    def crash() -> None:
        raise RuntimeError("no database")

    services = {"shop": {"python": crash}}
    result = run(services=services, links={}, workload=[], faults=[])
    assert result.verdict == "fail"
    assert "shop" in result.headline
    assert "no database" in result.report()


def test_a_run_that_is_stuck_is_a_failure_with_its_report() -> None:
    """A workload that waits for ever, where nothing else can happen, is a deadlock and not a hang."""

    def wait(mesh: Any) -> None:
        mesh.kernel.park()

    result = run(duration=None, workload=[{"name": "own", "run": wait}])
    assert result.verdict == "fail"
    assert result.headline.startswith("deadlock at")
    assert "own-1" in result.report()


def test_a_workload_that_asserts_fails_the_run() -> None:
    """An assertion in a workload's own function is a failure with its place."""

    def picky(mesh: Any) -> None:
        assert mesh.http("shop").post("/buy").status_code == 201

    result = run(workload=[{"name": "own", "run": picky}])
    assert result.verdict == "fail"
    assert result.headline.startswith("workload own failed at")
    assert result.results[-1].place is not None


def test_a_call_that_no_adapter_can_make_is_a_mistake_in_the_scenario() -> None:
    """It is refused with its place before anything runs."""

    def clock(*_: Any) -> None:
        import time

        time.sleep(10_000)

    services = {"clock": {"python": clock}}
    with pytest.raises(ScenarioError, match="python has no calls that a scenario can make"):
        run(services=services, links={}, workload=[{"name": "own", "call": "clock tick", "count": 1}])


def test_always_ends_the_run_where_it_does_not_hold() -> None:
    """An invariant is looked at while the run goes on; its first failure ends the run."""

    def stock_is_plenty(mesh: Any) -> None:
        assert STATE["left"] >= 980, f"{STATE['left']} left"

    result = run(expect=[{"always": stock_is_plenty}, "no unhandled errors"])
    assert verdicts(result)[0] == ("fail", result.headline)
    assert result.headline.endswith("979 left")
    assert 1.0 <= result.now < 1.2
    assert [name for _, name in phases(result)] == ["faults", "end"]


def test_always_is_looked_at_between_calls_too() -> None:
    """Without any call there is a look at least every 100 ms of virtual time."""
    looks: list[int] = []

    def look(mesh: Any) -> bool:
        looks.append(mesh.kernel.now)
        return True

    result = run(workload=[], expect=[{"always": look}])
    assert result.verdict == "pass"
    assert len(looks) >= 30
    assert max(later - earlier for earlier, later in pairwise(looks)) <= SECOND // 10


def test_always_ends_a_run_without_calls_at_once() -> None:
    """Nobody needs to call for the run to end where an invariant broke."""
    result = run(workload=[], expect=[{"always": lambda mesh: mesh.now < 1}])
    assert result.verdict == "fail"
    assert result.now < 1.2


def test_a_call_that_ends_during_a_look_is_looked_at_next() -> None:
    """Looks that take time follow each other while calls end."""
    looks: list[int] = []

    def slow(mesh: Any) -> None:
        looks.append(mesh.kernel.now)
        mesh.kernel.sleep(SECOND * 3 // 20)

    run(workload=[{**BUYERS, "rate": "10/s"}], expect=[{"always": slow}])
    assert len(looks) >= 19


def test_always_may_call_the_mesh() -> None:
    """A look is a task: it may ask services, which takes virtual time."""

    def shop_answers(mesh: Any) -> bool:
        return bool(mesh.http("stock").post("/take").ok)

    assert run(expect=[{"always": shop_answers}]).verdict == "pass"


def test_eventually_must_come_true_after_healing() -> None:
    """It is looked at after everything was healed, until it holds, and fails when its time is over."""

    def shop_answers(mesh: Any) -> bool:
        return bool(mesh.http("shop").post("/buy").ok)

    cut = [{"at": "2s", "partition": ["shop", "stock"]}]
    result = run(faults=cut, settle="20s", expect=[{"eventually": shop_answers}])
    assert result.verdict == "pass", result.report()
    assert result.now < 4

    def never(mesh: Any) -> bool:
        return False

    result = run(expect=[{"eventually": never, "within": "2s"}])
    assert result.verdict == "fail"
    assert "never came true within 2s" in result.headline
    assert result.now == pytest.approx(5, abs=0.2)


def test_a_check_that_never_returns_fails() -> None:
    """A function that waits for ever is given up after 30 s of virtual time."""

    def hang(mesh: Any) -> bool:
        mesh.kernel.sleep(10**15)
        return True

    result = run(expect=[{"eventually": hang, "within": "1s"}])
    assert result.verdict == "fail"
    assert "did not return within 30s" in result.headline


def test_async_checks_are_run() -> None:
    """An `async` function is run to its end."""

    async def fine(mesh: Any) -> bool:
        return STATE["left"] < 1000

    assert run(expect=[{"eventually": fine}]).verdict == "pass"


def test_what_leaves_the_simulation_fails_the_run_whatever_is_expected() -> None:
    """A service that calls a host which nobody is, and does not handle that, never passes silently."""

    def lost(environ: Any, start: Any) -> list[bytes]:
        import requests

        requests.get("http://elsewhere.example.com/")
        return []

    expect = [{"amplification": "shop", "below": 2}]
    result = run(services={"shop": {"wsgi": lost}}, links={}, expect=expect)
    assert result.verdict == "fail"
    assert "FenceError" in result.headline
    assert "elsewhere.example.com" in result.headline


def test_the_trace_is_written_where_asked(tmp_path: Any) -> None:
    """`trace=` writes the run as lines of JSON."""
    from meshsim.runner import run_document

    path = tmp_path / "run.jsonl"
    run_document(scenario(), trace=path)
    assert len(path.read_text().splitlines()) > 120


def test_a_world_that_is_open_can_be_run_with_faults_of_its_own() -> None:
    """`run(world)` judges what a test injected too."""
    from meshsim.runner import run as run_open

    with World.from_document(scenario()) as mesh:
        outage = mesh.partition("shop", "stock", for_="1s")
        result = run_open(mesh)
    assert outage.fired
    assert result.workloads["buyers"].keys() == {"200", "503"}
    assert result.verdict == "pass", result.report()
